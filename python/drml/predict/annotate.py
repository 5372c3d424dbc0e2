"""Pictures and videos with their faces' landmarks and AUs drawn in."""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from data_prep.aus import AU_NAMES
from data_prep.base import UserError, replacing
from data_prep.images import encode_jpeg
from drml.predict.tables import POINTS, ROWS
from drml.predict.video import Frames

try:
    import av
except ImportError:  # PyAV is not among what drml needs
    av = None

BLUE, WHITE, INK, GREY = (148, 90, 31), (255, 255, 255), (48, 36, 29), (150, 143, 138)
ORANGE = (27, 100, 200)
FONT = cv2.FONT_HERSHEY_SIMPLEX
LEAST_WIDTH = 480  # of what is drawn on: text would not be read on less
ROW = 20  # pixels of a line of text
PANELS = 3  # faces whose AUs are shown beside a picture


class Drawn(NamedTuple):
    """A face as a row of a table has it."""

    number: int
    points: np.ndarray  # (68, 2)
    scores: np.ndarray  # (C,)


def drawn(row: dict, aus: Sequence[int]) -> Drawn:
    """Read a row of a picture or a video with success 1."""
    points = [[row[f"{axis}_{i}"] for axis in "xy"] for i in range(POINTS)]
    scores = np.array([row[f"AU{au:02d}_p"] for au in aus])
    return Drawn(int(row.get("face_id", row.get("face"))), np.array(points), scores)


def annotated(
    image: np.ndarray, rows: Sequence[dict], aus: Sequence[int], notice: str
) -> bytes:
    """Return a picture with the faces of its rows, as JPEG."""
    return encode_jpeg(draw(image, faces_of(rows, aus), aus, notice))


def faces_of(rows: Sequence[dict], aus: Sequence[int]) -> list[Drawn]:
    return [drawn(row, aus) for row in rows if row["success"] == 1]


def draw(
    image: np.ndarray,
    faces: Sequence[Drawn],
    aus: Sequence[int],
    notice: str,
    panels: int | None = None,
) -> np.ndarray:
    """Return a copy with bars of AUs on its right, for up to PANELS faces.

    image: (H, W, 3) uint8 BGR; it is enlarged where it is too small to draw on. panels:
    how many to make room for, if not as many as there are faces.
    """
    least = (len(aus) + 3) * ROW
    scale = max(1.0, LEAST_WIDTH / image.shape[1], least / image.shape[0])
    canvas = cv2.resize(image, None, fx=scale, fy=scale) if scale > 1 else image.copy()
    for face in faces:
        _outline(canvas, face, scale)
    count = min(len(faces), PANELS) if panels is None else panels
    shown = [*faces[:count], *[None] * (count - len(faces))]
    canvas = np.hstack([canvas, *(_panel(f, aus, canvas.shape[0]) for f in shown)])
    return _strip(canvas, notice) if notice else canvas


def _outline(canvas: np.ndarray, face: Drawn, scale: float) -> None:
    points = np.round(face.points * scale).astype(int)
    left, top, right, bottom = *points.min(axis=0), *points.max(axis=0)
    width = max(1, round(canvas.shape[1] / 500))
    cv2.rectangle(canvas, (left, top), (right, bottom), BLUE, width, cv2.LINE_AA)
    for x, y in points:
        cv2.circle(canvas, (int(x), int(y)), width, WHITE, -1, cv2.LINE_AA)
    _text(canvas, str(face.number), (left, max(top - 4, 14)), BLUE, 0.6)


def _panel(face: Drawn | None, aus: Sequence[int], height: int) -> np.ndarray:
    """Bars of a face's AUs, 0 to 1; a line at 0.5."""
    panel = np.full((height, 250, 3), 255, np.uint8)
    if face is None:
        return panel
    _text(panel, f"face {face.number}", (10, ROW), INK)
    for line, (au, score) in enumerate(zip(aus, face.scores, strict=True), 2):
        y = line * ROW
        _text(panel, f"{au:2d} {AU_NAMES[au]}", (10, y), INK, 0.38)
        end = 170 + round(70 * float(score))
        colour = BLUE if score >= 0.5 else GREY
        cv2.rectangle(panel, (170, y - 10), (end, y), colour, -1)
    bottom = (len(aus) + 1) * ROW + 4
    cv2.line(panel, (205, ROW + 6), (205, bottom), GREY, 1)
    return panel


def _strip(canvas: np.ndarray, text: str) -> np.ndarray:
    strip = np.full((ROW + 6, canvas.shape[1], 3), ORANGE, np.uint8)
    _text(strip, text, (8, ROW), WHITE, min(0.5, canvas.shape[1] / 1400))
    return np.vstack([canvas, strip])


def _text(canvas: np.ndarray, text: str, at, colour, size: float = 0.45) -> None:
    cv2.putText(canvas, text, at, FONT, size, colour, 1, cv2.LINE_AA)


# ---- Videos


def annotated_frames(
    path: str,
    csv: Path,
    aus: Sequence[int],
    notice: str,
    only: Collection[int] | None = None,
) -> Iterator[tuple[int, float, np.ndarray]]:
    """Yield number, time and picture of each frame of a video that `csv` is of.

    only: numbers of frames, if not all are wanted.
    """
    seen = pd.read_csv(csv, usecols=["frame", "success"])
    most = seen[seen["success"] == 1].groupby("frame").size().max()
    panels = 0 if pd.isna(most) else min(PANELS, int(most))
    frames = (frame for frame in Frames(path) if only is None or frame.number in only)
    for (number, time, image), rows in zip(frames, frames_of(csv, only), strict=False):
        yield number, time, draw(image, faces_of(rows, aus), aus, notice, panels)


def frames_of(csv: Path, only: Collection[int] | None = None) -> Iterator[list[dict]]:
    """Yield the rows of each frame of a video's table, a part of it at a time."""
    parts = pd.read_csv(csv, chunksize=ROWS)
    if only is not None:
        parts = (part[part["frame"].isin(only)] for part in parts)
    rows = (row for part in parts for row in part.to_dict("records"))
    for _, group in groupby(rows, lambda row: row["frame"]):
        yield list(group)


def write_video(path: str, csv: Path, aus: Sequence[int], notice: str, tick) -> Path:
    """Write an annotated video beside its table, and return its name.

    It is one that browsers play: H.264 in MP4 where PyAV is, else VP8 in WebM.
    """
    suffix, encoder = (".mp4", H264) if av else (".webm", VP8)
    rate, video = Frames(path).rate, None
    with replacing(csv.with_suffix(suffix)) as unfinished:
        file = unfinished.with_suffix(suffix)  # encoders tell the format by the name
        try:
            for _, time, image in annotated_frames(path, csv, aus, notice):
                height, width = (side - side % 2 for side in image.shape[:2])
                if video is None:
                    video = encoder(file, rate, (width, height))
                video.write(image[:height, :width], time)
                tick(1)
            if video is not None:
                video.close()
                file.rename(unfinished)
        finally:
            file.unlink(missing_ok=True)
    return csv.with_suffix(suffix)


class H264:
    """A video in H.264 by PyAV; each frame is shown at its own time."""

    TICKS = 1000  # a second

    def __init__(self, file: Path, rate: float, size: tuple[int, int]):
        self._file = av.open(str(file), "w", options={"movflags": "+faststart"})
        self._stream = self._file.add_stream(
            "libx264", Fraction(rate).limit_denominator(1001)
        )
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"  # the one that all browsers play
        self._stream.codec_context.time_base = Fraction(1, self.TICKS)

    def write(self, image: np.ndarray, time: float) -> None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "bgr24")
        frame.pts, frame.time_base = round(time * self.TICKS), Fraction(1, self.TICKS)
        self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._file.mux(self._stream.encode())
        self._file.close()


class VP8:
    """A video in VP8 by OpenCV.

    Its rate is constant: where the source's is not, frames are shown again or left out.
    """

    def __init__(self, file: Path, rate: float, size: tuple[int, int]):
        code = cv2.VideoWriter_fourcc(*"VP80")
        with silenced():  # FFmpeg says that WebM has no such tags, and writes VP8
            self._writer = cv2.VideoWriter(str(file), cv2.CAP_FFMPEG, code, rate, size)
        if not self._writer.isOpened():
            raise UserError(f"{file} cannot be written: this OpenCV has no VP8")
        self._rate, self._written = rate, 0

    def write(self, image: np.ndarray, time: float) -> None:
        while self._written <= time * self._rate + 0.5:
            self._writer.write(image)
            self._written += 1

    def close(self) -> None:
        self._writer.release()


@contextmanager
def silenced() -> Iterator[None]:
    """Keep what a library in C writes to stderr from the terminal."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
