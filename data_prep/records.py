"""A face on its way from a dataset's frame to a record."""

from typing import NamedTuple

import numpy as np


class Frame(NamedTuple):
    """Where a frame's pixels are."""

    file: str  # an image, or a video
    number: int | None = None  # in a video, from 0


class Face(NamedTuple):
    """A frame that can be registered."""

    subject: str
    name: str  # F001_T1_2440: subject, task, frame as its file is named
    frame: Frame
    points: np.ndarray | None  # (49, 2) float32, pixels (x, y); None: to be detected
    labels: np.ndarray  # (AUs,) int8: +1 present, -1 absent, 0 unknown


class Record(NamedTuple):
    """A registered face."""

    name: str
    image: bytes  # JPEG, size x size, BGR
    labels: np.ndarray
