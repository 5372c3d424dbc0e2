"""make demo: make reproduce in small, its commands being stand-ins."""

import subprocess

import pytest
from reproducing import ROOT, Project

STEPS = ["prototxt", "train", "evaluate", "report"]
DEMO = ("--protocol", "demo", "--iterations", 2)


def demo(project, net, *words):
    words = (*DEMO, *words)
    status, out, err = project.run(*words, nets=net, bp4d=None)
    assert status == 0, err
    return sorted(project.names)


def test_faces_are_shared_and_every_network_is_reported(tmp_path):
    project = Project(tmp_path)
    assert demo(project, "drml") == sorted(["generate", "import", *STEPS])
    assert demo(project, "drml") == []
    assert demo(project, "convnet") == sorted(STEPS)
    report = project.calls[-1]
    folders = ("drml/fold1", "convnet/fold1")
    assert "--evaluation " + " ".join(f"{f}/test" for f in folders) in report
    assert "--log " + " ".join(f"{f}/train.log" for f in folders) in report
    assert (project.out / "report.html").exists()
    status, _, err = project.run(*DEMO, "--seed", 2, nets="drml", bp4d=None)
    assert status == 1
    assert "was run with --seed 1, now it is 2" in err


@pytest.mark.parametrize("net", ["vgg", "", "drml lcn"])
def test_a_wrong_network_is_one_sentence(net):
    command = ["make", "-o", "all", "demo", f"NET={net}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    sentence = f"NET={net} is no network: give NET=drml, convnet, lcn or alexnet"
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr
