"""BP4D's AU codes: one CSV a sequence, a row a frame, a column an AU.

The header names each column by AU number; the column named 0 holds the frame number.
"""

import csv
from pathlib import Path

import numpy as np

from data_prep.errors import UserError

FRAME_COLUMN = 0
CODES = {"1": 1, "0": -1, "9": 0}  # present, absent, unknown


def read_labels(file: Path, aus: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Return int8 labels (len(aus),) in {+1, -1, 0} by frame number.

    Raises UserError, naming file, line, AU and value, on anything but 0, 1 and 9, a
    missing column, or a frame that is no positive whole number or stands twice.
    """
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as text:
        rows = csv.reader(text)
        columns = _columns(file, next(rows, []), aus)
        labels: dict[int, np.ndarray] = {}
        for row in filter(any, rows):
            where = f"{file}, line {rows.line_num}"
            cells = _cells(where, row, columns)
            frame = _frame(where, cells[FRAME_COLUMN])
            if frame in labels:
                raise UserError(f"{where}: frame {frame} is coded twice")
            labels[frame] = _labels(where, cells, aus)
    return labels


def read_aus(file: Path) -> list[int]:
    """Return the AUs that a file has a column for."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as text:
        names = (name.strip() for name in next(csv.reader(text), []))
        return [int(name) for name in names if name.isdecimal() and int(name)]


def _columns(file: Path, header: list[str], aus: tuple[int, ...]) -> dict[int, int]:
    """Return the position of the frame column and of every wanted AU's."""
    named = {name.strip(): i for i, name in enumerate(header)}
    missing = [name for name in (FRAME_COLUMN, *aus) if str(name) not in named]
    if missing:
        wanted = "frame number (0)" if missing[0] == 0 else f"AU {missing[0]}"
        found = ", ".join(named) or "none"
        raise UserError(f"{file} has no column for {wanted}; its columns are: {found}")
    return {name: named[str(name)] for name in (FRAME_COLUMN, *aus)}


def _cells(where: str, row: list[str], columns: dict[int, int]) -> dict[int, str]:
    if len(row) <= max(columns.values()):
        raise UserError(f"{where} has {len(row)} values, fewer than the header names")
    return {name: row[i].strip() for name, i in columns.items()}


def _frame(where: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise UserError(f"{where}: frame number {value!r} is no whole number from 1 up")
    return int(value)


def _labels(where: str, cells: dict[int, str], aus: tuple[int, ...]) -> np.ndarray:
    for au in aus:
        if cells[au] not in CODES:
            raise UserError(
                f"{where}: AU {au} is {cells[au]!r}; only 0 (absent), 1 (present) and "
                "9 (unknown) are codes"
            )
    return np.array([CODES[cells[au]] for au in aus], np.int8)
