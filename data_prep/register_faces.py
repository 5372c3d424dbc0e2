"""From frames to registered faces, on all cores."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import groupby

from data_prep import jpeg
from data_prep.batches import batches
from data_prep.detection import detect_eyes
from data_prep.errors import DamagedFileError
from data_prep.images import FrameReader, is_jpeg
from data_prep.records import Face
from data_prep.registration import VERSION, register, shrinking, shrunk
from data_prep.workers import stream

FACES_A_TASK = 64  # of images; a video is one task, so that it is decoded once
NO_FACE = b""  # in place of the JPEG, where a face was to be detected and is not there


def register_faces(
    faces: Iterable[tuple[bytes, Face]], size: int, jobs: int
) -> Iterator[tuple[bytes, bytes | DamagedFileError]]:
    """Yield for every (key, face) the key and the face's JPEG, NO_FACE or the damage.

    The order is the workers'.
    """
    return stream(_register, ((task, size) for task in _tasks(faces)), jobs)


def face_key(face: Face, size: int) -> bytes:
    """Return 16 bytes that change when the registered face would."""
    file, number = face.frame
    try:
        state = os.stat(file)
    except OSError:
        state = os.stat_result([0] * 10)  # reading it will say what is wrong
    about = (VERSION, size, file, number, state.st_size, state.st_mtime_ns)
    points = b"" if face.points is None else face.points.tobytes()
    return hashlib.blake2b(repr(about).encode() + points, digest_size=16).digest()


def _tasks(faces: Iterable[tuple[bytes, Face]]) -> Iterator[list]:
    """Yield tasks in the order of the files, and of the frames in a video."""
    in_order = sorted(faces, key=lambda item: item[1].frame)
    for video, group in groupby(in_order, lambda item: _video(item[1])):
        items = list(group)
        yield from batches(items, len(items) if video else FACES_A_TASK)


def _video(face: Face) -> str | None:
    return None if face.frame.number is None else face.frame.file


def _register(task: tuple[list, int]) -> Iterator[tuple]:
    faces, size = task
    reader = FrameReader()
    for key, face in faces:
        try:
            yield key, _jpeg(reader, face, size)
        except DamagedFileError as damage:
            yield key, damage
            if face.frame.number is not None:
                break  # what comes after it in a video is lost too


def _jpeg(reader: FrameReader, face: Face, size: int) -> bytes:
    points, shrink = face.points, 1
    file, number = face.frame
    if points is not None and number is None and is_jpeg(file):
        shrink = shrinking(points, size)
        points = shrunk(points, shrink)
    image = reader.read(face.frame, shrink)
    if points is None:
        points = detect_eyes(image)
    return NO_FACE if points is None else jpeg.encode(register(image, points, size))
