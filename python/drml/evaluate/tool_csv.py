"""What another AU tool said of a split's faces, from the CSV files that it writes.

Columns, by name and in any case:
- `AU01_c` (0 or 1) and `AU01_r` (0 to 5): OpenFace; `AU01` (0 to 1): py-feat;
  `au_1` (0 or 1) and `au_1_intensity` (0 to 5): LibreFace;
- `frame` or `frame_idx`, a number; `input`, `path`, `filename` or `image`, a path;
  `confidence` or `FaceScore`; `success` (0: no face was found).

A row is matched to a face by video and number.
1. Its video is the one that the row's path names, or else the CSV's own path: F001/T1,
   F001_T1 and F001-T01 all name F001_T1; LeftVideoSN001_comp.csv names SN001.
2. Its number is `frame`; or, of an image, the number that ends the image's name; or,
   without either column, the one that ends the CSV's name (a CSV an image). A tool
   whose frames count from 0 is one later: `offset`.
3. The face is the one of that video whose name ends in that number: images' own numbers
   in BP4D, frames of the video from 1 in DISFA.
Of several faces in a frame the one of highest confidence counts. A face that the tool
has no row for, or found no face in, was not called present: its scores are 0.

A score is kept as v / (v + threshold), which is 0.5 at the tool's threshold and keeps
the order of its values v.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd

from data_prep.base import UserError
from drml.evaluate.dataset import name_of, subjects_and_videos

KINDS = {"c": 0.5, "plain": 0.5, "r": 1.0, "intensity": 1.0}  # and their thresholds
LEAST_FOUND = 0.5  # of the faces must have a row, or the numbers do not fit
_AU = re.compile(r"au_?0*(\d+)(?:_(c|r|intensity))?")
_FRAME, _PATH = ("frame", "frame_idx"), ("input", "path", "filename", "image")
_SURE, _SUCCESS = ("confidence", "facescore"), "success"
_IMAGES = {".jpg", ".jpeg", ".png", ".bmp"}


class Said(NamedTuple):
    """A tool's scores of faces."""

    aus: list[int]  # C, those of the wanted ones that it has
    scores: np.ndarray  # (N, C) float32 in [0, 1)
    about: dict  # tool, columns, threshold, offset, faces without an answer


def read_tool(
    files: Sequence[Path],
    keys: Sequence[str],
    subjects: Sequence[str],
    aus: Sequence[int],
    kind: str | None = None,
    threshold: float | None = None,
    offset: int | None = None,
) -> Said:
    """Match a tool's rows to faces.

    keys: of N faces; subjects: the dataset's; aus: wanted; kind: of KINDS; offset: what
    is added to `frame`, None: 1 where the smallest is 0. Raises UserError where a file
    is no such CSV, names no video or two, or hardly a face is found.
    """
    table = pd.concat([_read(file) for file in _listed(files)], ignore_index=True)
    kind = kind or next((k for k in KINDS if _columns(table, k)), "plain")
    columns = _columns(table, kind)
    shared = [au for au in aus if au in columns]
    if not shared:
        raise UserError(
            f"{files[0]} has no column of kind {kind} for one of the AUs "
            f"{', '.join(map(str, aus))}; give another --columns"
        )
    threshold = KINDS[kind] if threshold is None else threshold
    if offset is None:
        offset = int(table.number[table.counted].min() == 0)
    rows = _rows_of(table, keys, subjects, offset)
    values = table[[columns[au] for au in shared]].to_numpy(float)
    values = np.vstack([values, np.zeros(len(shared))])[rows]  # row -1: no answer
    values = np.nan_to_num(np.maximum(values, 0))
    about = {
        "tool": _tool(table.columns),
        "columns": kind,
        "tool_threshold": threshold,
        "frame_offset": offset,
        "unanswered": int((rows < 0).sum()),
        "left_out": [au for au in aus if au not in shared],
    }
    return Said(shared, (values / (values + threshold)).astype(np.float32), about)


def _listed(files: Sequence[Path]) -> list[Path]:
    """Return the files, and those of folders."""
    found = [f for file in files for f in (_inside(file) if file.is_dir() else [file])]
    if not found:
        raise UserError(f"{files[0]} holds no CSV file")
    return found


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.csv"))


def _read(file: Path) -> pd.DataFrame:
    """Return a file's rows: AUs, place, number, and whether that is `frame`."""
    try:
        table = pd.read_csv(file, skipinitialspace=True, usecols=_is_used)
    except (OSError, ValueError) as error:  # pandas' errors are ValueErrors
        raise UserError(f"{file} cannot be read as a CSV ({error})") from None
    table.columns = [_name(column) for column in table.columns]
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise UserError(f"{file} has two columns {twice[0]}: leave one out")
    if not any(map(_AU.fullmatch, table.columns)):
        raise UserError(
            f"{file} has no AU column (AU01_c, AU01_r, AU01, au_1, au_1_intensity)"
        )
    path, frame = (
        next((n for n in names if n in table), None) for names in (_PATH, _FRAME)
    )
    _check_numbers(file, table)
    table["place"] = table[path].astype(str) if path else str(file)
    images = table.place.map(lambda place: Path(place).suffix.lower() in _IMAGES)
    table["counted"] = ~images & (frame is not None)
    table["number"] = table.place.map(_ending_number)
    if frame:
        table["number"] = table.number.where(images, table[frame])
    if _SUCCESS in table:
        table = table[table[_SUCCESS] != 0]
    return table


def _check_numbers(file: Path, table: pd.DataFrame) -> None:
    """Raise UserError, naming the column, where one that should is not of numbers."""
    for column in table.columns:
        is_number = pd.api.types.is_numeric_dtype(table[column])
        if column not in _PATH and not is_number:
            raise UserError(f"{file}: not all of column {column} are numbers")


def _name(column: str) -> str:
    return column.strip().lower()


def _is_used(column: str) -> bool:
    name = _name(column)
    return name in (*_FRAME, *_PATH, *_SURE, _SUCCESS) or bool(_AU.fullmatch(name))


def _columns(table: pd.DataFrame, kind: str) -> dict[int, str]:
    """Return the columns of a kind by AU."""
    names = {name: _AU.fullmatch(name) for name in table.columns}
    return {
        int(match[1]): name
        for name, match in names.items()
        if match and (match[2] or "plain") == kind
    }


def _tool(columns: Sequence[str]) -> str:
    if any(name.endswith(("_c", "_r")) for name in columns):
        return "OpenFace"
    if any(name.startswith("au_") for name in columns):
        return "LibreFace"
    return "py-feat" if "facescore" in columns else "another tool"


@cache
def _ending_number(place: str) -> float:
    digits = re.search(r"(\d+)\D*$", PurePosixPath(place.replace("\\", "/")).stem)
    return int(digits[1]) if digits else np.nan


def _rows_of(
    table: pd.DataFrame, keys: Sequence[str], subjects: Sequence[str], offset: int
) -> np.ndarray:
    """Return each face's row of the table, -1 where it has none: (N,) int."""
    _, videos = subjects_and_videos(keys, subjects)
    named = {place: _video(place, sorted({*videos})) for place in {*table.place}}
    known = table.assign(
        video=table.place.map(named), number=table.number + offset * table.counted
    )
    sure = next((name for name in _SURE if name in table), None)
    if sure:
        known = known.sort_values(sure, ascending=False, kind="stable")
    known = known.dropna(subset=["video", "number"])
    rows: dict[tuple, int] = {}
    for row, video, number in zip(known.index, known.video, known.number, strict=True):
        rows.setdefault((video, int(number)), row)
    faces = zip(videos, (_ending_number(name_of(key)) for key in keys), strict=True)
    found = np.array([rows.get(face, -1) for face in faces])
    _check_found(found, videos, named)
    return found


def _check_found(found: np.ndarray, videos: np.ndarray, named: dict) -> None:
    """Raise UserError where the rows are of other videos, or of other numbers."""
    without = sorted({*videos} - {*named.values()})
    if without:
        raise UserError(
            f"no CSV is of {without[0]} ({len(without)} of {len({*videos})} videos "
            "have none): its path must name the video, and every video of the split "
            "wants one"
        )
    if (found >= 0).mean() < LEAST_FOUND:
        raise UserError(
            f"only {(found >= 0).sum()} of {len(found)} faces have a row of their "
            "number: give another --frame-offset"
        )


def _video(place: str, videos: Sequence[str]) -> str | None:
    """Return the video that a path names, None where it names none."""
    found = [video for video in videos if _pattern(video).search(place)]
    longest = [v for v in found if len(v) == max(map(len, found))]
    if len(longest) > 1:
        raise UserError(f"{place} names {' and '.join(longest)}: rename it")
    return longest[0] if longest else None


@cache
def _pattern(video: str) -> re.Pattern:
    """Match F001_T1 however it is parted and padded; not in F001_T10."""
    parts = re.split(r"(\d+)", video)
    loose = [
        f"0*{int(part)}"
        if part.isdecimal()
        else re.escape(part).replace("_", r"[\W_]+")
        for part in parts
    ]
    return re.compile("".join(loose) + r"(?!\d)", re.IGNORECASE)
