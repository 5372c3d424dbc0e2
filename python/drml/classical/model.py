"""A trained linear model, and the descriptors that it is trained on and scores.

model.h5: weights (D, C), intercepts (C) and mean (D) float32, of descriptors of norm
about 1; attributes aus (C), about (JSON). A score is sigmoid((x - mean) w + b), so that
0.5 lies where the model changes its mind.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from scipy.special import expit

from data_prep.base import UserError, write
from data_prep.landmarks import POINTS
from drml.classical.sift import BINS, check_dimension
from drml.classical.solver import Weights
from drml.evaluate.features import read_features

ROWS = 2048  # that are scored at once
UNDECIDED = 0.5  # the score of an AU that could not be trained


@dataclass(frozen=True)
class Model:
    """What scores faces. An AU that could not be trained has weights of nan."""

    aus: list[int]
    weights: np.ndarray  # (D, C) float32
    intercepts: np.ndarray  # (C,)
    mean: np.ndarray  # (D,), of the training faces; 0 without an intercept
    about: dict

    @property
    def norms(self) -> np.ndarray:
        """Each patch's l2 norm (49, C)."""
        return np.linalg.norm(self.weights.reshape(POINTS, -1, len(self.aus)), axis=1)

    @property
    def importance(self) -> np.ndarray:
        """Each patch's norm over the AU's largest, (49, C) in [0, 1]; 0 for 0 of 0."""
        norms = np.nan_to_num(self.norms)
        largest = norms.max(axis=0)
        return np.divide(norms, largest, out=np.zeros_like(norms), where=largest > 0)

    def scores(self, descriptors: np.ndarray, scale: float) -> np.ndarray:
        """Score descriptors as they are kept (N, D): (N, C) float32 in [0, 1]."""
        shift = self.intercepts - self.mean @ self.weights
        parts = [
            rows.astype(np.float32) @ (self.weights * np.float32(scale)) + shift
            for rows in np.array_split(descriptors, 1 + len(descriptors) // ROWS)
        ]
        scores = expit(np.concatenate(parts))
        return np.nan_to_num(scores, nan=UNDECIDED).astype(np.float32)


def patches_of(
    descriptors: np.ndarray, scale: float, centred: bool = True
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return 49 arrays (N, 128) float32, contiguous, and the mean (D,) taken from them.

    descriptors: (N, 6272) as they are kept.
    """
    patches, means = [], []
    for first in range(0, descriptors.shape[1], BINS):
        patch = descriptors[:, first : first + BINS].astype(np.float32, order="C")
        patch *= np.float32(scale)
        mean = patch.mean(axis=0, dtype=np.float64).astype(np.float32)
        means.append(mean if centred else np.zeros_like(mean))
        patch -= means[-1]
        patches.append(patch)
    return patches, np.concatenate(means)


@dataclass(frozen=True)
class Descriptors:
    """A file of SIFT descriptors (drml features --sift), read a part at a time."""

    file: Path

    def __post_init__(self):
        check_dimension(self.file, read_features(self.file).dimension)

    @property
    def scale(self) -> float:
        return read_features(self.file).scale

    @property
    def about(self) -> dict:
        return read_features(self.file).about

    @property
    def labels(self) -> np.ndarray:
        with h5py.File(self.file) as content:
            return content["labels"][:]

    @property
    def keys(self) -> list[str]:
        with h5py.File(self.file) as content:
            return list(content["keys"].asstr())

    def rows(self) -> np.ndarray:
        with h5py.File(self.file) as content:
            return content["features"][:]

    def scores(self, model: Model) -> np.ndarray:
        """Score all faces (N, C), without holding all their descriptors."""
        return np.concatenate(
            [model.scores(part, self.scale) for part in self._parts()]
        )

    def _parts(self) -> Iterator[np.ndarray]:
        with h5py.File(self.file) as content:
            features = content["features"]
            for first in range(0, len(features), ROWS):
                yield features[first : first + ROWS]


# ---- Files


def pack(arrays: dict[str, np.ndarray], attributes: dict) -> bytes:
    """Return a small HDF5 file's content."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file.attrs.update(attributes)
    return content.getvalue()


def write_model(file: Path, model: Model) -> None:
    arrays = {n: getattr(model, n) for n in ("weights", "intercepts", "mean")}
    attributes = {"aus": model.aus, "about": json.dumps(model.about)}
    write(file, pack(arrays, attributes))


def read_model(file: Path) -> Model:
    try:
        with h5py.File(file) as content:
            arrays = {n: content[n][:] for n in ("weights", "intercepts", "mean")}
            about = json.loads(content.attrs["about"])
            return Model(content.attrs["aus"].tolist(), **arrays, about=about)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{file} cannot be read ({error}); make it with drml classical"
        ) from None


def flat(weights: Weights) -> np.ndarray:
    """Return a solver's weights as (D, C)."""
    return weights.patches.reshape(-1, weights.patches.shape[-1])


def by_patch(weights: np.ndarray, intercepts: np.ndarray) -> Weights:
    """The reverse: of (D, C), whose D are 49 x 128."""
    return Weights(weights.reshape(POINTS, -1, weights.shape[1]), intercepts)
