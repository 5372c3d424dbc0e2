"""One generated sequence on disk, in BP4D's own layout and formats."""

import io
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import cv2
import h5py
import numpy as np

from data_prep.base import write
from data_prep.bp4d import FRAMES, LABELS, LANDMARKS
from data_prep.renderer import film, irregular, labels, render, subjects
from data_prep.renderer.actions import AUS
from data_prep.renderer.render import JAW

FIRST_FRAMES = 300  # a sequence's first frame number is drawn from 1 up to this
# The AU columns of BP4D's occurrence codes; those not drawn here are unknown.
COLUMNS = (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
)  # fmt: skip
QUALITY = 92  # of the frames' JPEG
USER_BLOCK = 512  # bytes before the HDF5 signature in a MATLAB v7.3 file
TEXT = 116  # bytes of free text that open one


def title(subject: str, task: int) -> str:
    """What the files of a sequence are named after."""
    return f"{subject}_T{task}"


def paths(root: Path, subject: str, task: int) -> tuple[Path, Path, Path]:
    """Folder of frames, landmark file and code file of a sequence."""
    name = title(subject, task)
    return (
        root / FRAMES / subject / f"T{task}",
        root / LANDMARKS / f"{name}.mat",
        root / LABELS / f"{name}.csv",
    )


def is_finished(root: Path, subject: str, task: int, faults: set[str]) -> bool:
    """Whether all parts of a sequence exist (the codes are written last)."""
    frames, landmarks, codes = paths(root, subject, task)
    parts = (
        (frames, codes)
        if irregular.NO_LANDMARKS in faults
        else (frames, landmarks, codes)
    )
    return all(path.exists() for path in parts)


def generate(root: Path, options, subject: str, task: int, faults: set[str]) -> None:
    """Draw and write one sequence."""
    rng = subjects.rng(options.seed, subject, task)
    present, strength = labels.sample(rng, options.frames)
    codes = labels.codes(rng, present)
    first = int(rng.integers(1, FIRST_FRAMES + 1))
    person = render.person_of(options.seed, subject)
    views = film.shoot(person, rng, AUS, strength, options.height)

    folder, landmarks, table_file = paths(root, subject, task)
    for path in (folder, landmarks, table_file):
        path.parent.mkdir(parents=True, exist_ok=True)
    table_file.unlink(missing_ok=True)
    points = _write_frames(folder, first, (view for (view,) in views), faults)
    _write_landmarks(landmarks, first, points, faults)
    if irregular.EXTRA_FILE in faults:
        write(folder / f"._{image_name(first, faults)}", irregular.STRAY)
        too_many = landmarks.with_stem(f"{landmarks.stem} (1)")  # downloaded twice
        write(too_many, matlab73(first, points))
    if irregular.SHORT_LABELS in faults:
        codes = codes[:-1]
    write(table_file, table(first, codes))


def _write_frames(folder: Path, first: int, views: Iterable, faults: set[str]) -> list:
    """Fill a folder under another name, then put it into its place; return points."""
    unfinished = folder.with_name(f".{folder.name}.tmp")
    for stale in (unfinished, folder):
        shutil.rmtree(stale, ignore_errors=True)
    unfinished.mkdir()
    points = []
    for frame, (image, marks) in enumerate(views, first):
        _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        (unfinished / image_name(frame, faults)).write_bytes(jpeg)
        points.append(marks[JAW:])
    os.replace(unfinished, folder)
    return points


def image_name(frame: int, faults: set[str]) -> str:
    """The file of a coded frame."""
    number = frame - (irregular.OFFSET in faults)
    digits = 2 + frame % 3 if irregular.PADDING in faults else 4
    return f"{number:0{digits}d}.jpg"


def _write_landmarks(file, first, points, faults):
    if irregular.NO_LANDMARKS in faults:
        file.unlink(missing_ok=True)
        return
    if irregular.FAILED_LANDMARKS in faults:
        points = [points[0][:0], *points[1:-1], points[-1][:-1]]
    write(file, matlab73(first, points))


def table(first: int, codes: np.ndarray) -> str:
    """CSV of AU codes: a header of numbers, column 0 the frame."""
    known = {au: codes[:, i] for i, au in enumerate(AUS)}
    lines = [",".join(map(str, (0, *COLUMNS)))]
    for k in range(len(codes)):
        row = (known[au][k] if au in known else labels.UNKNOWN for au in COLUMNS)
        lines.append(",".join(map(str, (first + k, *row))))
    return "\n".join(lines) + "\n"


def matlab73(first: int, points: list[np.ndarray]) -> bytes:
    """A MATLAB v7.3 file whose fit(k).pred is frame k's (P, 2) points, as BP4D's.

    points: pixels from 0; the file's count from 1. HDF5 stores MATLAB's columns as
    rows, hence 2 x P. Frames before the first, and
    those of no points, are MATLAB's empty arrays.
    """
    memory = io.BytesIO()
    with h5py.File(memory, "w", userblock_size=USER_BLOCK, libver="earliest") as mat:
        refs = mat.create_group("#refs#")
        empty = _array(refs, "empty", np.zeros(2, np.uint64))
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        targets = [empty] * (first - 1) + [
            _array(refs, f"p{k}", np.asarray(p, np.float64).T + 1) if len(p) else empty
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
