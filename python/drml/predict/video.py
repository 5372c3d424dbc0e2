"""A video's faces, frame by frame, into a CSV, in memory that does not grow.

The CSV is written beside itself, .NAME.csv.part, with what is needed to go on after a
kill in .NAME.json; it gets its name when it is whole.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from data_prep.base import (
    DamagedFileError,
    UserError,
    batches,
    read_json,
    write_json,
)
from data_prep.detection import Face
from data_prep.images import decoded
from drml.predict import tables
from drml.predict.detector import Detector
from drml.predict.sources import is_camera
from drml.predict.tracking import Tracker

CHUNK = 32  # frames whose faces are scored together; a kill loses no more


class Frame(NamedTuple):
    """A frame of a video."""

    number: int  # from 1, as OpenFace counts
    timestamp: float  # seconds from the video's start
    image: np.ndarray  # (H, W, 3) uint8 BGR, upright as the file says


class Frames:
    """A video's frames in order; memory holds one at a time."""

    def __init__(self, path: str):
        """Open a file, or the camera of a number; UserError where there is none."""
        camera = self.is_camera = is_camera(path)
        where = (int(path), cv2.CAP_ANY) if camera else (path, cv2.CAP_FFMPEG)
        self._capture = cv2.VideoCapture(*where)
        if camera and not self._capture.isOpened():
            raise UserError(f"camera {path} cannot be opened: is one connected?")
        if not self._capture.isOpened():
            raise DamagedFileError(f"{path} is no video that OpenCV reads")
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or 25.0
        # What the file says; 0 where it does not, as of a camera.
        self.count = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self._number, self._time = 0, -1 / self.rate

    def skip(self, frames: int) -> None:
        """Decode so many frames and forget them: seeking is not exact in all files."""
        while self._number < frames and self._capture.grab():
            self._stamp()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            there, image = decoded(self._capture.read) or (False, None)
            if not there:
                return
            self._stamp()
            yield Frame(self._number, self._time, image)

    def _stamp(self) -> None:
        """Number the frame just read, and time it.

        Its time is right only after it was read; frame / rate is off by up to a second
        where the rate varies. Where a file has no times, the rate has to serve.
        """
        self._number += 1
        time = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        self._time = time if time > self._time else self._time + 1 / self.rate


class Followed(NamedTuple):
    """A frame's faces, by their face_id, and each registered."""

    head: dict
    faces: list[tuple[int, Face]]
    registered: list[np.ndarray]


def chunks(
    detector: Detector, tracker: Tracker, frames: Frames
) -> Iterator[list[dict]]:
    """Yield the rows of CHUNK frames at a time."""
    for chunk in batches(_followed(detector, tracker, frames), CHUNK):
        scores = iter(detector.score([r for frame in chunk for r in frame.registered]))
        yield [row for frame in chunk for row in _rows(detector, frame, scores)]


def _followed(
    detector: Detector, tracker: Tracker, frames: Frames
) -> Iterator[Followed]:
    for number, timestamp, image in frames:
        faces = tracker.follow(image)
        registered = [detector.registered(image, face) for _, face in faces]
        yield Followed({"frame": number, "timestamp": timestamp}, faces, registered)


def _rows(
    detector: Detector, frame: Followed, scores: Iterator[np.ndarray]
) -> list[dict]:
    about = detector.aus, detector.notice
    if not frame.faces:
        return [tables.no_face(frame.head | {"face_id": 0}, detector.notice)]
    return [
        tables.row(frame.head | {"face_id": number}, face, next(scores), *about)
        for number, face in frame.faces
    ]


def analyse(
    detector: Detector,
    path: str,
    csv: Path,
    tick: Callable[[int], object] = lambda frames: None,
) -> list[str]:
    """Write a video's table to `csv`, going on where a run before was ended.

    tick is told of frames done. Returns what a user should know besides. Ctrl-C ends a
    camera's table; any other is gone on with. Raises DamagedFileError where there is no
    frame.
    """
    work = _Work(detector, path, csv)
    if work.done:
        return work.notes
    frames = Frames(path)
    frames.skip(work.tracker.frame)
    tick(work.tracker.frame)
    with work.part.open("ab") as part, until_stopped(frames.is_camera):
        for rows in chunks(detector, work.tracker, frames):
            part.write(work.text(rows))
            part.flush()
            work.keep(part.tell())
            tick(len({row["frame"] for row in rows}))
    done = work.tracker.frame
    if not done:
        work.drop()
        raise DamagedFileError(f"{path} has no frame that can be decoded")
    cut = f"{path} ends after {done} of {frames.count} frames: is it cut off?"
    work.finish([cut] if done < frames.count else [])
    return work.notes


@contextmanager
def until_stopped(camera: bool) -> Iterator[None]:
    """Let Ctrl-C be a camera's usual end."""
    try:
        yield
    except KeyboardInterrupt:
        if not camera:
            raise


class _Work:
    """The unfinished table of a video, and what goes on from it."""

    def __init__(self, detector: Detector, path: str, csv: Path):
        self.detector, self.path, self.csv = detector, path, csv
        self.part = csv.with_name(f".{csv.name}.part")
        self.record = csv.with_name(f".{csv.stem}.json")
        self.made_with = self._made_with()
        csv.parent.mkdir(parents=True, exist_ok=True)
        state = self._state()
        self.tracker = Tracker(state.get("tracker"))
        self.notes = state.get("notes", [])
        self.done = "notes" in state
        if self.done:
            return
        if state:
            os.truncate(self.part, state["bytes"])
        else:
            self.part.write_bytes(self.text([], header=True))

    def _made_with(self) -> dict:
        """Name what the table depends on; a camera shows nothing twice."""
        there = Path(self.path).exists()
        trained = self.detector.trained
        return {
            "video": _version(Path(self.path)) if there else [self.path, os.getpid()],
            "weights": _version(trained.weights),
            "net and mean": [_version(trained.net), _version(trained.mean)],
            "AUs": list(trained.aus),
        }

    def _state(self) -> dict:
        """Return what a run before left, unless it was of something else."""
        if not self.record.exists():
            return {}
        state = read_json(self.record, f"delete {self.record} to begin anew")
        there = self.csv if "notes" in state else self.part
        same = state.get("made with") == self.made_with and there.exists()
        return state if same else {}

    def text(self, rows: list[dict], header: bool = False) -> bytes:
        """Return rows as they stand in the file."""
        aus, notice = self.detector.aus, self.detector.notice
        table = tables.table_of(rows, tables.VIDEO, aus, notice)
        return tables.csv(table, header).encode()

    def keep(self, size: int) -> None:
        state = {"made with": self.made_with, "bytes": size}
        write_json(self.record, state | {"tracker": self.tracker.state})

    def drop(self) -> None:
        self.part.unlink(missing_ok=True)
        self.record.unlink(missing_ok=True)

    def finish(self, notes: list[str]) -> None:
        self.notes = notes
        os.replace(self.part, self.csv)
        write_json(self.record, {"made with": self.made_with, "notes": notes})


def _version(file: Path) -> list:
    status = os.stat(file)
    return [str(file.resolve()), status.st_size, status.st_mtime_ns]
