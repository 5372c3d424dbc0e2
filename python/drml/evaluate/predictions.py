"""One evaluation on disk: evaluation.json, evaluation.csv, predictions.h5.

predictions.h5 has all that the other two are computed from: datasets keys (N), scores
(N, C) float32 in [0, 1] and labels (N, C) int8 in {-1, 0, 1}; attributes aus (C) and
about, the JSON of what was evaluated.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.base import UserError, read_json, write
from drml.evaluate.dataset import subjects_and_videos
from drml.evaluate.metrics import (
    THRESHOLD,
    AuResult,
    au_results,
    average,
    mean_of_folds,
)
from drml.report.tables import csv_table

REMEDY = "make it with drml evaluate"


class Predictions(NamedTuple):
    """What a net said of every face of a split, and what is true.

    Of a cross-validation, as drml readout's, about["folds"] lists each fold's subjects.
    """

    about: dict  # title, dataset, net, ...: the head of evaluation.json
    aus: list[int]  # C
    keys: list[str]  # N
    scores: np.ndarray  # (N, C) float32 in [0, 1]
    labels: np.ndarray  # (N, C) int8: +1 present, -1 absent, 0 unknown


def of_same_faces(one: Predictions, other: Predictions) -> bool:
    """Tell whether two nets were evaluated on the same faces with the same labels.

    An AU that was undefined for one of them, unknown in all its frames, does not count.
    """
    if (one.keys, one.aus) != (other.keys, other.aus):
        return False
    both = one.labels.any(axis=0) & other.labels.any(axis=0)
    return np.array_equal(one.labels[:, both], other.labels[:, both])


def by_fold(found: Predictions) -> list[Predictions]:
    """Part a cross-validation into its folds, each of which was scored by itself."""
    folds = found.about.get("folds", [])
    if not folds:
        return [found]
    subjects, _ = subjects_and_videos(found.keys, [s for fold in folds for s in fold])
    return [_rows(found, np.flatnonzero(np.isin(subjects, fold))) for fold in folds]


def _rows(found: Predictions, rows: np.ndarray) -> Predictions:
    keys = [found.keys[row] for row in rows]
    scores, labels = found.scores[rows], found.labels[rows]
    return found._replace(keys=keys, scores=scores, labels=labels)


def measure(found: Predictions) -> list[AuResult]:
    """Measure every AU; in a cross-validation, the mean over the folds.

    Each fold has classifiers of its own, whose scores need not be on one scale.
    """
    folds = [au_results(f.scores, f.labels, f.aus) for f in by_fold(found)]
    return [mean_of_folds(column) for column in zip(*folds, strict=True)]


def write_evaluation(
    folder: Path, predictions: Predictions, results: Sequence[AuResult]
) -> None:
    """Write the three files, each in one step, evaluation.json last."""
    about = predictions.about
    write(folder / "predictions.h5", _as_hdf5(predictions))
    write(folder / "evaluation.csv", csv_table(about["dataset"], results))
    record = {
        **about,
        "faces": len(predictions.keys),
        "threshold": THRESHOLD,
        "average": _undefined_as_null(asdict(average(results))),
        "aus": [
            {"name": AU_NAMES[r.au], **_undefined_as_null(asdict(r))} for r in results
        ],
    }
    write(folder / "evaluation.json", json.dumps(record, indent=2) + "\n")


def _as_hdf5(predictions: Predictions) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["keys"] = list(predictions.keys)
        file["scores"] = np.asarray(predictions.scores, np.float32)
        file["labels"] = np.asarray(predictions.labels, np.int8)
        file.attrs["aus"] = predictions.aus
        file.attrs["about"] = json.dumps(predictions.about)
    return content.getvalue()


def read_predictions(path: Path) -> Predictions:
    """Read predictions.h5; UserError where it is damaged or not of one piece."""
    try:
        with h5py.File(path) as file:
            found = Predictions(
                about=json.loads(file.attrs["about"]),
                aus=file.attrs["aus"].tolist(),
                keys=list(file["keys"].asstr()),
                scores=file["scores"][:],
                labels=file["labels"][:],
            )
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); {REMEDY}") from None
    shape = (len(found.keys), len(found.aus))
    if found.scores.shape != shape or found.labels.shape != shape:
        raise UserError(
            f"{path} has {shape[0]} keys and {shape[1]} AUs, but scores of shape "
            f"{found.scores.shape} and labels of shape {found.labels.shape}; {REMEDY}"
        )
    return found


def read_evaluation(folder: Path) -> dict:
    """Read evaluation.json plus "keys", "scores" and "labels" of predictions.h5."""
    record = read_json(folder / "evaluation.json", REMEDY)
    predictions = read_predictions(folder / "predictions.h5")
    return record | {n: getattr(predictions, n) for n in ("keys", "scores", "labels")}


def _undefined_as_null(measures: dict) -> dict:
    """JSON has no nan."""
    return {
        name: None if isinstance(value, float) and isnan(value) else value
        for name, value in measures.items()
    }
