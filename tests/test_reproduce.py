"""make reproduce: a whole run on tiny faces."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drml.nets.pycaffe import engine, usual_mode
from drml.reproduce.ledger import finished_steps
from drml.reproduce.request import PARTS

ROOT = Path(__file__).parents[1]
# The script as it is, with fewer and smaller faces.
TINY = """
import sys
from drml.cli.main import main
from drml.reproduce import protocol

protocol.SHORT_FACES["bp4d"].update(subjects=41, tasks=1, frames=2, height=174)
protocol.SHORT_FACES["disfa"].update(subjects=9, frames=4, height=174)
main(["reproduce", *sys.argv[1:]])
"""


def reproduce(out, *words):
    command = [sys.executable, "-c", TINY, "--out", out, "--nets", "convnet"]
    command += ["--folds", "2", "--iterations", "2", *words]
    result = subprocess.run(map(str, command), cwd=ROOT, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("reproduce") / "out"
    status, printed, err = reproduce(out)
    assert status == 0, err
    assert f"The results section: {out}/report/results.html" in printed
    return out


def test_a_whole_run_fills_its_folder(out):
    fold = [f"convnet_iter_{n}.caffemodel" for n in (1, 2)]
    fold += ["convnet_iter_2.solverstate", "train.log", "selection.json"]
    fold += [f"convnet_{kind}.prototxt" for kind in ("train_val", "deploy", "solver")]
    evaluation = ["predictions.h5", "evaluation.json", "evaluation.csv"]
    names = [f"convnet/fold2/{name}" for name in fold]
    names += [f"convnet/fold2/test/{name}" for name in evaluation]
    for kind in ("direct", "read_out"):
        names += [f"convnet/disfa/{kind}/{name}" for name in evaluation]
    names += ["convnet/best.json", "convnet/features.h5", "convnet/disfa/features.h5"]
    names += ["run.json", "first_iteration.json", "table4/running_time.csv"]
    names += ["faces/bp4d/generated.json", "data/disfa_178/all/dataset.json"]
    names += [f"saliency/saliency{kind}" for kind in (".png", "_mean.png", ".csv")]
    names += ["relations/relations.png", "relations/relations.csv"]
    names += ["report/results.html", "report/results.md"]
    assert [name for name in names if not (out / name).exists()] == []
    assert not (out / "convnet/fold2/convnet_iter_1.solverstate").exists()
    assert {"convnet/fold2/test", "saliency", "report"} <= finished_steps(out).keys()
    run = json.loads((out / "run.json").read_text())
    assert (run["generated"], run["protocol"], run["folds"]) == (True, "short", [2])
    assert run["engine"] == engine()
    assert run["left_out"] == [
        "Region layer is left out: only DRML has one (NETS=drml)"
    ]


def test_a_second_run_does_nothing(out):
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    status, printed, err = reproduce(out)
    assert (status, err) == (0, "")
    assert "== step" not in printed
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()} == before


def test_a_lost_snapshot_is_named(out):
    selection = json.loads((out / "convnet/fold2/selection.json").read_text())
    snapshot = Path(selection["weights"])
    moved = snapshot.rename(out / "elsewhere")
    status, _, err = reproduce(out)
    moved.rename(snapshot)
    assert status == 1
    assert f"{snapshot}, which the step convnet/fold2/train made, is missing" in err
    assert "convnet/fold2/select, convnet/fold2/test" in err
    assert reproduce(out)[0] == 0  # it was put back


def test_real_and_generated_faces_are_never_mixed(out, tmp_path):
    status, _, err = reproduce(out, "--bp4d", tmp_path)
    assert status == 1
    assert f"{out} holds results on generated faces: choose another OUT" in err


def test_a_dry_run_shows_the_plan_only(tmp_path):
    status, printed, err = reproduce(tmp_path, "--dry-run", "--tables", "2")
    assert (status, err) == (0, "")
    (row,) = [line for line in printed.splitlines() if line.startswith("ConvNet")]
    assert row.split()[:6] == ["ConvNet,", "fold", "2", "4", "0", "4"]
    assert row.endswith("?")  # nothing is measured
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(usual_mode() == "gpu", reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_missed_at_once(tmp_path):
    status, printed, err = reproduce(tmp_path, "--mode", "gpu", "--dry-run")
    assert (status, printed) == (1, "")
    assert "there is no GPU here that this build of Caffe can use" in err


def test_what_depends_on_a_redone_step_is_redone_whatever_is_asked(out):
    """A partial run must not leave results of the old model beside those of the new."""
    solver = out / "convnet/fold2/convnet_solver.prototxt"
    solver.write_text(solver.read_text().replace("base_lr: 0.0003", "base_lr: 0.001"))
    old = time.time_ns()
    status, _, err = reproduce(out, "--tables", "fig4")
    assert status == 1
    assert f"{solver} has changed since" in err
    status, _, err = reproduce(out, "--tables", "fig4", "--redo")
    assert status == 0, err
    results = [
        "saliency/saliency.csv",
        "relations/relations.csv",
        "convnet/features.h5",
    ]
    results += [f"convnet/{at}/predictions.h5" for at in ("fold2/test", "disfa/direct")]
    results += ["convnet/disfa/read_out/predictions.h5", "report/results.html"]
    assert [r for r in results if (out / r).stat().st_mtime_ns < old] == []
    run = json.loads((out / "run.json").read_text())
    assert run["parts"] == [p for p in PARTS if p != "region"]  # wants DRML


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_out_that_cannot_be_a_folder_is_one_sentence(tmp_path, place):
    (tmp_path / "file").touch()
    status, _, err = reproduce(tmp_path / place)
    assert status == 1
    (sentence,) = err.splitlines()
    assert f"{tmp_path / place} cannot be a folder of results" in sentence
    assert sentence.endswith("choose another OUT")
