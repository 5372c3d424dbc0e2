"""From frames to registered faces, on all cores, and kept: none is made twice.

They are in an SQLite file beside the folds' folders, which all take their faces from
it (key: 16 bytes of `face_key`; image: a JPEG, or nothing where no face was detected),
and with them the landmarks of those whose dataset has none, as they were detected.
SQLite survives being killed, serves several processes at a time, and, unlike an LMDB,
maps nothing into memory. Once the folds are complete the file may be deleted.
"""

import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.base import (
    DamagedFileError,
    HeldBackError,
    UserError,
    batches,
    write,
)
from data_prep.dataset import FaceFrame
from data_prep.detection import detect_landmarks
from data_prep.images import FrameReader, encode_jpeg, is_jpeg
from data_prep.processes import stream
from data_prep.registration import VERSION, register, registered, shrinking, shrunk

FACES_A_TASK = 64  # of images; a video is one task, so that it is decoded once
NO_FACE = b""  # in place of the JPEG, where a face was to be detected and is not there
FACES_A_COMMIT = 200  # what a killed run can lose
PATIENCE = 60  # seconds to wait while another import writes
_TABLES = (
    "CREATE TABLE IF NOT EXISTS faces (key BLOB PRIMARY KEY, image BLOB)",
    "CREATE TABLE IF NOT EXISTS detected (key BLOB PRIMARY KEY, points BLOB)",
)


class RegisteredFaces:
    """The registered faces of one output folder."""

    def __init__(self, file: Path):
        self._file = file  # made when it is first opened

    def fill(
        self, faces: dict[bytes, FaceFrame], size: int, jobs: int, skip_damaged: bool
    ) -> None:
        """Register the faces, by their keys, that are not there yet.

        Raises DamagedFileError at a damaged image, unless skip_damaged: then it is
        named on the terminal and left out, as are frames that a codec holds back.
        """
        with self._open() as database:
            missing = [item for item in faces.items() if not _is_there(database, *item)]
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
                    database.executemany(insert, [row[:2] for row in batch])
                    found = [(k, p.tobytes()) for k, _, p in batch if p is not None]
                    insert = "INSERT OR REPLACE INTO detected VALUES (?, ?)"
                    database.executemany(insert, found)

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

    def landmarks(self, faces: dict[bytes, FaceFrame], size: int) -> np.ndarray:
        """Return their landmarks in the registered faces, (N, 49, 2) float32 pixels."""
        with self._open() as database:
            points = [
                _detected(database, key) if face.points is None else face.points
                for key, face in faces.items()
            ]
        return np.stack([registered(own, size) for own in points])

    def export(self, faces: dict[bytes, FaceFrame], folder: Path) -> None:
        """Write each face as FOLDER/F001/F001_T1_2440.jpg; all must be there.

        Raises UserError where two would have one name.
        """
        files: dict[Path, FaceFrame] = {}
        for face in faces.values():
            file = folder / _file_name(face.subject) / f"{_file_name(face.name)}.jpg"
            if file in files:
                both = f"{files[file].frame.file} and {face.frame.file}"
                raise UserError(f"{both} would both be {file}: rename one of them")
            files[file] = face
        paths = tqdm(files, "aligned faces", unit="face", disable=None)
        for file, image in zip(paths, self.images(faces), strict=True):
            if not (file.is_file() and file.read_bytes() == image):
                write(file, image)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for a transaction."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                closing(sqlite3.connect(self._file, timeout=PATIENCE)) as database,
                database,
            ):
                for table in _TABLES:
                    database.execute(table)
                yield database
        except sqlite3.Error as error:
            raise UserError(f"{self._file} cannot be used: {error}") from None


def _row(database: sqlite3.Connection, column: str, key: bytes) -> tuple | None:
    query = f"SELECT {column} FROM faces WHERE key = ?"
    return database.execute(query, (key,)).fetchone()


def _is_there(database: sqlite3.Connection, key: bytes, face: FaceFrame) -> bool:
    """Whether there is all of a face: detected landmarks were not always kept."""
    row = _row(database, "length(image)", key)
    if row and row[0] and face.points is None:
        return _detected(database, key) is not None
    return row is not None


def _detected(database: sqlite3.Connection, key: bytes) -> np.ndarray | None:
    query = "SELECT points FROM detected WHERE key = ?"
    row = database.execute(query, (key,)).fetchone()
    return row and np.frombuffer(row[0], np.float32).reshape(-1, 2)


def _sound(
    results: Iterator[tuple], skip_damaged: bool, progress: tqdm
) -> Iterator[tuple[bytes, bytes, np.ndarray | None]]:
    for key, image, points in results:
        if not isinstance(image, DamagedFileError):
            progress.update()
            yield key, image, points
        elif skip_damaged or isinstance(image, HeldBackError):
            progress.write(f"left out: {image}", file=sys.stderr)
        else:
            raise image


def _file_name(name: str) -> str:
    """Make a CSV's subject or path a file's name: never hidden or in another folder."""
    return name.replace("/", "-").lstrip(".") or "-"


def face_key(face: FaceFrame, size: int) -> bytes:
    """Return 16 bytes that change when the registered face would."""
    file, number = face.frame
    try:
        state = os.stat(file)
    except OSError:
        state = os.stat_result([0] * 10)  # reading it will say what is wrong
    about = (VERSION, size, file, number, state.st_size, state.st_mtime_ns)
    points = b"mesh" if face.points is None else face.points.tobytes()
    return hashlib.blake2b(repr(about).encode() + points, digest_size=16).digest()


# ---- Registering


def register_faces(
    faces: Iterable[tuple[bytes, FaceFrame]], size: int, jobs: int
) -> Iterator[tuple[bytes, bytes | DamagedFileError, np.ndarray | None]]:
    """Yield for every (key, face) the key and the face's JPEG, NO_FACE or the damage.

    The third are landmarks (49, 2) in the frame, where they were detected. The order is
    the workers'.
    """
    return stream(_register, ((task, size) for task in _tasks(faces)), jobs)


def _tasks(faces: Iterable[tuple[bytes, FaceFrame]]) -> Iterator[list]:
    """Yield tasks in the order of the files, and of the frames in a video."""
    in_order = sorted(faces, key=lambda item: item[1].frame)
    for video, group in groupby(in_order, lambda item: _video(item[1])):
        items = list(group)
        yield from batches(items, len(items) if video else FACES_A_TASK)


def _video(face: FaceFrame) -> str | None:
    return None if face.frame.number is None else face.frame.file


def _register(task: tuple[list, int]) -> Iterator[tuple]:
    faces, size = task
    reader = FrameReader()
    for key, face in faces:
        try:
            yield key, *_jpeg(reader, face, size)
        except DamagedFileError as damage:
            yield key, damage, None
            if face.frame.number is not None:
                break  # what comes after it in a video is lost too


def _jpeg(
    reader: FrameReader, face: FaceFrame, size: int
) -> tuple[bytes, np.ndarray | None]:
    """Return the JPEG or NO_FACE, and the landmarks if they were detected."""
    points, shrink = face.points, 1
    file, number = face.frame
    if points is not None and number is None and is_jpeg(file):
        shrink = shrinking(points, size)
        points = shrunk(points, shrink)
    image = reader.read(face.frame, shrink)
    if points is not None:
        return encode_jpeg(register(image, points, size)), None
    points = detect_landmarks(image)
    if points is None:
        return NO_FACE, None
    return encode_jpeg(register(image, points, size)), points
