"""`make demo NET=...`: which steps are done again and what is kept.

A stand-in for drml notes each call and writes the step's last file only.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

STAND_IN = """
import sys
from pathlib import Path

words = sys.argv[1:]
with Path(__file__).with_name("calls").open("a") as calls:
    print(*words, file=calls)
given = dict(zip(words, words[1:]))
command = words[0]
out, network = Path(given.get("--out", words[1])), given.get("--network")
if command == "train":  # out is the solver
    name = out.name.removesuffix("_solver.prototxt")
    made = out.with_name(f"{name}_iter_{out.read_text()}")
else:
    made = out / {
        "generate": "generated.json",
        "import": "fold1/dataset.json",
        "prototxt": f"{network}_solver.prototxt",
        "evaluate": "evaluation.json",
        "report": "",
    }[command]
made.parent.mkdir(parents=True, exist_ok=True)
hdf5 = ".h5" if given.get("--snapshot-format") == "HDF5" else ""
made.write_text(f"{given.get('--max-iter')}.solverstate{hdf5}")
"""


def make(*variables: str) -> subprocess.CompletedProcess:
    command = ["make", "-o", "all", "demo", *variables]  # Caffe is taken as built
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def demo(tmp_path):
    """Run the demo in tmp_path/demo; returns the calls of this run."""
    (tmp_path / "drml.py").write_text(STAND_IN)

    def run(*variables: str) -> list[str]:
        (tmp_path / "calls").write_text("")
        command = f"DRML={sys.executable} {tmp_path}/drml.py"
        result = make(f"DEMO={tmp_path}/demo", command, *variables)
        assert result.returncode == 0, result.stderr
        return (tmp_path / "calls").read_text().splitlines()

    return run


def commands(calls: list[str]) -> list[str]:
    return [call.split()[0] for call in calls]


NETWORK_STEPS = ["prototxt", "train", "evaluate", "report"]


def test_faces_are_shared_and_every_network_is_reported(demo, tmp_path):
    assert commands(demo()) == ["generate", "import", *NETWORK_STEPS]
    calls = demo("NET=lcn")
    assert commands(calls) == NETWORK_STEPS
    assert f"--weights {tmp_path}/demo/lcn/lcn_iter_300.caffemodel.h5" in calls[2]
    calls = demo("NET=alexnet")
    assert commands(calls) == ["import", *NETWORK_STEPS]  # larger faces
    assert "--size 238" in calls[0]
    folders = [f"{tmp_path}/demo/{net}" for net in ("drml", "lcn", "alexnet")]
    evaluations = " ".join(f"{folder}/evaluation" for folder in folders)
    logs = " ".join(f"{folder}/train.log" for folder in folders)
    assert f"--evaluation {evaluations} --log {logs} --data" in calls[-1]


def test_a_second_run_does_nothing(demo):
    demo("NET=convnet")
    demo()
    assert demo("NET=convnet") == demo() == []


def test_other_settings_start_one_network_anew(demo, tmp_path):
    demo()
    demo("NET=convnet")
    assert commands(demo("NET=convnet", "DEMO_ITER=7")) == NETWORK_STEPS
    states = tmp_path.glob("demo/convnet/*.solverstate")
    assert [state.name for state in states] == ["convnet_iter_7.solverstate"]
    assert demo() == []


def test_other_faces_start_all_anew(demo, tmp_path):
    demo("NET=convnet")
    steps = commands(demo("DEMO_FACES=--subjects 6 --seed 2"))
    assert steps == ["generate", "import", *NETWORK_STEPS]
    assert not (tmp_path / "demo/convnet").exists()


@pytest.mark.parametrize("net", ["vgg", "", "drml lcn"])
def test_a_wrong_network_is_one_sentence(net):
    result = make(f"NET={net}")
    assert result.returncode == 2
    sentence = f"NET={net} is no network: give NET=drml, convnet, lcn or alexnet"
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr
