"""One generated subject on disk, in DISFA's own layout and formats.

Videos_LeftCamera/LeftVideoSN001_comp.avi    Video_RightCamera/RightVideoSN001_Comp.avi
Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat    of the left video
ActionUnit_Labels/SN001/SN001_au1.txt
"""

import io
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from data_prep.base import UserError
from data_prep.renderer import film, irregular, labels, render, subjects

TURNS = (0.0, 0.12)  # radians of the left and the right camera about the head
RATE = 20.0  # frames a second
TEXT = 116  # bytes of free text that open a MATLAB file


def title(subject: str, _task: int = 1) -> str:
    """What the files of a subject are named after."""
    return subject


def paths(root: Path, subject: str) -> tuple[Path, Path, Path, Path]:
    """Left and right video, folder of landmarks, folder of labels."""
    return (
        root / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi",
        root / "Video_RightCamera" / f"RightVideo{subject}_Comp.avi",
        root / "Landmark_Points" / subject / "tmp_frame_lm",
        root / "ActionUnit_Labels" / subject,
    )


def is_finished(root: Path, subject: str, _task: int, _faults: set[str]) -> bool:
    """Whether all four parts exist (the labels are written last)."""
    return all(path.exists() for path in paths(root, subject))


def generate(root: Path, options, subject: str, task: int, faults: set[str]) -> None:
    """Draw and write one subject: a single video, seen by two cameras."""
    rng = subjects.rng(options.seed, subject, task)
    codes, strength = labels.sample_intensities(rng, options.frames)
    person = render.person_of(options.seed, subject)
    views = film.shoot(person, rng, labels.DISFA_AUS, strength, options.height, TURNS)
    left, right, landmarks, coded = paths(root, subject)
    for path in (left, right, landmarks, coded):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(coded, ignore_errors=True)
    points: list[np.ndarray] = []
    write_videos([left, right], _images(views, points))
    _write_folder(landmarks, _landmark_files(subject, points, faults))
    _write_folder(coded, _label_files(subject, codes, faults))


def _images(views, points: list) -> Iterator[list[np.ndarray]]:
    """Both cameras' images of each moment; the left one's points are kept."""
    for (left, marks), (right, _) in views:
        points.append(marks)
        yield [left, right]


def landmark_name(subject: str, frame: int) -> str:
    """The file of a label's frame, numbered from 0; of every third subject from 1."""
    if subjects.DISFA.index(subject) % 3 == 1:
        return f"l0{frame:04d}_lm.mat"
    return f"{subject}_{frame - 1:04d}_lm.mat"


def _landmark_files(subject, points, faults):
    """File name to content, one a frame (1 up)."""
    frames = dict(enumerate(points, 1))
    if irregular.EXTRA_FILE in faults:
        frames[len(points) + 1] = points[-1]
    if irregular.NO_LANDMARKS in faults:
        del frames[1 + len(points) // 2]
    files = {landmark_name(subject, k): matlab5(p) for k, p in frames.items()}
    if irregular.EXTRA_FILE in faults:
        files[f"._{landmark_name(subject, 1)}"] = irregular.STRAY
    return files


def _label_files(subject, codes, faults):
    """File name to content, one an AU: `frame,intensity` lines, frames from 1."""
    if irregular.SHORT_LABELS in faults:
        codes = codes[:-1]
    return {
        f"{subject}_au{au}.txt": "".join(
            f"{frame},{intensity}\n" for frame, intensity in enumerate(column, 1)
        ).encode()
        for au, column in zip(labels.DISFA_AUS, codes.T, strict=True)
    }


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Fill a folder under another name, then put it into its place."""
    unfinished = folder.with_name(f".{folder.name}.tmp")
    for stale in (unfinished, folder):
        shutil.rmtree(stale, ignore_errors=True)
    unfinished.mkdir()
    for name, content in files.items():
        (unfinished / name).write_bytes(content)
    unfinished.replace(folder)


def matlab5(points: np.ndarray) -> bytes:
    """A MATLAB v5 file of one variable, `pts` (P, 2), as DISFA's."""
    memory = io.BytesIO()
    savemat(memory, {"pts": np.asarray(points, np.float64)})
    text = b"MATLAB 5.0 MAT-file, Platform: none, generated faces"
    return text.ljust(TEXT) + memory.getvalue()[TEXT:]  # SciPy's names the time


# ---- Videos: Motion-JPEG in AVI, by OpenCV's FFmpeg
#
# Every frame is a picture of its own, so that a reader can go to any of them. OpenCV's
# other writer needs four times the room.


def write_videos(paths: list[Path], moments: Iterable[list[np.ndarray]]) -> None:
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
