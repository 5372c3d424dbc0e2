"""AU correlation tables and their distance, against cases worked out by hand."""

import csv
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from command import status_of

from drml.evaluate.metrics import au_results
from drml.evaluate.predictions import (
    Predictions,
    read_predictions,
    with_aus,
    write_evaluation,
)
from drml.figures.relations import correlations, distance

LABELS = np.array([[1, 1, 1], [1, -1, 0], [-1, -1, 1], [-1, -1, 1]], np.int8)


def test_phi_coefficient_of_known_frames():
    table = correlations(LABELS, LABELS)
    # AUs 0 and 1: n11 = 1, n10 = 1, n01 = 0, n00 = 2:
    # (1 * 2 - 1 * 0) / sqrt(2 * 2 * 1 * 3) = 1 / sqrt(3).
    assert table[0, 1] == table[1, 0] == pytest.approx(1 / np.sqrt(3))
    assert table[0, 0] == pytest.approx(1)
    assert np.isnan(table[2]).all()  # where AU 2 is known, it is always present


def test_scores_correlate_over_known_frames_only():
    scores = np.array([[0.1, 0.2], [0.9, 0.3], [0.5, 0.25], [0.4, 0.9]])
    labels = np.array([[1, 1], [1, -1], [-1, 1], [-1, 0]])
    # Of the first three frames the second column is 0.1 / 0.8 of the first.
    assert correlations(scores, labels)[0, 1] == pytest.approx(1)


def test_distance_is_the_norm_over_the_entries():
    truth = np.array([[1, 0.5], [0.5, 1]])
    table = np.array([[1, 0.2], [0.2, 1]])
    found = distance(table, truth)
    # sqrt(2 * 0.3^2) = 0.4243, over 4 entries.
    assert found == (
        4,
        pytest.approx(0.3 * np.sqrt(2)),
        pytest.approx(0.10607, abs=1e-5),
    )
    assert distance(truth, truth) == (4, 0, 0)


def test_undefined_entries_do_not_count():
    truth = np.array([[1, 0.5], [0.5, 1]])
    table = np.array([[1, np.nan], [np.nan, np.nan]])
    alone = distance(table, truth)  # one AU with itself
    assert alone.entries == 1
    assert np.isnan(alone[1:]).all()
    nothing = distance(np.full((2, 2), np.nan), truth)
    assert nothing.entries == 0
    assert np.isnan(nothing.norm)


def add_predictions(folder, title, scores, keys="abcd"):
    about = {"title": title, "dataset": "generated faces in BP4D's layout, fold 1"}
    scores = np.asarray(scores, np.float32)
    found = Predictions(about, [1, 2, 12], list(keys), scores, LABELS)
    results = au_results(scores, LABELS, found.aus)
    write_evaluation(Path(folder), found, results)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    right = np.where(LABELS > 0, 0.9, 0.1)
    add_predictions("a", "DRML", right)
    add_predictions("b", "Other", np.where(LABELS == [1, -1, 1], 0.9, 0.1))


def compared(monkeypatch, *more, folders="ab"):
    files = [f"{folder}/predictions.h5" for folder in folders]
    words = ["--predictions", *files, "--out", "out", *more]
    return status_of("figure", "relations", *words)


def test_script_writes_tables_and_distances(project, monkeypatch, capsys):
    assert compared(monkeypatch) == 0
    with open("out/relations.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 9
    assert {row["table"] for row in rows} == {"ground truth", "DRML", "Other"}
    found = {
        row["table"]: row["correlation"]
        for row in rows
        if (row["au"], row["other_au"]) == ("1", "2")
    }
    assert float(found["DRML"]) == pytest.approx(1 / np.sqrt(3))
    # Other inverts AU 2, so its correlation with AU 1 changes its sign.
    assert float(found["Other"]) == pytest.approx(-1 / np.sqrt(3))
    assert cv2.imread("out/relations.png").std() > 20
    title, _, _, _, drml, other = capsys.readouterr().out.splitlines()
    assert "generated faces" in title
    assert drml.split() == ["DRML", "4", "0.000", "0.0000", "0.0068"]
    # Entries (1, 2) and (2, 1) differ by 2 / sqrt(3): the norm is sqrt(8 / 3).
    assert other.split() == ["Other", "4", "1.633", "0.4082"]


def test_scores_instead_of_decisions(project, monkeypatch):
    add_predictions(
        "a", "DRML", [[0.6, 0.3, 1], [0.7, 0.1, 0], [0.8, 0.2, 1], [1, 0, 0]]
    )
    assert compared(monkeypatch, "--of", "scores") == 0
    with open("out/relations.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == "DRML"]
    assert float(rows[1]["correlation"]) == pytest.approx(
        np.corrcoef([0.6, 0.7, 0.8, 1], [0.3, 0.1, 0.2, 0])[0, 1], abs=1e-6
    )


def test_the_same_title_twice(project, monkeypatch, capsys):
    assert compared(monkeypatch, folders="aa") == 0
    assert "DRML (2)" in capsys.readouterr().out


def test_aus_that_not_all_have_are_left_out(project, monkeypatch):
    """They were taken for the first net's, in its order."""
    found = read_predictions("b/predictions.h5")
    fewer = with_aus(found, [2, 12])
    fewer.about["tool"] = "Tool"
    results = au_results(fewer.scores, fewer.labels, fewer.aus)
    write_evaluation(Path("b"), fewer, results)
    for folders in ("ab", "ba"):
        assert compared(monkeypatch, folders=folders) == 0
        with open("out/relations.csv") as file:
            rows = list(csv.DictReader(file))
        assert {row["au"] for row in rows} == {"2", "12"}
        assert len(rows) == 3 * 4


def test_different_faces_are_refused(project, monkeypatch, capsys):
    add_predictions("b", "Other", np.full(LABELS.shape, 0.5), keys="abce")
    assert compared(monkeypatch) == 1
    sentence = "Other and DRML were evaluated on different faces"
    assert sentence in capsys.readouterr().err
    assert not Path("out").exists()


def test_different_labels_are_refused(project, monkeypatch, capsys):
    with h5py.File("b/predictions.h5", "r+") as file:
        file["labels"][0, 0] = 0
    assert compared(monkeypatch) == 1
    assert "different faces, AUs or labels" in capsys.readouterr().err
