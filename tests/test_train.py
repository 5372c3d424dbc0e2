"""train.py's resuming and stopping, with a stand-in for the caffe program."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from caffe.proto import caffe_pb2

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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
