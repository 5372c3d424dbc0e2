"""Registered faces on disk, by what they were made from: none is made twice.

An SQLite file beside the folds' folders, which all take their faces from it (key: 16
bytes of register_faces.face_key; image: a JPEG, or nothing where no face was detected).
SQLite survives being killed, serves several processes at a time, and, unlike an LMDB,
maps nothing into memory. Once the folds are complete the file may be deleted.
"""

import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tqdm import tqdm

from data_prep.batches import batches
from data_prep.errors import DamagedFileError, UserError
from data_prep.records import Face
from data_prep.register_faces import register_faces

FACES_A_COMMIT = 200  # what a killed run can lose
_TABLE = "CREATE TABLE IF NOT EXISTS faces (key BLOB PRIMARY KEY, image BLOB)"
PATIENCE = 60  # seconds to wait while another import writes


class FaceStore:
    """The registered faces of one output folder."""

    def __init__(self, file: Path):
        self._file = file  # made when it is first opened

    def fill(
        self, faces: dict[bytes, Face], size: int, jobs: int, skip_damaged: bool
    ) -> None:
        """Register the faces, by their keys, that are not there yet.

        Raises DamagedFileError at a damaged image, unless skip_damaged: then it is
        named on the terminal and left out.
        """
        held = zip(faces.items(), self.lengths(faces), strict=True)
        missing = [item for item, length in held if length is None]
        done = len(faces) - len(missing)
        progress = tqdm(
            total=len(faces), initial=done, desc="faces", unit="face", disable=None
        )
        with progress:
            results = register_faces(missing, size, jobs)
            for batch in batches(
                _sound(results, skip_damaged, progress), FACES_A_COMMIT
            ):
                with self._open() as database:
                    insert = "INSERT OR REPLACE INTO faces VALUES (?, ?)"
                    database.executemany(insert, batch)

    def images(self, keys: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the faces of these keys, JPEGs, in order; all must be there."""
        with self._open() as database:
            for key in keys:
                (image,) = _row(database, "image", key)
                yield image

    def lengths(self, keys: Iterable[bytes]) -> list[int | None]:
        """Return each face's bytes: 0 where none was detected, None: not there."""
        with self._open() as database:
            rows = [_row(database, "length(image)", key) for key in keys]
        return [row and row[0] for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for a transaction."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(self._file, PATIENCE)) as database, database:
                database.execute(_TABLE)
                yield database
        except sqlite3.Error as error:
            raise UserError(f"{self._file} cannot be used: {error}") from None


def _row(database: sqlite3.Connection, column: str, key: bytes) -> tuple | None:
    query = f"SELECT {column} FROM faces WHERE key = ?"
    return database.execute(query, (key,)).fetchone()


def _sound(
    results: Iterator[tuple], skip_damaged: bool, progress: tqdm
) -> Iterator[tuple[bytes, bytes]]:
    for key, image in results:
        if not isinstance(image, DamagedFileError):
            progress.update()
            yield key, image
        elif skip_damaged:
            progress.write(f"left out: {image}", file=sys.stderr)
        else:
            raise image
