"""Faces of a split, picked by rule."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from data_prep.base import UserError
from data_prep.network_input import centre_crop
from drml.keys import name_of
from drml.splits import Split


class Face(NamedTuple):
    """A registered face."""

    key: str  # 00000017_F001_T1_2440
    image: np.ndarray  # (H, W, 3) uint8 BGR
    labels: np.ndarray  # (C,) int8: +1 present, -1 absent, 0 unknown

    def seen(self, height: int, width: int) -> np.ndarray:
        """Crop the image to what a net of that input sees: (height, width, 3)."""
        return centre_crop(self.image.transpose(2, 0, 1), height, width).transpose(
            1, 2, 0
        )

    @property
    def name(self) -> str:
        return name_of(self.key)


def pick(
    split: Split, count: int, names: Collection[str] = ()
) -> tuple[list[Face], dict[str, Face]]:
    """Return `count` faces at even distances through the split, and those named."""
    places = set(np.linspace(0, len(split) - 1, count).round().astype(int).tolist())
    even, named = [], {}
    for place, face in enumerate(map(Face._make, split.faces("reading"))):
        if place in places:
            even.append(face)
        if face.name in names:
            named[face.name] = face
    if missing := sorted(set(names) - set(named)):
        raise UserError(f"{split.lmdb} has no face {missing[0]}; see its keys")
    return even, named


def showing(faces: Sequence[Face], column: int) -> list[Face]:
    """Return the faces in which an AU is present, the one with fewest others first."""
    present = [face for face in faces if face.labels[column] > 0]
    return sorted(present, key=lambda face: int((face.labels > 0).sum()))
