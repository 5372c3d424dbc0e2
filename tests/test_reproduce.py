"""make reproduce: a whole run on tiny faces."""

import json

import pytest
from reproducing import reproduce

from drml.nets.pycaffe import engine, usual_mode


def run(out, *words):
    """One network on one fold, two iterations; returns status, stdout and stderr."""
    process = reproduce(
        "--out", out, "--nets", "drml", "--folds", 2, "--iterations", 2,
        "--faces", 41, 1, 2, 174, "--trials", 1, "--trial-iterations", 1,
        "--methods", "lsvm", *words,
    )  # fmt: skip
    printed, err = process.communicate()
    return process.returncode, printed, err


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("reproduce") / "out"
    status, printed, err = run(out)
    assert status == 0, err
    assert f"The results: {out}/report/results.html" in printed
    return out


def test_a_whole_run_fills_its_folder(out):
    fold = [f"drml_iter_{n}.caffemodel" for n in (1, 2)]
    fold += ["drml_iter_2.solverstate", "train.log", "selection.json"]
    fold += [f"drml_{kind}.prototxt" for kind in ("train_val", "deploy", "solver")]
    evaluation = ["predictions.h5", "evaluation.json", "evaluation.csv"]
    names = [f"drml/fold2/{name}" for name in fold]
    names += [f"drml/fold2/test/{name}" for name in evaluation]
    for kind in ("direct", "read_out"):
        names += [f"drml/disfa/{kind}/{name}" for name in evaluation]
    names += ["drml/best.json", "drml/features.h5", "drml/disfa/features.h5"]
    names += ["run.json", "first_iteration/drml.json", "table4/running_time.csv"]
    names += ["faces/bp4d/generated.json", "data/disfa_178/all/dataset.json"]
    names += [f"saliency/saliency{kind}" for kind in (".png", "_mean.png", ".csv")]
    names += ["relations/relations.png", "relations/relations.csv"]
    names += ["region/region.png", "region/region.csv"]
    names += ["report/results.html", "report/results.md"]
    assert [name for name in names if not (out / name).exists()] == []
    assert not (out / "drml/fold2/drml_iter_1.solverstate").exists()
    about = json.loads((out / "run.json").read_text())
    assert (about["generated"], about["protocol"]) == (True, "short")
    assert (about["nets"], about["folds"]) == (["drml"], [2])
    assert about["engine"] == engine()
    assert about["left_out"] == []


def test_a_second_run_does_nothing(out):
    files = [p for p in out.rglob("*") if p.is_file() and ".snakemake" not in p.parts]
    before = {p: p.stat().st_mtime_ns for p in files}
    status, printed, err = run(out)
    assert status == 0, err
    assert "step" not in err
    assert {p: p.stat().st_mtime_ns for p in files} == before


def test_real_and_generated_faces_are_never_mixed(out, tmp_path):
    status, _, err = run(out, "--bp4d", tmp_path)
    assert status == 1
    assert f"{out} holds results on generated faces: choose another OUT" in err


def test_a_dry_run_shows_the_plan_only(tmp_path):
    status, printed, err = run(tmp_path, "--dry-run", "--tables", "2")
    assert (status, err) == (0, "")
    (row,) = [line for line in printed.splitlines() if line.startswith("DRML")]
    assert row.split()[:6] == ["DRML,", "fold", "2", "5", "0", "5"]
    assert row.endswith("?")  # nothing is measured
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(usual_mode() == "gpu", reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_missed_at_once(tmp_path):
    status, printed, err = run(tmp_path, "--mode", "gpu", "--dry-run")
    assert (status, printed) == (1, "")
    assert "there is no GPU here that this build of Caffe can use" in err


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_out_that_cannot_be_a_folder_is_one_sentence(tmp_path, place):
    (tmp_path / "file").touch()
    status, _, err = run(tmp_path / place)
    assert status == 1
    (sentence,) = err.splitlines()
    assert f"{tmp_path / place} cannot be a folder of results" in sentence
    assert sentence.endswith("choose another OUT")
