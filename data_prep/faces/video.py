"""Videos that are either whole or not there: Motion-JPEG in AVI, by OpenCV's FFmpeg.

Every frame is a picture of its own, so that a reader can go to any of them. OpenCV's
other writer needs four times the room.
"""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from data_prep.errors import UserError

RATE = 20.0  # frames a second, as DISFA's


def write(paths: list[Path], moments: Iterable[list[np.ndarray]]) -> None:
    """Write a video a camera; a moment is an image (uint8 BGR) for each.

    A last odd row or column is left out. Raises UserError where a file cannot be
    written whole.
    """
    unfinished = [path.with_name(f".{path.stem}.tmp.avi") for path in paths]
    writers: list[cv2.VideoWriter] = []
    try:
        for images in moments:
            writers = writers or [
                _open(path, image)
                for path, image in zip(unfinished, images, strict=True)
            ]
            for writer, image in zip(writers, images, strict=True):
                writer.write(image)
    finally:
        for writer in writers:
            writer.release()
    if not all(map(_is_whole, unfinished)):  # OpenCV reports no failed write
        for path in unfinished:
            path.unlink(missing_ok=True)
        raise UserError(f"{paths[0]} could not be written whole: is the disk full?")
    for path, name in zip(unfinished, paths, strict=True):
        path.replace(name)


def _open(path, image):
    height, width = image.shape[:2]
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, RATE, (width, height))
    if not writer.isOpened():
        raise UserError(f"{path} cannot be written: is its folder writable?")
    return writer


def _is_whole(path):
    """Whether an AVI's parts, whose lengths are written last, fill its file.

    An AVI has a part a gigabyte: `RIFF`, the rest's length in 4 bytes, the rest.
    """
    size, end = path.stat().st_size, 0
    with path.open("rb") as file:
        while end < size:
            file.seek(end)
            end += 8 + int.from_bytes(file.read(8)[4:], "little")
    return end == size > 0
