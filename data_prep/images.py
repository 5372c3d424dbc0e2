"""Pictures as BGR arrays (height x width x 3, uint8, 0..255): JPEGs, files, videos.

JPEG is the form in which registered faces are kept.
"""

import os
import re
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from data_prep.base import DamagedFileError, HeldBackError
from data_prep.dataset import Frame

JPEG_QUALITY = 95  # of registered faces

# FFmpeg would write to the terminal what it thinks of a damaged video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND"}  # of JPEG and PNG, by their start
TRAILER = 4096  # bytes of foreign data that some writers leave behind the image
_SHRINKING = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def encode_jpeg(image: np.ndarray) -> bytes:
    """Return a BGR uint8 image as JPEG."""
    done, content = cv2.imencode(
        ".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    assert done, "a uint8 image can always be encoded"
    return content.tobytes()


def decoded(read: Callable, *arguments: Any) -> Any:
    """Return what OpenCV reads, or None where it throws at what is damaged.

    A picture may claim any size. What wants more memory than there is goes on throwing.
    """
    try:
        return read(*arguments)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise
        return None


def decode_jpeg(content: bytes) -> np.ndarray | None:
    """Return the pixels of an encoded image, or None where there are none."""
    pixels = np.frombuffer(content, np.uint8)
    return decoded(cv2.imdecode, pixels, cv2.IMREAD_COLOR)


def read_image(path: str, shrink: int = 1) -> np.ndarray:
    """Return an image's pixels, every shrink x shrink of them averaged to one.

    shrink is 1, or for a JPEG (is_jpeg) 2, 4 or 8: its decoder then has less to do.
    Raises DamagedFileError, naming the path. A cut-off file is refused here because
    OpenCV would fill what is missing with grey.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise DamagedFileError(f"{path} cannot be read: {error.strerror}") from None
    end = _ENDS.get(content[:2])
    whole = end and end in content[-TRAILER:]
    pixels = np.frombuffer(content, np.uint8)
    image = decoded(cv2.imdecode, pixels, _SHRINKING[shrink]) if whole else None
    if image is None:
        raise DamagedFileError(
            f"{path} is not a whole JPEG or PNG image (of {2**28:,} pixels at most): "
            "mend it, or give --on-damaged skip"
        )
    return image


def is_jpeg(path: str) -> bool:
    """Whether an image is a JPEG: of other formats OpenCV shrinks without averaging."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"\xff\xd8"
    except OSError:
        return False  # reading it will say what is wrong


class Video:
    """A video that is decoded once, from its first frame on."""

    def __init__(self, path: str):
        self._path = path
        self._capture = _open(path)
        self._rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._decoded = 0
        self._start = 0.0
        self._held = 0  # frames at its end that the codec never gives out

    def read(self, number: int) -> np.ndarray:
        """Return frame `number` (from 0); it must come after the last one read.

        Raises DamagedFileError where the video ends before it, or where a frame was
        lost on the way: all that follow would bear the next one's number; and
        HeldBackError where it is one of the last that a codec with B-frames keeps back.
        Frames are counted as they are decoded: seeking is not exact in every .avi.
        """
        assert number >= self._decoded, f"{self._path}: frames are read in order"
        while self._decoded <= number and self._capture.grab():
            self._check_time()
            self._decoded += 1
        whole, image = decoded(self._capture.retrieve) or (False, None)
        if self._decoded <= number or not whole:
            raise self._damage(number)
        return image

    def _check_time(self) -> None:
        """Tell by its time whether the frame just decoded is the next one."""
        time = self._capture.get(cv2.CAP_PROP_POS_MSEC) * self._rate / 1000
        if not self._decoded:
            self._start = time
            # Later than 0: the codec looks frames ahead, or the first one is lost.
            if time > 0.5:
                self._check_start(round(time))
        if time > self._start + self._decoded + 0.5:
            raise self._damage(self._decoded)

    def _check_start(self, late: int) -> None:
        """Tell a codec's delay from a lost first frame.

        late: frames by which the first one's time is late. With runs of n B-frames
        (I B B P ...: n = 2) XviD's are n + 1 late, and its encoder keeps as many or
        fewer back when it ends: the video lacks its last frames, not its first.
        """
        kinds = _kinds(self._path)
        lacking = count_frames(self._path) - len(kinds)
        if lacking <= 0:
            return
        run = max(map(len, re.findall("B+", kinds)), default=0)
        if not (run and kinds.startswith("I") and lacking <= late <= run + 1):
            raise self._damage(0)
        self._held = lacking

    def _damage(self, number: int) -> DamagedFileError:
        if self._held and number < self._decoded + self._held:
            return HeldBackError(
                f"{self._path}: the codec (with B-frames) holds back the last "
                f"{self._held} of {self._decoded + self._held} frames, which OpenCV "
                "cannot decode; the others are read"
            )
        return DamagedFileError(
            f"{self._path}: frame {number + 1} cannot be decoded, only "
            f"{self._decoded} can: copy the video again, or give --on-damaged skip"
        )


def count_frames(video: str) -> int:
    """Return how many frames a video says it has; raise DamagedFileError if none."""
    count = int(_open(video).get(cv2.CAP_PROP_FRAME_COUNT))
    if count < 1:
        raise DamagedFileError(
            f"{video} is no video that OpenCV reads: copy it again, or give "
            "--on-damaged skip"
        )
    return count


def _kinds(video: str) -> str:
    """Return the kinds (I, P, B) of all frames that can be decoded, in their order."""
    capture = _open(video)
    kinds = (capture.get(cv2.CAP_PROP_FRAME_TYPE) for _ in iter(capture.grab, False))
    return "".join(chr(int(kind)) for kind in kinds)


def _open(video: str) -> cv2.VideoCapture:
    return cv2.VideoCapture(video, cv2.CAP_FFMPEG)


class FrameReader:
    """Reads frames, those of a video in their order."""

    def __init__(self):
        self._path, self._video = None, None

    def read(self, frame: Frame, shrink: int) -> np.ndarray:
        """Return the frame's pixels; only JPEG files are shrunk."""
        if frame.number is None:
            return read_image(frame.file, shrink)
        if frame.file != self._path:
            self._path, self._video = frame.file, Video(frame.file)
        return self._video.read(frame.number)
