"""Videos that are either whole or not there: Motion-JPEG in AVI, by OpenCV itself."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from data_prep.errors import UserError

RATE = 20.0  # frames a second, as DISFA's
QUALITY = 92  # of the frames' JPEG


def write(paths: list[Path], moments: Iterable[list[np.ndarray]]) -> None:
    """Write a video a camera; a moment is an image (uint8 BGR) for each.

    Raises UserError where a file cannot be written whole.
    """
    unfinished = [path.with_name(f".{path.stem}.tmp.avi") for path in paths]
    writers: list[cv2.VideoWriter] = []
    frames = 0
    try:
        for images in moments:
            frames += 1
            writers = writers or [
                _open(path, image)
                for path, image in zip(unfinished, images, strict=True)
            ]
            for writer, image in zip(writers, images, strict=True):
                writer.write(image)
    finally:
        for writer in writers:
            writer.release()
    for path, name in zip(unfinished, paths, strict=True):
        if _frames(path) != frames:  # OpenCV reports no failed write
            path.unlink(missing_ok=True)
            raise UserError(f"{name} could not be written whole: is the disk full?")
        path.replace(name)


def _open(path, image):
    height, width = image.shape[:2]
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_OPENCV_MJPEG, codec, RATE, (width, height)
    )
    if not writer.isOpened():
        raise UserError(f"{path} cannot be written: is its folder writable?")
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, QUALITY)
    return writer


def _frames(path):
    """How many frames the file's index holds; 0 where it has none."""
    video = cv2.VideoCapture(str(path), cv2.CAP_OPENCV_MJPEG)
    return int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
