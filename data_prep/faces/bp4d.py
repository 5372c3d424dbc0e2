"""One generated sequence on disk, in BP4D's own layout and formats."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from data_prep.atomic import write_bytes
from data_prep.bp4d_layout import FRAMES, LABELS, LANDMARKS
from data_prep.faces import film, irregular, labels, people
from data_prep.faces.actions import AUS
from data_prep.faces.landmark_files import matlab73
from data_prep.faces.render import JAW

FIRST_FRAMES = 300  # a sequence's first frame number is drawn from 1 up to this
# The AU columns of BP4D's occurrence codes; those not drawn here are unknown.
COLUMNS = (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
)  # fmt: skip
QUALITY = 92  # of the frames' JPEG


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
    rng = people.rng(options.seed, subject, task)
    present, strength = labels.sample(rng, options.frames)
    codes = labels.codes(rng, present)
    first = int(rng.integers(1, FIRST_FRAMES + 1))
    person = people.face(options.seed, subject)
    views = film.shoot(person, rng, AUS, strength, options.height)

    folder, landmarks, table_file = paths(root, subject, task)
    for path in (folder, landmarks, table_file):
        path.parent.mkdir(parents=True, exist_ok=True)
    table_file.unlink(missing_ok=True)
    points = _write_frames(folder, first, (view for (view,) in views), faults)
    _write_landmarks(landmarks, first, points, faults)
    if irregular.EXTRA_FILE in faults:
        write_bytes(folder / f"._{image_name(first, faults)}", irregular.STRAY)
        too_many = landmarks.with_stem(f"{landmarks.stem} (1)")  # downloaded twice
        write_bytes(too_many, matlab73(first, points))
    if irregular.SHORT_LABELS in faults:
        codes = codes[:-1]
    write_bytes(table_file, table(first, codes).encode())


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
    write_bytes(file, matlab73(first, points))


def table(first: int, codes: np.ndarray) -> str:
    """CSV of AU codes: a header of numbers, column 0 the frame."""
    known = {au: codes[:, i] for i, au in enumerate(AUS)}
    lines = [",".join(map(str, (0, *COLUMNS)))]
    for k in range(len(codes)):
        row = (known[au][k] if au in known else labels.UNKNOWN for au in COLUMNS)
        lines.append(",".join(map(str, (first + k, *row))))
    return "\n".join(lines) + "\n"
