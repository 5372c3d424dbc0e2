"""The README's path in small: faces, import, training, evaluation, report."""

import json
import re

import pytest
from command import ROOT, drml


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Every step once, with a training of two iterations."""
    out = tmp_path_factory.mktemp("demo")
    data, run = out / "bp4d/fold1", out / "drml"
    drml(
        "generate", out / "faces",
        "--subjects", 6, "--tasks", 1, "--frames", 3, "--height", 348,
    )  # fmt: skip
    drml("import", "bp4d", out / "faces", "--out", out / "bp4d", "--fold", 1)
    drml(
        "prototxt", "--network", "drml", "--out", run, "--data", data,
        "--snapshot-prefix", run / "drml", "--batch", 2, "--test-batch", 2,
        "--test-iter", 1, "--test-interval", 2, "--display", 1, "--max-iter", 2,
    )  # fmt: skip
    log = run / "train.log"
    train = ("train", run / "drml_solver.prototxt", "--log", log)
    caffe = ("--caffe", ROOT / "build/bin/caffe")
    drml(*train, *caffe)
    assert "nothing to do" in drml(*train, *caffe)
    drml(
        "evaluate", "--net", run / "drml_deploy.prototxt", "--data", data,
        "--weights", run / "drml_iter_2.caffemodel", "--out", run / "evaluation",
    )  # fmt: skip
    drml(
        "report", "run", "--evaluation", run / "evaluation", "--log", log,
        "--data", data, "--out", out / "report.html",
    )  # fmt: skip
    return out


def test_every_test_face_was_scored(out):
    dataset = json.loads((out / "bp4d/fold1/dataset.json").read_text())
    evaluation = json.loads((out / "drml/evaluation/evaluation.json").read_text())
    assert dataset["splits"]["test"]["faces"] == evaluation["faces"] == 6
    assert [row["au"] for row in evaluation["aus"]] == dataset["aus"]
    assert evaluation["generated"] is True


def test_report_says_what_it_is_of(out):
    html = (out / "report.html").read_text()
    title = re.search(r"<title>(.*)</title>", html)[1]
    assert "generated faces" in title
    assert not re.search(r'(src|href)="?https?:', html)


def test_training_loss_is_that_of_unlearned_scores(out):
    """12 AUs of cross-entropy near log 2 each: sum 8.3; wildly off is a fault."""
    log = (out / "drml/train.log").read_text()
    loss = float(re.search(r"Iteration 0 .*loss = ([0-9.]+)", log)[1])
    assert 6 < loss < 20
