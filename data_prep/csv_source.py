"""A user's own faces: the images and landmarks that a CSV names (csv_table.py)."""

from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from data_prep.csv_table import Row, Table, read_table
from data_prep.errors import leaving_out
from data_prep.landmark_file import read_landmark_file
from data_prep.landmarks import tracked
from data_prep.records import Frame
from data_prep.sequence import Sequence, join
from data_prep.source import Source, are_generated


def find_csv(file: Path, skip_damaged: bool) -> Source:
    """Read the CSV; a subject's rows become one sequence.

    skip_damaged: leave out landmark files that cannot be read, and name them.
    """
    table = read_table(file)
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
    return Source(
        file.name, "csv", file, table.aus, generated, _found(table), readers, {}
    )


def _found(table: Table) -> dict[str, str]:
    found = {
        "AUs": ", ".join(map(str, table.aus)),
        "landmarks": "none: OpenCV detects faces and eyes"
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
