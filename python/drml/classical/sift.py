"""Upright SIFT at a face's 49 registered landmarks: 49 x 128 numbers (paper, 4.2).

OpenCV's descriptor has 4 x 4 bins in a window of 6 x the keypoint's size; positions
are rounded to whole pixels, and nothing at the border is dropped. Its 128 numbers are
whole, 0 to 255, of norm about 512, so they are kept as bytes; SCALE makes the norm 1.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from data_prep.base import UserError
from data_prep.landmarks import POINTS
from drml.evaluate.dataset import Split
from drml.evaluate.scoring import Batch, face_batches

WINDOW = 24  # pixels, in a face of 200 x 200
BINS = 128
SCALE = 1 / 512
_WINDOWS_SIZE = 6  # a window over its keypoint's size, for OpenCV's octave 0
_SMALLEST = 1  # size: OpenCV 4.10 writes beyond its memory at 0.5


def describe_face(
    image: np.ndarray, points: np.ndarray, window: float = WINDOW
) -> np.ndarray:
    """Return the descriptors (49 x 128,) uint8 of a face.

    image: (H, W, 3) uint8 BGR, points: (49, 2) pixels (x, y), window: in pixels of a
    face of 200 x 200.
    """
    size = window / _WINDOWS_SIZE * len(image) / 200
    if size < _SMALLEST:
        pixels = _WINDOWS_SIZE * size
        raise UserError(
            f"a window of {window:g} at 200 is {pixels:.1f} pixels of a face of "
            f"{len(image)}, fewer than {_SMALLEST * _WINDOWS_SIZE}: give a larger "
            "--window, or import larger faces"
        )
    # Angle 0 is upright; the default, -1, would turn the window by a degree.
    keys = [cv2.KeyPoint(float(x), float(y), size, 0) for x, y in points]
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    _, found = cv2.SIFT_create().compute(grey, keys)
    return found.astype(np.uint8).ravel()


def descriptors(split: Split, window: float, batch: int, start: int) -> Iterator[Batch]:
    """Yield keys, descriptors (n, 6272) uint8 and labels of faces from `start` on."""
    points = split.landmarks()
    triples = zip(split.faces("SIFT", start), points[start:], strict=False)
    images = ((f.key, (f.image, own), f.labels) for f, own in triples)
    for keys, faces, labels in face_batches(images, batch):
        values = [describe_face(image, own, window) for image, own in faces]
        yield keys, np.stack(values), labels


def check_dimension(place: object, dimension: int) -> None:
    """Raise UserError unless features are of 49 patches."""
    if dimension != POINTS * BINS:
        raise UserError(
            f"{place} has {dimension} numbers a face, where SIFT at {POINTS} landmarks "
            f"has {POINTS * BINS}; make it with drml features --sift"
        )
