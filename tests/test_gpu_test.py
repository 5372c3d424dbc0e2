"""`make gpu-test` without a GPU: what it makes of what its programs say."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
CAFFE = ROOT / "build/bin/caffe"
CARRIED = [
    *("tests/gpu_test.py", "tests/gpu", "prototxt"),
    *(
        "python/drml/__init__.py",
        "python/drml/nets/__init__.py",
        "python/drml/nets/log.py",
        "data_prep/__init__.py",
    ),
    *("data_prep/base.py", "data_prep/processes.py"),
]


class Machine:
    """A folder with stand-ins (fake_gpu.py) for programs, faces and nets."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("bin/caffe", "bin/runner", "path/compute-sanitizer"):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / "tests/fake_gpu.py", folder / name)
            (folder / name).chmod(0o755)
        (folder / "bin/src/caffe/test/test_data").mkdir(parents=True)
        (folder / "data").mkdir()
        (folder / "data/train_0000.h5").write_text("faces")
        net = (ROOT / "prototxt/drml_train_val.prototxt").read_text()
        for place in ("data", "data/release"):
            (folder / place).mkdir(exist_ok=True)
            (folder / place / "drml_train_val.prototxt").write_text(net)
        (folder / "data/drml_solver.prototxt").write_text(
            'test_iter: 12\nmax_iter: 420\ndisplay: 10\nnet: "a"\nsnapshot_prefix: "b"'
            "\n"
        )

    def wrong(self, *words: str) -> None:
        (self.folder / "wrong").write_text("\n".join(words))

    def command(self, *options: str, root: Path = ROOT) -> list:
        command = [sys.executable, "-I", "-S", root / "tests/gpu_test.py"]
        for option in ("caffe=bin/caffe", "runner=bin/runner", "data=data"):
            command.append(f"--{option}")
        return [*command, "--out=out", "--report=gpu.md", "--commit=c0ffee", *options]

    @property
    def environment(self) -> dict:
        path = f"{self.folder / 'path'}:{os.environ['PATH']}"
        return {**os.environ, "FAKE_GPU": str(self.folder), "PATH": path}

    def run(self, *options: str, **more) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*options, **more), cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def calls(self) -> list[str]:
        """What was called since the last time, less what every run asks."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        always = ("device_query", "--gtest_list_tests")
        return [line for line in lines if not any(word in line for word in always)]

    @property
    def report(self) -> str:
        return (self.folder / "gpu.md").read_text()

    def outcome(self, step: str) -> list[str]:
        """The cells of a step's row in the report's first table."""
        lines = self.report.splitlines()
        (row,) = [line for line in lines if line.startswith(f"| {step} | ")]
        return [cell.strip() for cell in row.split("|")[2:4]]


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def test_all_passes_and_is_not_repeated(machine):
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert "NVIDIA Abacus, compute capability 9.0" in machine.report
    assert "at commit c0ffee" in machine.report
    assert machine.outcome("suite") == [
        "passed",
        "9 tests passed, 0 failed; 6 of those that passed are a typed test's GPU half",
    ]
    assert machine.outcome("losses")[0] == "passed"
    assert "differ by at most 0.0e+00" in machine.outcome("losses")[1]
    # The mean of 8 x 0.98^0, ^10, ... ^90; and of ^320, ... ^410.
    assert "the loss went from 3.79 to 0.00591" in machine.outcome("train")[1]
    assert "2 test cases under 4 tools: nothing found" in machine.report
    assert "drml 2.5 ms, convnet 2.5 ms" in machine.outcome("times")[1]
    assert "| conv1 | 2.500 | 0.000 |" in machine.report
    assert "not finished" not in machine.report
    assert len(machine.calls()) == 1 + 1 + 8 + 1 + 2 + 16 + 4
    assert machine.run().returncode == 0
    assert machine.calls() == []


def test_what_is_redone(machine):
    machine.run("--only", "losses", "times")
    machine.calls()
    machine.run("--only", "losses", "--redo")
    assert [call.split()[:2] for call in machine.calls()] == [["caffe", "train"]] * 8
    with (machine.folder / "bin/runner").open("a") as program:
        program.write("# other tests\n")
    machine.run("--only", "times")
    assert [call.split()[:2] for call in machine.calls()] == [["caffe", "time"]] * 4
    assert machine.outcome("losses") == ["not run", ""]


def test_without_a_gpu_it_says_so(machine):
    machine.wrong("no gpu")
    result = machine.run()
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("gpu_test.py: error: CUDA sees no GPU here: ")
    assert result.stderr.count("\n") == 1
    assert machine.calls() == []


def test_a_cpu_only_program_says_so(machine):
    (machine.folder / "bin/caffe").unlink()
    (machine.folder / "bin/caffe").symlink_to(CAFFE)
    result = machine.run()
    assert result.returncode == 1
    sentence = "gpu_test.py: error: Cannot use a GPU: this Caffe was built without CUDA"
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("bin/runner", "bin/runner is no program; build it"),
        ("data/train_0000.h5", "has no train_0000.h5; `make gpu-data` makes faces"),
        ("bin/src/caffe/test/test_data", "wants the folder src/caffe/test/test_data"),
    ],
)
def test_what_is_missing_is_named(machine, lost, said):
    (machine.folder / lost).rename(machine.folder / "lost")
    result = machine.run()
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_library_is_named(machine):
    ldd = machine.folder / "path/ldd"
    ldd.write_text("#!/bin/sh\nprintf '\\tlibcudnn.so.9 => not found\\n'\n")
    ldd.chmod(0o755)
    result = machine.run()
    assert result.returncode == 1
    assert "needs libcudnn.so.9, which this machine lacks; install" in result.stderr


def test_a_test_that_ends_the_program_costs_only_itself(machine):
    machine.wrong(
        "crash BoxLayerTest/2.TestForward", "fail SyncedMemoryTest.TestGPURead"
    )
    result = machine.run("--only", "suite", "times")
    assert result.returncode == 1
    assert machine.outcome("suite")[0] == "**FAILED**"
    assert machine.outcome("suite")[1].startswith("7 tests passed, 2 failed")
    assert (
        "| BoxLayerTest/2.TestForward | ended the program: status 1: CUDA: an illegal "
        "memory access was encountered. |" in machine.report
    )
    assert "| SyncedMemoryTest.TestGPURead | failed |" in machine.report
    assert machine.outcome("times")[0] == "passed"


@pytest.mark.parametrize(
    ("wrong", "step", "said"),
    [
        ("gpu off", "losses", "differ by at most 1.0e-03 (allowed: 1e-04)"),
        ("nan", "losses", "differ by at most inf"),
        ("other weights", "losses", "OTHER WEIGHTS OR LOSSES"),
        ("no fall", "train", "the loss went from 8 to 8 "),
        ("no snapshot", "train", "NO SNAPSHOT"),
        ("find racecheck", "sanitizer", "2 with findings"),
        ("crash BoxLayerTest/2.TestForward", "sanitizer", "4 with findings"),
    ],
)
def test_what_fails(machine, wrong, step, said):
    machine.wrong(wrong)
    assert machine.run("--only", step).returncode == 1
    outcome, summary = machine.outcome(step)
    assert outcome == "**FAILED**"
    assert said in summary


def test_a_sanitizer_that_cannot_run_is_skipped(machine):
    machine.wrong("no sanitizer")
    assert machine.run("--only", "sanitizer").returncode == 0
    verdict, why = machine.outcome("sanitizer")[:2]
    assert verdict == "skipped"
    assert "does not run here: Error: Target application terminated" in why


def test_without_the_sanitizer_it_is_skipped(machine):
    shutil.rmtree(machine.folder / "path")
    result = machine.run("--only", "sanitizer")
    assert result.returncode == 0
    assert machine.outcome("sanitizer")[0] == "skipped"
    assert "compute-sanitizer is neither on the PATH" in machine.outcome("sanitizer")[1]


def test_it_ends_in_time(machine):
    result = machine.run("--seconds=0.01")
    assert result.returncode == 1
    said = "gpu_test.py: error: the 0.01 s are up; the same command goes on\n"
    assert result.stderr == said


def test_a_program_that_runs_when_time_is_up_is_killed(tmp_path):
    from gpu.children import Children, StoppedError

    children = Children(seconds=0.5)
    with pytest.raises(StoppedError, match=r"the 0\.5 s are up"):
        children.run(["sh", "-c", "sleep 100; touch late"], tmp_path / "log")
    with pytest.raises(StoppedError):
        children.run(["touch", tmp_path / "later"], tmp_path / "log")
    assert [file.name for file in tmp_path.iterdir()] == ["log"]


def test_a_test_that_hangs_has_a_limit(machine, monkeypatch):
    from gpu import gtest
    from gpu.children import Children

    machine.wrong("hang BoxLayerTest/2.TestForward")
    monkeypatch.setenv("FAKE_GPU", str(machine.folder))
    tests = ["BoxLayerTest/0.TestForward", "BoxLayerTest/2.TestForward", "A.B"]
    result = gtest.run(
        Children(),
        machine.folder / "bin/runner",
        tests,
        machine.folder / "log",
        limit=5,
    )
    assert result["passed"] == ["BoxLayerTest/0.TestForward", "A.B"]
    (why,) = result["failed"].values()
    assert why == "ended the program: did not end within 5 s"


def test_ctrl_c_leaves_nothing_running_and_the_next_run_goes_on(machine):
    machine.wrong("hang BenchmarkTest/0.TestTimer")
    run = subprocess.Popen(
        machine.command("--only", "suite"), cwd=machine.folder,
        env=machine.environment, stderr=subprocess.PIPE, text=True,
        # Where these tests run in the background, SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    calls = machine.folder / "calls"
    while not calls.exists() or "filter=BenchmarkTest" not in calls.read_text():
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=100)
    assert run.returncode == 130
    assert "run the same command again to go on" in said
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True)
    assert str(machine.folder / "bin/runner") not in running.stdout
    assert "not finished" in machine.report
    assert len(machine.calls()) == 2
    machine.wrong()
    assert machine.run("--only", "suite").returncode == 0
    (call,) = machine.calls()
    assert "filter=BenchmarkTest" in call
    assert machine.outcome("suite")[0] == "passed"


def test_it_runs_alone(machine, tmp_path):
    """Of the repository, these files are enough; and no package."""
    for name in CARRIED:
        (tmp_path / "alone" / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / "alone" / name)
    result = machine.run(root=tmp_path / "alone")
    assert result.returncode == 0, result.stderr


def test_it_is_python_3_9():
    files = [
        file for name in CARRIED for file in [ROOT / name, *(ROOT / name).glob("*")]
    ]
    sources = [file for file in files if file.suffix == ".py"]
    assert len(sources) > 10
    for file in sources:
        ast.parse(file.read_text(), feature_version=(3, 9))


def caffe(folder: Path, *words: str) -> str:
    """Run the real program; returns its log."""
    result = subprocess.run(
        [CAFFE, *words], cwd=folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, "GLOG_logtostderr": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stderr


def test_losses_of_the_real_caffe(tmp_path, monkeypatch):
    from gpu import losses, nets
    from gpu.children import Ended

    monkeypatch.setattr(losses, "ITERATIONS", 3)
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "train_0000.h5", "w") as file:
        file["data"] = rng.normal(0, 50, (4, 3, 170, 170)).astype(np.float32)
        file["label"] = rng.choice((-1, 1), (4, 12)).astype(np.float32)
    nets.write_face_list(tmp_path, tmp_path / "train.txt")
    text = (ROOT / "prototxt/drml_train_val.prototxt").read_text()
    faces = nets.hdf5_faces("train.txt", 2, shuffle=False)
    (tmp_path / "net").write_text(nets.with_data(text, faces, dropout=False))
    (tmp_path / "solver").write_text(
        losses.SOLVER.format(net="net", iterations=3, prefix="drml")
    )
    log = caffe(tmp_path, "train", "-solver", "solver")
    run = losses.read(Ended(0, log, 1), tmp_path / "drml_iter_3.caffemodel")
    assert len(set(run["losses"])) == 3
    assert "drop" not in log
    assert losses.judge({"release": dict.fromkeys(losses.RUNS, run)}).passed


@pytest.mark.parametrize("network", ["drml", "alexnet"])
def test_times_of_the_real_caffe(tmp_path, network):
    from gpu import nets, times

    text = (ROOT / f"prototxt/{network}_train_val.prototxt").read_text()
    text = nets.with_data(text, nets.random_faces(nets.crop(text), 8))
    (tmp_path / "net").write_text(text)
    layers = times.read(caffe(tmp_path, "time", "-model=net", "-iterations=1"))
    assert next(iter(layers)) == "conv1"
    assert list(layers)[-1] == "loss"
    assert all(ways.keys() == {"forward", "backward"} for ways in layers.values())
    assert layers["conv1"]["forward"] > 0
