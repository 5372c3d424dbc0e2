"""One evaluation on disk: evaluation.json, evaluation.csv, predictions.h5."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path

import h5py
import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.errors import UserError
from drml.files import read_json, write
from drml.metrics import THRESHOLD, AuResult, average
from drml.tables import csv_table


def write_evaluation(
    folder: Path,
    about: dict,
    keys: Sequence[str],
    scores: np.ndarray,
    labels: np.ndarray,
    results: Sequence[AuResult],
) -> None:
    """Write the three files, each in one step, evaluation.json last.

    about: what was evaluated (title, dataset, net, ...), merged into the JSON.
    """
    aus = [r.au for r in results]
    write(folder / "predictions.h5", _predictions(keys, scores, labels, aus))
    write(folder / "evaluation.csv", csv_table(about["dataset"], results))
    record = {
        **about,
        "faces": len(keys),
        "threshold": THRESHOLD,
        "average": _undefined_as_null(asdict(average(results))),
        "aus": [
            {"name": AU_NAMES[r.au], **_undefined_as_null(asdict(r))} for r in results
        ],
    }
    write(folder / "evaluation.json", json.dumps(record, indent=2) + "\n")


def _predictions(
    keys: Sequence[str], scores: np.ndarray, labels: np.ndarray, aus: Sequence[int]
) -> bytes:
    """Encode keys (N), scores (N, C) float32 and labels (N, C) int8 as HDF5."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["keys"] = list(keys)
        file["scores"] = np.asarray(scores, np.float32)
        file["labels"] = np.asarray(labels, np.int8)
        file.attrs["aus"] = aus
    return content.getvalue()


def read_evaluation(folder: Path) -> dict:
    """Read evaluation.json plus "keys", "scores" and "labels" of predictions.h5."""
    remedy = "make it with python python/evaluate.py"
    record = read_json(folder / "evaluation.json", remedy)
    path = folder / "predictions.h5"
    try:
        with h5py.File(path) as file:
            record["keys"] = list(file["keys"].asstr())
            record["scores"] = file["scores"][:]
            record["labels"] = file["labels"][:]
    except (OSError, KeyError) as error:
        raise UserError(f"{path} cannot be read ({error}); {remedy}") from None
    return record


def _undefined_as_null(measures: dict) -> dict:
    """JSON has no nan."""
    return {
        name: None if isinstance(value, float) and isnan(value) else value
        for name, value in measures.items()
    }
