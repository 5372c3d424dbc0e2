"""A file of features: one blob of a net for every face of a split.

HDF5, in chunks of rows: keys (N) strings, features (N, D) float32, labels (N, C) int8
in {-1, 0, 1}; attributes aus (C), about (JSON: net, weights, blob, dataset, ...) and
zeros, the share of features that are exactly 0 (the paper, 4.2: more than 40%). SIFT
descriptors are uint8, with an attribute scale, by which they are to be multiplied.

Until all faces are done, FILE.parts/ holds about.json, which says what is computed, and
00000000.h5, 00001024.h5, ..., each named by its first row and there once it is whole.
"""

import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from data_prep.base import UserError, batches, locked, stamp, write
from data_prep.face_hdf5 import new_hdf5
from drml.evaluate.scoring import Batch

BATCHES_A_PART = 32
REMEDY = "make it with drml features"


class Features(NamedTuple):
    """A file of features without its rows."""

    about: dict
    faces: int
    dimension: int
    aus: list[int]  # of the labels
    zeros: float  # share of all values, in [0, 1]
    scale: float = 1  # of the values as they are stored


def read_features(file: Path) -> Features:
    try:
        with h5py.File(file) as content:
            about = json.loads(content.attrs["about"])
            shape, attributes = content["features"].shape, content.attrs
            aus = attributes["aus"].tolist()
            scale = float(attributes.get("scale", 1))
            return Features(about, *shape, aus, attributes["zeros"], scale)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error}); {REMEDY}") from None


def read_rows(file: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the keys, features (N, D) and labels (N, C) int8 of a file.

    The features are as they are stored: float32, or uint8 to be scaled.
    """
    with h5py.File(file) as content:
        rows = content["features"][:], content["labels"][:]
        return list(content["keys"].asstr()), *rows


def write_features(
    file: Path,
    about: dict,
    aus: list[int],
    compute: Callable[[int], Iterable[Batch]],
    scale: float = 1,
) -> None:
    """Write what compute(N), the batches from face N on, yields.

    An interrupted run left its first faces in FILE.parts and goes on from there;
    UserError where those are of something else than `about`.
    """
    folder = file.with_name(f"{file.name}.parts")
    remedy = f"delete {folder}, or choose another --out"
    with locked(folder, "drml features"):
        stamp(folder / "about.json", about, remedy)
        rows = sum(len(part["keys"]) for part in parts(folder))
        for group in batches(compute(rows), BATCHES_A_PART):
            write(folder / f"{rows:08d}.h5", part_of(group))
            rows += sum(len(keys) for keys, _, _ in group)
        if not rows:
            raise UserError(f"there is no face to write into {file}; import again")
        join(folder, file, {"aus": aus, "about": json.dumps(about)}, scale)
        shutil.rmtree(folder)


def parts(folder: Path) -> Iterator[h5py.File]:
    for path in sorted(folder.glob("[0-9]*.h5")):
        with h5py.File(path) as part:
            yield part


def part_of(group: Iterable[Batch]) -> bytes:
    keys, values, labels = zip(*group, strict=True)
    content = io.BytesIO()
    with h5py.File(content, "w") as part:
        part["keys"] = list(chain(*keys))
        part["features"] = np.concatenate(values)
        part["labels"] = np.concatenate(labels)
    return content.getvalue()


def join(folder: Path, file: Path, attributes: dict, scale: float) -> None:
    zeros = 0
    with new_hdf5(file) as (content, disk):
        for part in parts(folder):
            for name in ("keys", "features", "labels"):
                append(content, name, part[name])
            zeros += np.count_nonzero(part["features"][:] == 0)
            if disk.error:
                return
        content.attrs.update(attributes)
        content.attrs["zeros"] = zeros / content["features"].size
        if scale != 1:
            content.attrs["scale"] = scale


def append(content: h5py.File, name: str, rows: h5py.Dataset) -> None:
    if name not in content:
        shape = rows.shape[1:]
        content.create_dataset(name, (0, *shape), rows.dtype, maxshape=(None, *shape))
    before = len(content[name])
    content[name].resize(before + len(rows), axis=0)
    content[name][before:] = rows[:]
