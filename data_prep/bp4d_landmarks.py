"""BP4D's 2D landmarks: one MATLAB v7.3 file (HDF5) a sequence.

`fit/pred` holds an object reference a frame (index = frame - 1) to a 2 x 49 array.
"""

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from data_prep.errors import UserError

POINTS = 49


def read_landmarks(file: Path, frames: Iterable[int]) -> dict[int, np.ndarray]:
    """Return (49, 2) points in pixels (x, y) by frame, for those of the frames tracked.

    A frame that the tracker lost has an empty array, one of another shape, or points
    that are not finite or all the same (zeros): it is left out. Raises UserError where
    the file is not MATLAB v7.3 or lacks fit/pred.
    """
    try:
        with h5py.File(file) as mat:
            references = _references(file, mat)
            points = {
                frame: _points(mat, references[frame - 1])
                for frame in frames
                if frame <= len(references)
            }
    except OSError:
        raise UserError(
            f"{file} is not MATLAB v7.3 (HDF5), the format of BP4D's landmarks: "
            "copy it again, or convert it with save(..., '-v7.3')"
        ) from None
    return {frame: p for frame, p in points.items() if p is not None}


def _references(file: Path, mat: h5py.File) -> np.ndarray:
    pred = mat.get("fit/pred")
    if not isinstance(pred, h5py.Dataset) or not h5py.check_ref_dtype(pred.dtype):
        raise UserError(
            f"{file} has no fit/pred with a reference a frame: is it a landmark file?"
        )
    return pred[()].ravel()


def _points(mat: h5py.File, reference: h5py.Reference) -> np.ndarray | None:
    target = mat[reference] if reference else None
    if not isinstance(target, h5py.Dataset) or target.shape != (2, POINTS):
        return None
    points = target[()].T
    usable = np.isfinite(points).all() and np.ptp(points, axis=0).any()
    return points if usable else None
