"""MATLAB's two file formats for landmarks; the same points give the same bytes."""

import io

import h5py
import numpy as np
from scipy.io import savemat

USER_BLOCK = 512  # bytes before the HDF5 signature in a MATLAB v7.3 file
TEXT = 116  # bytes of free text that open either format


def matlab73(first: int, points: list[np.ndarray]) -> bytes:
    """A MATLAB v7.3 file whose fit(k).pred is frame k's (P, 2) points, as BP4D's.

    HDF5 stores MATLAB's columns as rows, hence 2 x P. Frames before the first, and
    those of no points, are MATLAB's empty arrays.
    """
    memory = io.BytesIO()
    with h5py.File(memory, "w", userblock_size=USER_BLOCK, libver="earliest") as mat:
        refs = mat.create_group("#refs#")
        empty = _array(refs, "empty", np.zeros(2, np.uint64))
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        targets = [empty] * (first - 1) + [
            _array(refs, f"p{k}", np.asarray(p, np.float64).T) if len(p) else empty
            for k, p in enumerate(points)
        ]
        fit = mat.create_group("fit")
        fit.attrs["MATLAB_class"] = np.bytes_("struct")
        pred = fit.create_dataset(
            "pred", (len(targets), 1), h5py.ref_dtype, track_times=False
        )
        pred[:, 0] = [target.ref for target in targets]
    content = bytearray(memory.getvalue())
    content[:USER_BLOCK] = _header()
    return bytes(content)


def _array(group, name, data):
    array = group.create_dataset(name, data=data, track_times=False)
    array.attrs["MATLAB_class"] = np.bytes_("double")
    return array


def _header() -> bytes:
    """MATLAB's own: 116 bytes of text, 8 of offset, version 2.0, byte order."""
    text = b"MATLAB 7.3 MAT-file, Platform: none, generated faces HDF5 schema 1.00 ."
    return (text.ljust(TEXT) + bytes(8) + b"\x00\x02IM").ljust(USER_BLOCK, b"\x00")


def matlab5(points: np.ndarray) -> bytes:
    """A MATLAB v5 file of one variable, `pts` (P, 2), as DISFA's."""
    memory = io.BytesIO()
    savemat(memory, {"pts": np.asarray(points, np.float64)})
    text = b"MATLAB 5.0 MAT-file, Platform: none, generated faces"
    return text.ljust(TEXT) + memory.getvalue()[TEXT:]  # SciPy's names the time
