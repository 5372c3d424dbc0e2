"""train.py --patience, with a stand-in for caffe that leaves snapshots of known F1."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_dataset import DEPLOY
from training_left import SOLVER, make_training, snapshot

TRAIN = ("-m", "drml", "train")

# Takes the snapshots of stock/ one by one, each when the one before was scored.
FAKE_CAFFE = f"""#!{sys.executable}
import os, pathlib, shutil, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit())
selection = pathlib.Path("out/selection.json")
for n in range(10, int(os.environ["LAST"]) + 1, 10):
    model = f"tiny_iter_{{n}}.caffemodel"
    if os.path.exists("out/" + model):
        continue
    while not os.path.exists("stock/" + model):
        print("x] waiting", flush=True)
        time.sleep(0.02)
    os.rename("stock/" + model, "out/" + model)
    shutil.copy(f"stock/tiny_iter_{{n}}.solverstate", "out")
    while not selection.exists() or f'"iteration": {{n}},' not in selection.read_text():
        print("x] Iteration", n, "(1 iter/s, 5s/10 iters), loss = 3", flush=True)
        time.sleep(0.02)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A training that Caffe has yet to do, to iteration 30: F1 is best at 20."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAST", "40")
    make_training()
    caffe = Path("caffe")
    caffe.write_text(FAKE_CAFFE)
    caffe.chmod(caffe.stat().st_mode | stat.S_IEXEC)
    Path("stock").mkdir()
    for iteration, bias in [(10, -1), (20, 1), (30, -1)]:
        add_to_stock(iteration, bias)


def add_to_stock(iteration, bias):
    snapshot(iteration, bias)
    for kind in ("caffemodel", "solverstate"):
        file = Path(f"out/tiny_iter_{iteration}.{kind}")
        file.rename(Path("stock", file.name))


def command(*options):
    train = [sys.executable, *TRAIN, "solver.prototxt", "--caffe", "./caffe"]
    return [*train, "--net", "net.prototxt", "--data", "data", *options]


def train(*options):
    return subprocess.run(
        command(*options), capture_output=True, text=True, timeout=240
    )


def test_ends_when_f1_no_longer_rises_and_stays_ended(project):
    done = train("--patience", "1")
    assert done.returncode == 0, done.stderr
    assert "ends early at 30: 1 snapshots without a better F1" in done.stdout
    record = json.loads(Path("out/selection.json").read_text())
    assert record["chosen"] == 20

    add_to_stock(40, -1)
    again = train("--patience", "1")
    assert again.returncode == 0
    assert "is trained: it ended early at 30, nothing to do" in again.stdout
    assert "Iteration" not in again.stdout

    more = train("--patience", "2")
    assert "resuming solver.prototxt at iteration 30 of 45" in more.stdout
    assert "ends early at 40" in more.stdout


def test_trains_to_the_end_where_f1_rises(project, monkeypatch):
    monkeypatch.setenv("LAST", "30")
    Path("solver.prototxt").write_text(SOLVER.replace("45", "30"))
    done = train("--patience", "2")
    assert done.returncode == 0
    assert "early" not in done.stdout
    assert "out/tiny_iter_30.solverstate exists" in train("--patience", "2").stdout


def test_what_cannot_be_scored_ends_the_training(project):
    Path("net.prototxt").write_text(DEPLOY.replace("Sigmoid", "Sigmund"))
    done = train("--patience", "1")
    assert done.returncode == 1
    assert "drml select: error: net.prototxt: layer prob has" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "drml train: error: the snapshots could not be scored, for the reason above"
    )
    assert Path("out/tiny_iter_10.caffemodel").exists()
    assert not Path("out/tiny_iter_20.caffemodel").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_goes_on_later(project, number):
    for file in Path("stock").glob("*_30.*"):
        file.rename(file.name)
    with subprocess.Popen(
        command("--patience", "1"), stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if "waiting" in line:
                break
        os.kill(process.pid, number)
        process.communicate(timeout=30)
    assert process.returncode == 130
    for file in Path().glob("*_30.*"):
        file.rename(Path("stock", file.name))
    assert "ends early at 30" in train("--patience", "1").stdout


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda: Path("net.prototxt").rename("n"), "is not there seen from"),
        (lambda: Path("data/dataset.json").unlink(), "data/dataset.json does not"),
        (
            lambda: Path("solver.prototxt").write_text(SOLVER.replace("10", "0")),
            "solver.prototxt has no snapshot interval",
        ),
    ],
)
def test_bad_input_is_one_sentence_before_training(project, change, sentence):
    change()
    done = train("--patience", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_patience_net_and_data_go_together(project):
    done = train()
    assert done.returncode == 2
    assert "--patience, --net and --data go together" in done.stderr
