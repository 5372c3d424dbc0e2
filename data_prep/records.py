"""A face on its way from a dataset's frame to a record."""

from typing import NamedTuple

import numpy as np


class Face(NamedTuple):
    """A frame that can be registered."""

    name: str  # F001_T1_2440: subject, task, frame as its file is named
    image: str  # path of the frame
    points: np.ndarray  # (49, 2), pixels (x, y) in the frame
    labels: np.ndarray  # (AUs,) int8: +1 present, -1 absent, 0 unknown


class Record(NamedTuple):
    """A registered face."""

    name: str
    image: bytes  # JPEG, size x size, BGR
    labels: np.ndarray
