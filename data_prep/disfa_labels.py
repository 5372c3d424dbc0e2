"""DISFA's AU codes: one text file a subject and AU, `frame,intensity` lines.

Frames count from 1; intensities are 0 (absent) to 5 (FACS's A to E are 1 to 5).
"""

from pathlib import Path

import numpy as np

from data_prep.errors import UserError

MOST = 5


def read_labels(files: list[Path], threshold: int) -> dict[int, np.ndarray]:
    """Return int8 labels (len(files),) by frame: a file an AU.

    An intensity of `threshold` or more is present (+1), less is absent (-1). A frame
    that some files lack is unknown (0) there. Raises UserError, naming file and line,
    on anything but a frame from 1 up and an intensity of 0 to 5, or a frame twice.
    """
    columns = [read_intensities(file) for file in files]
    frames = sorted(set().union(*columns))
    return {
        frame: _labels([c.get(frame) for c in columns], threshold) for frame in frames
    }


def _labels(intensities: list[int | None], threshold: int) -> np.ndarray:
    signs = [0 if i is None else 1 if i >= threshold else -1 for i in intensities]
    return np.array(signs, np.int8)


def read_intensities(file: Path) -> dict[int, int]:
    """Return an AU's intensity, 0 to 5, by frame."""
    intensities: dict[int, int] = {}
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 2 or not cells[0].isdecimal() or int(cells[0]) < 1:
            raise UserError(f"{where} is no `frame,intensity`: {line[:40]!r}")
        frame, intensity = int(cells[0]), cells[1]
        if not intensity.isdecimal() or int(intensity) > MOST:
            raise UserError(
                f"{where}: intensity {intensity!r} is no whole number from 0 to {MOST}"
            )
        if frame in intensities:
            raise UserError(f"{where}: frame {frame} is coded twice")
        intensities[frame] = int(intensity)
    return intensities
