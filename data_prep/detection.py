"""Faces without landmarks: OpenCV's face and eye detection finds the eyes' centres."""

from functools import cache
from itertools import combinations

import cv2
import numpy as np

LONGEST_SIDE = 480  # pixels in which a face is looked for: enough, and quick
SMALLEST_FACE = 60
# Where eyes are in the face detector's square, for faces whose eyes it does not find
# (closed or squinting: leaving those out would change how often an AU is present).
EYES_IN_BOX = np.array([(0.30, 0.40), (0.70, 0.40)])


def detect_eyes(image: np.ndarray) -> np.ndarray | None:
    """Return the centres of the eyes as (2, 2) float32 pixels (x, y), left one first.

    image is H x W x 3 uint8. Returns None where there is no face; of several the
    largest counts.
    """
    scale = min(1.0, LONGEST_SIDE / max(image.shape[:2]))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smallest = (SMALLEST_FACE, SMALLEST_FACE)
    faces = _cascade("frontalface_default").detectMultiScale(
        grey, 1.1, 5, minSize=smallest
    )
    if not len(faces):
        return None
    x, y, side, _ = max(faces, key=lambda box: box[2])
    eyes = _eyes(grey[y : y + side * 3 // 5, x : x + side], side)
    return ((eyes + (x, y) + 0.5) / scale - 0.5).astype(np.float32)


def _eyes(face: np.ndarray, side: int) -> np.ndarray:
    """Return the eyes' centres in the upper part of a face's square."""
    found = _cascade("eye").detectMultiScale(face, 1.05, 4)
    centres = sorted((x + w / 2, y + h / 2) for x, y, w, h in found)
    usual = EYES_IN_BOX * side
    pairs = [np.array(pair) for pair in combinations(centres, 2)]
    best = min(pairs, key=lambda pair: np.abs(pair - usual).max(), default=usual)
    near = np.abs(best - usual).max() < 0.1 * side
    return best if near else usual


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{name}.xml")
