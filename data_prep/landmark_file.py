"""A face's landmarks in a file of its own: NumPy's .npy, or the .pts of iBUG's tools.

.npy: an array N x 2, pixels (x, y) that count from 0. .pts: text, `x y` lines in braces
after `n_points: N`; its pixels count from 1.
"""

from pathlib import Path

import numpy as np

from data_prep.errors import DamagedFileError, UserError
from data_prep.landmarks import COUNTS, to_49


def read_landmark_file(file: Path) -> np.ndarray:
    """Return (49, 2) float32 points in pixels (x, y) from 0, of 49, 66 or 68 points.

    Raises DamagedFileError, naming the file, where it cannot be read, and
    UserError where it has another shape or is not a number.
    """
    try:
        points = _read_pts(file) if file.suffix.lower() == ".pts" else _read_npy(file)
    except (OSError, ValueError):
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
