"""A file of features: one blob of a net for every face of a split.

HDF5, in chunks of rows: keys (N) strings, features (N, D) float32, labels (N, C) int8
in {-1, 0, 1}; attributes aus (C), about (JSON: net, weights, blob, dataset, ...) and
zeros, the share of features that are exactly 0 (the paper, 4.2: more than 40%).
"""

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from data_prep.base import UserError, batches, replacing
from drml.parts import Parts
from drml.scoring import Batch

BATCHES_A_PART = 32
REMEDY = "make it with python python/extract_features.py"


class Features(NamedTuple):
    """A file of features without its rows."""

    about: dict
    faces: int
    dimension: int
    aus: list[int]  # of the labels
    zeros: float  # share of all values, in [0, 1]


def read_features(file: Path) -> Features:
    try:
        with h5py.File(file) as content:
            about = json.loads(content.attrs["about"])
            shape, attributes = content["features"].shape, content.attrs
            aus = attributes["aus"].tolist()
            return Features(about, *shape, aus, attributes["zeros"])
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error}); {REMEDY}") from None


def read_rows(file: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the keys, features (N, D) float32 and labels (N, C) int8 of a file."""
    with h5py.File(file) as content:
        rows = content["features"][:], content["labels"][:]
        return list(content["keys"].asstr()), *rows


def keep(computed: Iterable[Batch], parts: Parts) -> None:
    """Store the batches as they are computed, some at a time."""
    for group in batches(computed, BATCHES_A_PART):
        keys, values, labels = zip(*group, strict=True)
        parts.add(
            keys=list(chain(*keys)),
            features=np.concatenate(values),
            labels=np.concatenate(labels),
        )


def join(parts: Parts, file: Path, about: dict, aus: list[int]) -> None:
    """Write all parts as one file."""
    zeros = 0
    with replacing(file) as unfinished, h5py.File(unfinished, "w") as content:
        for part in parts:
            for name in ("keys", "features", "labels"):
                _append(content, name, part[name])
            zeros += np.count_nonzero(part["features"][:] == 0)
        content.attrs["aus"] = aus
        content.attrs["zeros"] = zeros / content["features"].size
        content.attrs["about"] = json.dumps(about)


def _append(content: h5py.File, name: str, rows: h5py.Dataset) -> None:
    if name not in content:
        content.create_dataset(
            name,
            (0, *rows.shape[1:]),
            rows.dtype,
            maxshape=(None, *rows.shape[1:]),
        )
    before = len(content[name])
    content[name].resize(before + len(rows), axis=0)
    content[name][before:] = rows[:]
