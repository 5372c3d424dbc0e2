"""BP4D's 2D landmarks: one MATLAB v7.3 file (HDF5) a sequence.

`fit/pred` holds a reference a frame (index = coded frame - 1) to a 2 x 49 array.
"""

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from data_prep.errors import DamagedFileError, UserError
from data_prep.landmarks import POINTS, tracked


def read_landmarks(file: Path, frames: Iterable[int]) -> dict[int, np.ndarray | None]:
    """Return (49, 2) float32 points in pixels (x, y) of each frame that the file has.

    A frame that the tracker lost has an empty array, one of another shape, or points
    that are not finite or all the same (zeros): it is None. Raises UserError where
    the file lacks fit/pred, or has points but never 49, and DamagedFileError where
    it is not MATLAB v7.3.
    """
    try:
        with h5py.File(file) as mat:
            references = _references(file, mat)
            arrays = {
                frame: _array(mat, references[frame - 1])
                for frame in frames
                if frame <= len(references)
            }
    except (OSError, KeyError, ValueError, RuntimeError):  # h5py's, by what is damaged
        raise DamagedFileError(
            f"{file} is not MATLAB v7.3 (HDF5), the format of BP4D's landmarks, or is "
            "damaged: copy it again, convert it with save(..., '-v7.3'), or give "
            "--on-damaged skip"
        ) from None
    _check_shapes(file, arrays)
    return {
        frame: array.T.astype(np.float32)
        if array.shape == (2, POINTS) and tracked(array.T)
        else None
        for frame, array in arrays.items()
    }


def _references(file: Path, mat: h5py.File) -> np.ndarray:
    pred = mat.get("fit/pred")
    if not isinstance(pred, h5py.Dataset) or not h5py.check_ref_dtype(pred.dtype):
        raise UserError(
            f"{file} has no fit/pred with a reference a frame: is it a landmark file?"
        )
    return pred[()].ravel()


def _array(mat: h5py.File, reference: h5py.Reference) -> np.ndarray:
    target = mat[reference] if reference else None
    if not isinstance(target, h5py.Dataset) or target.dtype.kind not in "fiu":
        return np.empty((2, 0))
    return target[()]


def _check_shapes(file: Path, arrays: dict[int, np.ndarray]) -> None:
    """Tell another kind of landmarks from frames that the tracker lost."""
    shapes = {array.shape for array in arrays.values()}
    many = [shape for shape in shapes if len(shape) == 2 and min(shape) > 1]
    if many and (2, POINTS) not in shapes:
        raise UserError(
            f"{file} has points of shape {max(many)} where 2 x {POINTS} are wanted: "
            "give BP4D's own 2DFeatures"
        )
