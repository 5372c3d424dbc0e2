"""One generated sequence on disk, in BP4D's own layout and formats."""

import io
import os
import shutil
from pathlib import Path

import cv2
import h5py
import numpy as np

from data_prep.atomic import write_bytes
from data_prep.bp4d_layout import FRAMES, LABELS, LANDMARKS
from data_prep.faces.actions import AUS
from data_prep.faces.labels import UNKNOWN

# The AU columns of BP4D's occurrence codes; those not drawn here are unknown.
COLUMNS = (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
)  # fmt: skip
QUALITY = 92  # of the frames' JPEG
USER_BLOCK = 512  # bytes before the HDF5 signature in a MATLAB v7.3 file


def paths(root: Path, subject: str, task: int) -> tuple[Path, Path, Path]:
    """Folder of frames, landmark file and code file of a sequence."""
    name = f"{subject}_T{task}"
    return (
        root / FRAMES / subject / f"T{task}",
        root / LANDMARKS / f"{name}.mat",
        root / LABELS / f"{name}.csv",
    )


def is_finished(root: Path, subject: str, task: int) -> bool:
    """Whether all three parts of a sequence exist (the codes are written last)."""
    return all(path.exists() for path in paths(root, subject, task))


def write(root, subject, task, first, images, points, codes):
    """Write frames first, first + 1, ...: images, (49, 2) points, (frames, A) codes."""
    frames, landmarks, labels = paths(root, subject, task)
    for path in (frames, landmarks, labels):
        path.parent.mkdir(parents=True, exist_ok=True)
    labels.unlink(missing_ok=True)
    _write_frames(frames, first, images)
    write_bytes(landmarks, matlab(first, points))
    write_bytes(labels, table(first, codes).encode())


def _write_frames(folder, first, images):
    """Fill a folder under another name, then put it into its place."""
    unfinished = folder.with_name(f".{folder.name}.tmp")
    for stale in (unfinished, folder):
        shutil.rmtree(stale, ignore_errors=True)
    unfinished.mkdir()
    for frame, image in enumerate(images, first):
        _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        (unfinished / f"{frame:04d}.jpg").write_bytes(jpeg)
    os.replace(unfinished, folder)


def table(first: int, codes: np.ndarray) -> str:
    """CSV of AU codes: a header of numbers, column 0 the frame."""
    known = {au: codes[:, i] for i, au in enumerate(AUS)}
    lines = [",".join(map(str, (0, *COLUMNS)))]
    for k in range(len(codes)):
        row = (known[au][k] if au in known else UNKNOWN for au in COLUMNS)
        lines.append(",".join(map(str, (first + k, *row))))
    return "\n".join(lines) + "\n"


def matlab(first: int, points: list[np.ndarray]) -> bytes:
    """A MATLAB v7.3 file whose fit(k).pred is frame k's 49 x 2 points.

    HDF5 stores MATLAB's columns as rows, hence 2 x 49. Frames before the first are
    MATLAB's empty arrays. Nothing in the file depends on the time of day.
    """
    memory = io.BytesIO()
    with h5py.File(memory, "w", userblock_size=USER_BLOCK, libver="earliest") as mat:
        refs = mat.create_group("#refs#")
        empty = _array(refs, "empty", np.zeros(2, np.uint64))
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        targets = [empty] * (first - 1) + [
            _array(refs, f"p{k}", np.asarray(p, np.float64).T)
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
    return (text.ljust(116) + bytes(8) + b"\x00\x02IM").ljust(USER_BLOCK, b"\x00")
