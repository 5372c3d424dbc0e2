"""Landmarks: the 49 that all datasets are brought to, and a user's own files of them.

Order: brows 1-10, nose 11-19, eyes 20-25 and 26-31, mouth 32-49, each from the left of
the image to the right. DISFA's 66 points are a jaw of 17 and these; the 68 of iBUG's
annotations have two more, the corners of the inner lips.

A file of its own for a face is NumPy's .npy, an array N x 2, pixels (x, y) that count
from 0; or a .pts of iBUG's tools: text, `x y` lines in braces after `n_points: N`,
whose pixels count from 1.
"""

from pathlib import Path

import numpy as np

from data_prep.base import DamagedFileError, UserError

POINTS = 49
JAW = 17
_INNER_LIP_CORNERS = (60, 64)  # of 68
FARTHEST = 1e5  # pixels from the image's corner
COUNTS = (POINTS, 66, 68)


def to_49(points: np.ndarray) -> np.ndarray:
    """Return (49, 2) float32 of 49, 66 or 68 points (COUNTS)."""
    if len(points) == 68:
        points = np.delete(points, _INNER_LIP_CORNERS, axis=0)
    if len(points) == 66:
        points = points[JAW:]
    return np.asarray(points, np.float32)


def tracked(points: np.ndarray) -> bool:
    """Whether the points can be a face's: near the image and not all the same.

    Both hold of the float32 points that are kept; NaN is not near.
    """
    if not (np.abs(points) < FARTHEST).all():
        return False
    return bool(np.ptp(points.astype(np.float32), axis=0).any())


def read_landmark_file(file: Path) -> np.ndarray:
    """Return (49, 2) float32 points in pixels (x, y) from 0, of 49, 66 or 68 points.

    Raises DamagedFileError, naming the file, where it cannot be read, and
    UserError where it has another shape or is not a number.
    """
    try:
        points = _read_pts(file) if file.suffix.lower() == ".pts" else _read_npy(file)
    except Exception:  # NumPy's parser raises whatever foreign bytes lead it to
        raise DamagedFileError(
            f"{file} is no file of landmarks, a .npy array of N x 2 or a .pts file: "
            "mend it, or give --on-damaged skip"
        ) from None
    if points.ndim != 2 or points.shape[1] != 2 or len(points) not in COUNTS:
        wanted = ", ".join(map(str, COUNTS))
        raise UserError(
            f"{file} has landmarks of shape {points.shape}; wanted are N x 2, N one of "
            f"{wanted}"
        )
    if not np.issubdtype(points.dtype, np.number):
        raise UserError(f"{file} holds {points.dtype}, no numbers")
    return to_49(points)


def _read_npy(file: Path) -> np.ndarray:
    with file.open("rb") as content:  # np.load would open .npz and pickles too
        return np.lib.format.read_array(content)


def _read_pts(file: Path) -> np.ndarray:
    _, opening, rest = file.read_text(encoding="ascii").partition("{")
    inside, closing, _ = rest.partition("}")
    if not (opening and closing):
        raise ValueError("no braces")
    rows = [line.split() for line in inside.splitlines() if line.strip()]
    return np.array(rows, np.float64) - 1
