"""DISFA's landmarks: one MATLAB file a frame, its `pts` 66 x 2.

Named `SN001_0000_lm.mat`, counted from 0, or, for some subjects, `l00001_lm.mat`,
counted from 1; label frames count from 1.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from data_prep.errors import DamagedFileError, UserError, leaving_out
from data_prep.landmarks import to_49, tracked
from data_prep.source import unique

POINTS = 66
NAME = r"(?i:(?P<subject>SN\d{3})_(?P<from0>\d+)|l(?P<from1>\d+))_lm\.mat"


def number_landmarks(folder: Path, subject: str) -> dict[int, Path]:
    """Return a subject's landmark files, however deep, by label frame.

    Raises UserError where there is none but an archive, as some downloads have it,
    where two are of one frame, or one is another subject's.
    """
    found = ((re.fullmatch(NAME, f.name), f) for f in sorted(folder.rglob("*.mat")))
    named = [(name, file) for name, file in found if name]
    for name, file in named:
        check_subject(file, name["subject"], subject)
    files = unique(((_frame(name), file) for name, file in named), f"{subject}'s frame")
    archive = None if files else next(folder.rglob("*.zip"), None)
    if archive:
        raise UserError(f"{archive} is still packed: unzip it where it lies")
    return files


def _frame(name: re.Match) -> int:
    return int(name["from1"]) if name["from1"] else int(name["from0"]) + 1


def check_subject(file: Path, named: str | None, subject: str) -> None:
    """Raise UserError where a file in a subject's folder names another subject."""
    if named and named.upper() != subject:
        raise UserError(
            f"{file} lies in {subject}'s folder but is {named}'s by its name: move it"
        )


def read_landmarks(
    files: dict[int, Path], frames: Iterable[int], damage: list[str] | None = None
) -> dict[int, np.ndarray | None]:
    """Return (49, 2) float32 points in pixels (x, y) of each frame that has a file.

    A file whose points are missing, not finite or all the same is of a lost face: None.
    Raises DamagedFileError where a file is not MATLAB's, unless there is a list of
    damage to name it in, and UserError where one has another number of points.
    """
    points = {}
    for frame in frames:
        with leaving_out(damage):
            if frame in files:
                points[frame] = _read(files[frame])
    return {
        frame: to_49(shape) if len(shape) and tracked(shape) else None
        for frame, shape in points.items()
    }


def _read(file: Path) -> np.ndarray:
    try:
        points = loadmat(file, variable_names=["pts"])["pts"]
    except Exception:  # SciPy's parser raises whatever foreign bytes lead it to
        raise DamagedFileError(
            f"{file} is no MATLAB file with `pts`: copy it again, or give "
            "--on-damaged skip"
        ) from None
    if points.size and points.shape != (POINTS, 2):
        raise UserError(
            f"{file}: pts has shape {points.shape} where {POINTS} x 2 are wanted"
        )
    return points
