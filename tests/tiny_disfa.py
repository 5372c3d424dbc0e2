"""Writes a tiny copy of DISFA, its file formats included, for the tests."""

from pathlib import Path

import cv2
import numpy as np
import tiny_bp4d
from scipy.io import savemat

VIDEOS, LABELS = "Videos_LeftCamera", "ActionUnit_Labels"
LANDMARKS = "Landmark_Points"
AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
SUBJECTS = ("SN001", "SN002", "SN006", "SN011", "SN003", "SN004")  # two of each list
FROM_1 = ("SN002", "SN011")  # whose landmark files are l0NNNN_lm.mat
FRAMES = 6


def video(root: Path, subject: str) -> Path:
    return root / VIDEOS / f"LeftVideo{subject}_comp.avi"


def code_file(root: Path, subject: str, au: int) -> Path:
    return root / LABELS / subject / f"{subject}_au{au}.txt"


def landmark_file(root: Path, subject: str, frame: int) -> Path:
    """The file of a coded frame, which count from 1."""
    name = f"l{frame:05d}" if subject in FROM_1 else f"{subject}_{frame - 1:04d}"
    return root / LANDMARKS / subject / "tmp_frame_lm" / f"{name}_lm.mat"


def intensities(subject: str, frames: int = FRAMES) -> np.ndarray:
    """Codes 0 to 5 as (frames, AUs)."""
    rng = np.random.default_rng([*subject.encode(), 1])
    return rng.integers(0, 6, (frames, len(AUS)))


def write_landmarks(file: Path, points: np.ndarray) -> None:
    """Write 49 points with a jaw of 17 before them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    jaw = np.tile(points.mean(axis=0), (17, 1))
    savemat(file, {"pts": np.vstack([jaw, points])})


def write_video(file: Path, images: list[np.ndarray], codec: str = "MJPG") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    size = images[0].shape[1::-1]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*codec), 20, size)
    for image in images:
        writer.write(image)
    writer.release()


def move_to_images(root: Path, folder: str, first: int) -> None:
    """Replace the videos by images, numbered from `first`; folder: of a {subject}."""
    for subject in SUBJECTS:
        place = root / folder.format(subject=subject)
        place.mkdir(parents=True)
        capture = cv2.VideoCapture(str(video(root, subject)))
        for number in range(first, first + FRAMES):
            cv2.imwrite(str(place / f"{subject}_{number}.png"), capture.read()[1])
        video(root, subject).unlink()


def lose_frame(file: Path, number: int, spoil: str) -> None:
    """Spoil a frame (from 0) of an AVI: its chunk is emptied, or overwritten.

    What an emptied chunk held becomes a chunk of padding. A chunk is a name, a length
    in 4 bytes and that many bytes.
    """
    content = bytearray(file.read_bytes())
    start = content.index(b"00dc", content.index(b"movi"))
    for _ in range(number):
        start = content.index(b"00dc", start + 8 + _length(content, start))
    length, inside = _length(content, start), start + 8
    content[inside : inside + length] = bytes(length)
    if spoil == "emptied":
        content[start + 4 : inside] = bytes(4)
        content[inside : inside + 8] = b"JUNK" + (length - 8).to_bytes(4, "little")
        index = content.index(b"idx1") + 8 + 16 * number
        content[index + 12 : index + 16] = bytes(4)
    file.write_bytes(content)


def _length(content: bytes, start: int) -> int:
    return int.from_bytes(content[start + 4 : start + 8], "little")


def write_subject(root: Path, subject: str, frames: int = FRAMES) -> None:
    rng = np.random.default_rng([*subject.encode()])
    shapes = [tiny_bp4d.landmarks(rng) for _ in range(frames)]
    write_video(video(root, subject), [tiny_bp4d.draw(shape) for shape in shapes])
    for frame, shape in enumerate(shapes, 1):
        write_landmarks(landmark_file(root, subject, frame), shape)
    for au, column in zip(AUS, intensities(subject, frames).T, strict=True):
        lines = (f"{frame},{code}\n" for frame, code in enumerate(column, 1))
        file = code_file(root, subject, au)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(lines))


def write_dataset(root: Path) -> Path:
    for subject in SUBJECTS:
        write_subject(root, subject)
    return root
