"""One generated subject on disk, in DISFA's own layout and formats.

Videos_LeftCamera/LeftVideoSN001_comp.avi    Video_RightCamera/RightVideoSN001_Comp.avi
Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat    of the left video
ActionUnit_Labels/SN001/SN001_au1.txt
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.faces import film, intensities, irregular, people, video
from data_prep.faces.landmark_files import matlab5

TURNS = (0.0, 0.12)  # radians of the left and the right camera about the head


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
    rng = people.rng(options.seed, subject, task)
    codes, strength = intensities.sample(rng, options.frames)
    person = people.face(options.seed, subject)
    views = film.shoot(person, rng, intensities.AUS, strength, options.height, TURNS)
    left, right, landmarks, labels = paths(root, subject)
    for path in (left, right, landmarks, labels):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(labels, ignore_errors=True)
    points: list[np.ndarray] = []
    video.write([left, right], _images(views, points))
    _write_folder(landmarks, _landmark_files(subject, points, faults))
    _write_folder(labels, _label_files(subject, codes, faults))


def _images(views, points: list) -> Iterator[list[np.ndarray]]:
    """Both cameras' images of each moment; the left one's points are kept."""
    for (left, marks), (right, _) in views:
        points.append(marks)
        yield [left, right]


def landmark_name(subject: str, frame: int) -> str:
    """The file of a label's frame, numbered from 0; of every third subject from 1."""
    if people.DISFA.index(subject) % 3 == 1:
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
        for au, column in zip(intensities.AUS, codes.T, strict=True)
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
