"""One evaluation on disk: evaluation.json, evaluation.csv, predictions.h5.

predictions.h5 has all that the other two are computed from: datasets keys (N), scores
(N, C) float32 in [0, 1], labels (N, C) int8 in {-1, 0, 1} and, of a dataset that codes
them (DISFA), intensities (N, C) int8 0 to 5, -1 unknown; attributes aus (C) and about,
the JSON of what was evaluated.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isnan, nan
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.base import UserError, folder_of_results, in_turn, read_json, write
from drml.evaluate.bootstrap import (
    LEVEL,
    Bootstrap,
    Interval,
    Intervals,
    Tally,
    tally,
)
from drml.evaluate.bootstrap import intervals as intervals_of
from drml.evaluate.dataset import name_of, subjects_and_videos
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

    Of a cross-validation, as drml readout's, about["folds"] lists each fold's subjects;
    otherwise about["subjects"] has them all. about["val_thresholds"], by AU,
    were chosen on val, if any were.
    """

    about: dict  # title, dataset, net, ...: the head of evaluation.json
    aus: list[int]  # C
    keys: list[str]  # N
    scores: np.ndarray  # (N, C) float32 in [0, 1]
    labels: np.ndarray  # (N, C) int8: +1 present, -1 absent, 0 unknown
    intensities: np.ndarray | None = None  # (N, C) int8: 0 to 5, -1 unknown


def of_same_faces(one: Predictions, other: Predictions) -> bool:
    """Tell whether two systems were evaluated on the same faces with the same labels.

    An AU that was undefined for one of them, unknown in all its frames, does not count,
    nor do the AUs that another tool (--csv) lacks.
    """
    if "tool" in one.about or "tool" in other.about:
        shared = [au for au in one.aus if au in other.aus]
        one, other = with_aus(one, shared), with_aus(other, shared)
    if (one.keys, one.aus) != (other.keys, other.aus):
        return False
    both = one.labels.any(axis=0) & other.labels.any(axis=0)
    return np.array_equal(one.labels[:, both], other.labels[:, both])


def with_aus(found: Predictions, aus: Sequence[int]) -> Predictions:
    """Return the predictions of some of the AUs."""
    columns = [found.aus.index(au) for au in aus]
    kept = {
        name: values[:, columns]
        for name in ("scores", "labels", "intensities")
        if (values := getattr(found, name)) is not None
    }
    return found._replace(aus=list(aus), **kept)


def by_fold(found: Predictions) -> list[Predictions]:
    """Part a cross-validation into its folds, each of which was scored by itself."""
    folds = found.about.get("folds", [])
    if not folds:
        return [found]
    subjects, _ = whose(found)
    return [_rows(found, np.flatnonzero(np.isin(subjects, fold))) for fold in folds]


def whose(found: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Tell the subject and the video, (N,) str each, of every face."""
    known = found.about.get("folds") or [found.about.get("subjects", [])]
    names = [subject for fold in known for subject in fold]
    if not names:  # written before subjects were kept: F001_T1_2440, SN001_0001
        names = {name_of(key).split("_")[0] for key in found.keys}
    return subjects_and_videos(found.keys, sorted(names))


def _rows(found: Predictions, rows: np.ndarray) -> Predictions:
    kept = {
        name: values[rows]
        for name in ("scores", "labels", "intensities")
        if (values := getattr(found, name)) is not None
    }
    return found._replace(keys=[found.keys[row] for row in rows], **kept)


def measure(found: Predictions) -> list[AuResult]:
    """Measure every AU; in a cross-validation, the mean over the folds.

    Each fold has classifiers of its own, whose scores need not be on one scale.
    """
    at_val = thresholds(found)
    folds = [au_results(f.scores, f.labels, f.aus, at_val) for f in by_fold(found)]
    return [mean_of_folds(column) for column in zip(*folds, strict=True)]


def thresholds(found: Predictions) -> list[float]:
    """Return each AU's threshold that was chosen on val, nan where none was."""
    chosen = found.about.get("val_thresholds", {})
    return [chosen.get(str(au), nan) for au in found.aus]


def tallies(found: Predictions) -> list[Tally]:
    """Count each fold's frames, subject by subject."""
    at_val = thresholds(found)
    return [tally(f.scores, f.labels, whose(f)[0], at_val) for f in by_fold(found)]


def intervals(found: Predictions, how: Bootstrap) -> Intervals:
    """Return the 95% intervals of what measure() and its average give."""
    return intervals_of(tallies(found), found.aus, how)


def write_evaluation(
    folder: Path,
    predictions: Predictions,
    results: Sequence[AuResult],
    found: Intervals | None = None,
) -> None:
    """Write the three files, each in one step, evaluation.json last."""
    about = predictions.about
    rows = [{"name": AU_NAMES[r.au], **_undefined_as_null(asdict(r))} for r in results]
    mean = _undefined_as_null(asdict(average(results)))
    record = {
        **about,
        "faces": len(predictions.keys),
        "threshold": THRESHOLD,
        "average": mean,
        "aus": rows,
    }
    if found:
        for measure, own in found.of_aus.items():
            for row, interval in zip(rows, own, strict=True):
                row[f"{measure}_interval"] = _as_json(interval)
        for measure, interval in found.of_average.items():
            mean[f"{measure}_interval"] = _as_json(interval)
        record["intervals"] = {
            "percent": LEVEL,
            "by": "bootstrap over subjects",
            "subjects": found.subjects,
            **asdict(found.how),
        }
    folder_of_results(folder)
    with in_turn(folder):  # of two runs at once the files do not mix
        write(folder / "predictions.h5", _as_hdf5(predictions))
        write(folder / "evaluation.csv", csv_table(about["dataset"], results, found))
        write(folder / "evaluation.json", json.dumps(record, indent=2) + "\n")


def _as_json(interval: Interval) -> list[float] | None:
    return None if isnan(interval.low) else list(interval)


def _as_hdf5(predictions: Predictions) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["keys"] = list(predictions.keys)
        file["scores"] = np.asarray(predictions.scores, np.float32)
        file["labels"] = np.asarray(predictions.labels, np.int8)
        if predictions.intensities is not None:
            file["intensities"] = np.asarray(predictions.intensities, np.int8)
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
                intensities=file["intensities"][:] if "intensities" in file else None,
            )
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); {REMEDY}") from None
    shape = (len(found.keys), len(found.aus))
    parts = (found.scores, found.labels, found.intensities)
    if any(part is not None and part.shape != shape for part in parts):
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
