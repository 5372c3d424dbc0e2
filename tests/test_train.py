"""drml train: resuming, stopping and the early end, with stand-ins for caffe."""

import json
import math
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_dataset import DEPLOY
from training_left import SOLVER, make_training
from training_left import snapshot as scored_snapshot

from caffe.proto import caffe_pb2
from drml.nets.progress import base_rate_loss

ROOT = Path(__file__).parents[1]
TRAIN = ROOT / "python" / "train.py"  # `drml train` as a file

# Logs its arguments; with "wait" in its folder it trains until SIGINT, as Caffe does.
FAKE_CAFFE = f"""#!{sys.executable}
import pathlib, signal, sys, time
print("caffe", *sys.argv[1:], file=sys.stderr, flush=True)
print("x] Iteration 10 (2 iter/s, 5s/10 iters), loss = 3", file=sys.stderr, flush=True)
stop = []
signal.signal(signal.SIGINT, lambda *_: stop.append(1))
if pathlib.Path("wait").exists():
    pathlib.Path("started").touch()
    while not stop:
        time.sleep(0.01)
    time.sleep(0.2)  # the snapshot takes its time
    pathlib.Path("snapshots/net_iter_17.solverstate").touch()
status = pathlib.Path("status")
sys.exit(int(status.read_text()) if status.exists() else 0)
"""


@pytest.fixture
def project(tmp_path):
    """A folder with a solver, its net and a fake caffe."""
    caffe = tmp_path / "caffe"
    caffe.write_text(FAKE_CAFFE)
    caffe.chmod(caffe.stat().st_mode | stat.S_IEXEC)
    (tmp_path / "net.prototxt").touch()
    (tmp_path / "solver.prototxt").write_text(
        'net: "net.prototxt"\nmax_iter: 100\nsnapshot_prefix: "snapshots/net"\n'
    )
    return tmp_path


def command(*options):
    return [sys.executable, TRAIN, "solver.prototxt", "--caffe", "./caffe", *options]


def train(project, *options):
    return subprocess.run(
        command(*options), cwd=project, capture_output=True, text=True, timeout=120
    )


def snapshot(project, iteration):
    """Leave behind what Caffe does: a model, and a state that names it."""
    folder = project / "snapshots"
    folder.mkdir(exist_ok=True)
    model = folder / f"net_iter_{iteration}.caffemodel"
    model.touch()
    name = str(model.relative_to(project))
    state = caffe_pb2.SolverState(iter=iteration, learned_net=name)
    state.history.add().data.extend([1.0] * 100)
    file = folder / f"net_iter_{iteration}.solverstate"
    file.write_bytes(state.SerializeToString())
    return file


def test_fresh_run_is_shown_and_logged(project):
    (project / "out").mkdir()
    (project / "out/train.log").write_text("earlier\n")
    done = train(project, "--log", "out/train.log")
    assert done.returncode == 0
    assert "from the start to iteration 100" in done.stdout
    assert "caffe train -solver solver.prototxt\n" in done.stdout
    assert "about 0:00:45 left" in done.stdout  # (100 - 10) / 2
    lines = (project / "out/train.log").read_text().splitlines()
    assert lines[:2] == ["earlier", "caffe train -solver solver.prototxt"]
    assert len(lines) == 3
    assert (project / "snapshots").is_dir()


def test_caffe_that_was_killed_is_called_so(project):
    caffe = project / "caffe"
    kill = "import os; os.kill(os.getpid(), 9)\n"
    caffe.write_text(caffe.read_text().replace("status = ", f"{kill}status = "))
    done = train(project)
    assert done.returncode == 137
    assert "caffe was ended by SIGKILL, perhaps for want of memory;" in done.stdout


DATASET = {
    "dataset": "BP4D",
    "generated": True,
    "aus": [1, 12],
    "size": 200,
    "fold": 1,
    "seed": 1,
    "splits": {
        "train": {"faces": 8, "positive": [2, 4], "negative": [6, 2], "unknown": [0, 2]}
    },
}
MULTILABEL_NET = """
layer { name: "data" type: "MultilabelData" top: "data" top: "label"
  include { phase: TEST } data_param { source: "elsewhere/val_lmdb" } }
layer { name: "data" type: "MultilabelData" top: "data" top: "label"
  include { phase: TRAIN } data_param { source: "fold1/train_lmdb" } }
"""
# AU 1: 8 faces x entropy(1/4) = 4.499; AU 12: 6 known x entropy(2/3) = 3.819; / 8
BASE_RATES = 1.040


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        ("0.52", "loss 0.52, 50% below the base rates' 1.04; about 0:00:45 left"),
        ("1.0405", "loss 1.04, a plateau: no better than the base rates' 1.04; about"),
        ("2.08", "loss 2.08, 100% above the base rates' 1.04; about"),
        ("-nan", "drml train: about 0:00:45 left"),
    ],
)
def test_progress_tells_a_plateau(project, loss, sentence):
    caffe = project / "caffe"
    caffe.write_text(FAKE_CAFFE.replace("loss = 3", f"loss = {loss}"))
    (project / "net.prototxt").write_text(MULTILABEL_NET)
    (project / "fold1").mkdir()
    (project / "fold1/dataset.json").write_text(json.dumps(DATASET))
    assert sentence in train(project).stdout


def test_the_base_rates_loss_is_that_of_the_best_constant_scores():
    counts = DATASET["splits"]["train"]
    assert base_rate_loss(counts) == pytest.approx(BASE_RATES, abs=5e-4)
    best = sum(
        min(
            -present * math.log(p) - absent * math.log(1 - p)
            for p in np.linspace(0.001, 0.999, 999)
        )
        for present, absent in zip(counts["positive"], counts["negative"], strict=True)
    )
    assert base_rate_loss(counts) == pytest.approx(best / 8, rel=1e-5)
    one_class = {"faces": 3, "positive": [0], "negative": [3]}
    assert base_rate_loss(one_class) == 0


def test_resumes_from_the_newest_whole_snapshot(project):
    for iteration in (8, 9, 10):  # as text, 9 would be the newest
        snapshot(project, iteration)
    broken = snapshot(project, 20)
    broken.write_bytes(broken.read_bytes()[:-7])
    orphan = snapshot(project, 30)
    orphan.with_suffix(".caffemodel").unlink()
    done = train(project)
    assert "at iteration 10 of 100" in done.stdout
    assert "-snapshot snapshots/net_iter_10.solverstate" in done.stdout


def test_a_finished_training_is_left_alone(project):
    snapshot(project, 100)
    done = train(project)
    assert done.returncode == 0
    assert "nothing to do" in done.stdout
    assert "caffe train" not in done.stdout


NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 2 dim: 3 } shape { dim: 2 dim: 1 }
    data_filler { value: 1 } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 1 } }
layer { name: "loss" type: "EuclideanLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def test_caffes_hdf5_snapshots_are_resumed(project):
    (project / "net.prototxt").write_text(NET)
    solver = project / "solver.prototxt"
    solver.write_text(
        'net: "net.prototxt" snapshot_prefix: "net" snapshot_format: HDF5 type: "Adam" '
        'solver_mode: CPU base_lr: 0.1 momentum2: 0.9 lr_policy: "fixed" max_iter: 2'
    )
    caffe = ("--caffe", str(ROOT / "build/bin/caffe"))
    assert train(project, *caffe).returncode == 0
    solver.write_text(solver.read_text().replace("max_iter: 2", "max_iter: 4"))
    done = train(project, *caffe)
    assert done.returncode == 0
    assert "at iteration 2 of 4" in done.stdout
    assert (project / "net_iter_4.caffemodel.h5").is_file()
    assert "nothing to do" in train(project, *caffe).stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_waits_for_the_snapshot(project, number):
    (project / "wait").touch()
    with subprocess.Popen(
        command(),
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not (project / "started").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (project / "snapshots/net_iter_17.solverstate").exists()
    assert errors.strip() == "interrupted; run the same command again to go on"


def test_exit_status_is_caffes(project):
    (project / "status").write_text("3")
    done = train(project)
    assert done.returncode == 3
    assert "caffe ended with status 3" in done.stdout


@pytest.mark.parametrize(
    ("solver", "sentence"),
    [
        (None, "solver.prototxt does not exist"),
        ("max_iter: many", "solver.prototxt is not a Caffe solver: 1:11"),
        ("base_lr: 1", "solver.prototxt has no max_iter"),
        ('net: "no.prototxt" max_iter: 1', "names the net no.prototxt"),
    ],
)
def test_bad_solver_is_one_sentence(project, solver, sentence):
    file = project / "solver.prototxt"
    file.unlink() if solver is None else file.write_text(solver)
    done = train(project)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_missing_caffe_is_one_sentence(project):
    (project / "caffe").unlink()
    done = train(project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "./caffe is no program" in done.stderr


# ---- The early end

# Takes the snapshots of stock/ one by one, each when the one before was scored.
SCORED_CAFFE = f"""#!{sys.executable}
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
def stocked(tmp_path, monkeypatch):
    """A training that Caffe has yet to do, to iteration 30: F1 is best at 20."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAST", "40")
    make_training()
    caffe = Path("caffe")
    caffe.write_text(SCORED_CAFFE)
    caffe.chmod(caffe.stat().st_mode | stat.S_IEXEC)
    Path("stock").mkdir()
    for iteration, bias in [(10, -1), (20, 1), (30, -1)]:
        add_to_stock(iteration, bias)


def add_to_stock(iteration, bias):
    scored_snapshot(iteration, bias)
    for kind in ("caffemodel", "solverstate"):
        file = Path(f"out/tiny_iter_{iteration}.{kind}")
        file.rename(Path("stock", file.name))


def patiently(*options):
    words = [
        sys.executable,
        "-m",
        "drml",
        "train",
        "solver.prototxt",
        "--caffe",
        "./caffe",
    ]
    return [*words, "--net", "net.prototxt", "--data", "data", *options]


def train_patiently(*options):
    return subprocess.run(
        patiently(*options), capture_output=True, text=True, timeout=240
    )


def test_ends_when_f1_no_longer_rises_and_stays_ended(stocked):
    done = train_patiently("--patience", "1")
    assert done.returncode == 0, done.stderr
    assert "ends early at 30: 1 snapshots without a better F1" in done.stdout
    record = json.loads(Path("out/selection.json").read_text())
    assert record["chosen"] == 20

    add_to_stock(40, -1)
    again = train_patiently("--patience", "1")
    assert again.returncode == 0
    assert "is trained: it ended early at 30, nothing to do" in again.stdout
    assert "Iteration" not in again.stdout

    more = train_patiently("--patience", "2")
    assert "resuming solver.prototxt at iteration 30 of 45" in more.stdout
    assert "ends early at 40" in more.stdout


def test_trains_to_the_end_where_f1_rises(stocked, monkeypatch):
    monkeypatch.setenv("LAST", "30")
    Path("solver.prototxt").write_text(SOLVER.replace("45", "30"))
    done = train_patiently("--patience", "2")
    assert done.returncode == 0
    assert "early" not in done.stdout
    assert (
        "out/tiny_iter_30.solverstate exists"
        in train_patiently("--patience", "2").stdout
    )


def test_what_cannot_be_scored_ends_the_training(stocked):
    Path("net.prototxt").write_text(DEPLOY.replace("Sigmoid", "Sigmund"))
    done = train_patiently("--patience", "1")
    assert done.returncode == 1
    assert "drml select: error: net.prototxt: layer prob has" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "drml train: error: the snapshots could not be scored, for the reason above"
    )
    assert Path("out/tiny_iter_10.caffemodel").exists()
    assert not Path("out/tiny_iter_20.caffemodel").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_goes_on_later(stocked, number):
    for file in Path("stock").glob("*_30.*"):
        file.rename(file.name)
    with subprocess.Popen(
        patiently("--patience", "1"), stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if "waiting" in line:
                break
        os.kill(process.pid, number)
        process.communicate(timeout=30)
    assert process.returncode == 130
    for file in Path().glob("*_30.*"):
        file.rename(Path("stock", file.name))
    assert "ends early at 30" in train_patiently("--patience", "1").stdout


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
def test_bad_input_is_one_sentence_before_training(stocked, change, sentence):
    change()
    done = train_patiently("--patience", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_patience_net_and_data_go_together(stocked):
    done = train_patiently()
    assert done.returncode == 2
    assert "--patience, --net and --data go together" in done.stderr
