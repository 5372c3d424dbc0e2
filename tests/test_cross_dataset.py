"""A net on a dataset that it was not trained on: its mean image, its outputs' AUs."""

import json
import sys
from pathlib import Path

import evaluate
import extract_features
import h5py
import numpy as np
import pytest
from tiny_dataset import CROP, DEPLOY, SIZE, make_dataset, make_weights

from data_prep.base import run
from data_prep.face_lmdb import read_faces
from data_prep.network_input import read_mean
from drml.metrics import au_results

TRAINED = (12, 4)  # the AUs of the net's outputs; the dataset's are 1 and 12


@pytest.fixture
def project(tmp_path, monkeypatch):
    """data/ is evaluated, fold/ is what the net was trained on."""
    monkeypatch.chdir(tmp_path)
    make_dataset(Path("data"), generated=False)
    make_dataset(Path("fold"), seed=1, aus=TRAINED)
    Path("net.prototxt").write_text(DEPLOY)
    return make_weights(Path("tiny.caffemodel"))


def ran(monkeypatch, script, *more):
    words = "--net net.prototxt --weights tiny.caffemodel --data data --out out"
    monkeypatch.setattr(sys, "argv", ["script.py", *words.split(), *more])
    with pytest.raises(SystemExit) as end:
        run(script.main)
    return end.value.code


def outputs(weight, bias):
    """What the net says before the sigmoid, with the mean of fold/."""
    mean = read_mean(Path("fold/mean.binaryproto"))
    inside = slice((SIZE - CROP) // 2, (SIZE - CROP) // 2 + CROP)
    faces = [
        face.transpose(2, 0, 1) for _, face, _ in read_faces(Path("data/test_lmdb"))
    ]
    flat = [(face - mean)[:, inside, inside].ravel() for face in faces]
    return np.array(flat) @ weight.T + bias


def test_shared_aus_are_scored_with_the_nets_own_mean(project, monkeypatch, capsys):
    assert ran(monkeypatch, evaluate, "--trained-on", "fold") == 0
    with h5py.File("out/predictions.h5") as file:
        scores, labels = file["scores"][:], file["labels"][:]
        assert file.attrs["aus"].tolist() == [12]
    of_12 = outputs(*project)[:, [0]]  # the net's first output, the dataset's second AU
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-of_12)), atol=1e-5)
    expected = [
        face_labels[1] for *_, face_labels in read_faces(Path("data/test_lmdb"))
    ]
    assert labels[:, 0].tolist() == expected

    record = json.loads(Path("out/evaluation.json").read_text())
    assert record["aus"][0]["auc"] == au_results(scores, labels, [12])[0].auc
    assert (record["trained_on"], record["left_out"]) == ("fold", [1])
    title = "BP4D, fold 1, test split; trained on generated faces in BP4D's layout"
    assert title in record["dataset"]
    printed = capsys.readouterr().out
    assert printed.startswith(f"tiny on {title}")
    assert printed.endswith(
        "left out, since the net has no output for it: AU 1 (inner brow raiser)\n"
    )


def test_measures_again_name_what_was_left_out(project, monkeypatch, capsys):
    assert ran(monkeypatch, evaluate, "--trained-on", "fold") == 0
    printed = capsys.readouterr().out
    words = "evaluate.py --predictions out/predictions.h5 --out again"
    monkeypatch.setattr(sys, "argv", words.split())
    with pytest.raises(SystemExit) as end:
        run(evaluate.main)
    assert end.value.code == 0
    assert capsys.readouterr().out == printed


def test_features_too_are_made_with_the_nets_own_mean(project, monkeypatch):
    blob = ("--blob", "output", "--trained-on", "fold")
    assert ran(monkeypatch, extract_features, *blob) == 0
    with h5py.File("out") as file:
        np.testing.assert_allclose(file["features"][:], outputs(*project), atol=1e-5)
        assert file.attrs["aus"].tolist() == [1, 12]
        assert (
            "trained on generated faces" in json.loads(file.attrs["about"])["dataset"]
        )


def test_no_au_in_both(project, monkeypatch, capfd):
    make_dataset(Path("other"), aus=(6, 7))
    assert ran(monkeypatch, evaluate, "--trained-on", "other") == 1
    sentence = "data has AUs 1, 12, other 6, 7: none of them is in both"
    assert sentence in capfd.readouterr().err


def test_outputs_are_those_of_the_dataset_trained_on(project, monkeypatch, capfd):
    make_dataset(Path("three"), aus=(1, 12, 25))
    assert ran(monkeypatch, evaluate, "--trained-on", "three") == 1
    assert "2 outputs, the dataset 3 AUs (1, 12, 25)" in capfd.readouterr().err


def test_trained_on_goes_with_a_net(project, monkeypatch, capfd):
    words = "evaluate.py --predictions p.h5 --trained-on fold --out again"
    monkeypatch.setattr(sys, "argv", words.split())
    with pytest.raises(SystemExit) as end:
        run(evaluate.main)
    assert end.value.code == 2
