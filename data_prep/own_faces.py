#!/usr/bin/env python3
"""Import your own faces from a CSV: registered, with AU labels, for one fold or all.

CSV names the images, a row an image, and their landmarks where there are some:

    path,subject,AU1,AU2,AU12,landmarks
    anna/0001.jpg,anna,1,0,,anna/0001.pts

Columns are found by name. path and landmarks are relative to the CSV's folder. An AU is
1 (present), 0 (absent), or 9 or nothing (unknown). Without a column of landmarks a mesh
finds them (detection.py); with one, a row without is left out. landmarks.py says what
they are.

Prints what is there, and writes under OUT/fold<K> or OUT/all what `drml import bp4d`
writes. Without --folds the subjects are dealt into three lists by --seed. An
interrupted run goes on when started again.
"""

import argparse
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep import importer
from data_prep.aus import AU_NAMES
from data_prep.base import UserError, csv_rows, leaving_out, run
from data_prep.dataset import MESH, Dataset, Frame, Sequence, are_generated, join
from data_prep.landmarks import read_landmark_file, tracked

PATH, SUBJECT, LANDMARKS = "path", "subject", "landmarks"
CODES = {"1": 1, "0": -1, "9": 0, "": 0}  # present, absent, unknown
_AU = re.compile(r"AU0*([1-9]\d?)", re.IGNORECASE)
_EXAMPLE = "path,subject,AU1,AU2,..."


# ---- The table


class Row(NamedTuple):
    """An image."""

    path: str
    landmarks: str  # a path, or nothing
    labels: list[int]  # +1, -1, 0, in the order of Table.aus


@dataclass(frozen=True)
class Table:
    """What a CSV says."""

    aus: tuple[int, ...]
    subjects: dict[str, list[Row]]
    detect: bool  # there is no column of landmarks
    unused: list[str]  # columns


def read_table(file: Path) -> Table:
    """Read the CSV; raise UserError, naming line and column, on what it can't mean."""
    if not file.is_file():
        raise UserError(f"{file} is no file: give a CSV with the columns {_EXAMPLE}")
    rows = csv_rows(file)
    _, header = next(rows, (1, []))
    columns = [name.strip() for name in header]
    aus = _check_header(file, columns)
    lines = ((line, row) for line, row in rows if any(row))
    subjects = _by_subject(file, columns, aus, lines)
    if not subjects:
        raise UserError(f"{file} has a header but no row")
    known = {PATH, SUBJECT, LANDMARKS, *aus}
    unused = [name for name in columns if name not in known]
    return Table(tuple(aus.values()), subjects, LANDMARKS not in columns, unused)


def _check_header(file: Path, columns: list[str]) -> dict[str, int]:
    """Return the AU of every AU column."""
    twice = [name for name in columns if columns.count(name) > 1]
    missing = [name for name in (PATH, SUBJECT) if name not in columns]
    if missing or twice:
        problem = f"no column {missing[0]!r}" if missing else f"{twice[0]!r} twice"
        header = ",".join(columns)[:100]
        raise UserError(f"{file}: {header!r} has {problem}; a header is {_EXAMPLE}")
    aus = {n: int(m[1]) for n in columns if (m := _AU.fullmatch(n))}
    likely = [n for n in columns if n.upper().startswith("AU")]
    if wrong := [n for n in likely if aus.get(n) not in AU_NAMES]:
        raise UserError(
            f"{file}: column {wrong[0][:40]!r} is no action unit; they are AU1 to AU46"
        )
    if not aus or len(set(aus.values())) < len(aus):
        what = "an AU twice" if aus else "no AU"
        raise UserError(f"{file} has {what} among its columns; a header is {_EXAMPLE}")
    return aus


def _by_subject(
    file: Path, columns: list[str], aus: dict[str, int], lines: Iterable
) -> dict[str, list[Row]]:
    subjects: dict[str, list[Row]] = {}
    seen: dict[str, int] = {}
    folder = file.resolve().parent
    for line, values in lines:
        where = f"{file}, line {line}"
        if len(values) != len(columns):
            raise UserError(
                f"{where} has {len(values)} values, the header {len(columns)}"
            )
        cells = dict(zip(columns, map(str.strip, values), strict=True))
        path = cells[PATH]
        if not path or not cells[SUBJECT]:
            raise UserError(f"{where} lacks its {SUBJECT if path else PATH}")
        image = os.path.realpath(folder / path)  # a.jpg is ./a.jpg
        if image in seen:
            raise UserError(f"{where}: {path} stands in line {seen[image]} already")
        seen[image] = line
        row = Row(path, cells.get(LANDMARKS, ""), _labels(where, cells, aus))
        subjects.setdefault(cells[SUBJECT], []).append(row)
    return subjects


def _labels(where: str, cells: dict[str, str], aus: dict[str, int]) -> list[int]:
    for name in aus:
        if cells[name] not in CODES:
            raise UserError(
                f"{where}: {name} is {cells[name]!r}; only 0 (absent), 1 (present) and "
                "9 or nothing (unknown) are codes"
            )
    return [CODES[cells[name]] for name in aus]


# ---- The dataset


def find_csv(file: Path, skip_damaged: bool, mesh: bool = False) -> Dataset:
    """Read the CSV; a subject's rows become one sequence.

    skip_damaged: leave out landmark files that cannot be read, and name them; mesh:
    find landmarks in the images, even where the CSV names files of them.
    """
    table = read_table(file)
    options = {"registered by": MESH} if mesh and not table.detect else {}
    table = replace(table, detect=table.detect or mesh)
    folder = file.resolve().parent
    readers = {
        subject: [
            partial(read_sequence, folder, subject, rows, table.detect, skip_damaged)
        ]
        for subject, rows in sorted(table.subjects.items())
    }
    rows = chain(*table.subjects.values())
    images = ((folder / row.path).resolve() for row in rows)
    generated = are_generated({folder, *(image.parent for image in images)})
    return Dataset(
        file.name, "csv", file, table.aus, generated, _found(table), readers, options
    )


def _found(table: Table) -> dict[str, str]:
    found = {
        "AUs": ", ".join(map(str, table.aus)),
        "landmarks": "none: a mesh finds them (docs/data.md)"
        if table.detect
        else "of files that the CSV names",
    }
    unused = ", ".join(table.unused)
    return found | ({"not used": f"columns {unused}"} if unused else {})


def read_sequence(
    folder: Path, subject: str, rows: list[Row], detect: bool, skip_damaged: bool
) -> Sequence:
    """Join a subject's rows with their images and landmarks; paths are under folder."""
    images = {
        i: (_title(row.path), Frame(str(folder / row.path)))
        for i, row in enumerate(rows)
        if (folder / row.path).is_file()
    }
    labels = {i: np.array(row.labels, np.int8) for i, row in enumerate(rows)}
    damage: list[str] | None = [] if skip_damaged else None
    points = None if detect else _read_landmarks(folder, rows, damage)
    return join(subject, subject, labels, images, points, notes=damage)


def _title(path: str) -> str:
    """Return an image's path as a part of its face's name: anna/01.jpg is anna-01."""
    return "-".join(Path(path).with_suffix("").parts).lstrip("/-")


def _read_landmarks(
    folder: Path, rows: list[Row], damage: list[str] | None
) -> dict[int, np.ndarray | None]:
    """Return points by row; a file that cannot be read is named in damage, if given."""
    files = {i: folder / row.landmarks for i, row in enumerate(rows) if row.landmarks}
    points = {}
    for i, file in files.items():
        with leaving_out(damage):
            points[i] = read_landmark_file(file)
    return {i: shape if tracked(shape) else None for i, shape in points.items()}


# ---- The command


def main(argv: list[str] | None = None) -> None:
    """Import the fold that the options name."""
    args = importer.parse(parser(), argv)
    skip, mesh = args.on_damaged == "skip", args.landmarks == MESH
    importer.import_dataset(args, find_csv(args.root, skip, mesh))


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    options = importer.parser(
        __doc__, "the CSV", out="data/own", sample="none", folds=None
    )
    options.add_argument(
        "--landmarks",
        choices=(MESH,),
        help="find them in the images, even where the CSV names files",
    )
    return options


if __name__ == "__main__":
    run(main)
