"""Writes a tiny copy of BP4D, its file formats included, for the tests."""

from pathlib import Path

import cv2
import h5py
import numpy as np

from data_prep.registration import mean_shape

FRAMES, LABELS, LANDMARKS = "Sequences(2D+3D)", "AUCoding/AU_OCC", "2DFeatures"
HEADER = ["0", "1", "2", "3", "4", "6", "7", "10", "12", "14", "15", "17", "23", "24"]
WIDTH, HEIGHT = 260, 348  # a quarter of BP4D's 1040 x 1392
SUBJECTS = ("F001", "F002", "F003", "M002", "F004", "M003")  # two of each fold list
MARKER = 33  # the landmark that is drawn: the upper lip's middle


def landmarks(rng: np.random.Generator) -> np.ndarray:
    """Return (49, 2) points: the mean shape, turned, scaled and moved at random."""
    turn, scale = rng.uniform(-0.4, 0.4), rng.uniform(0.9, 1.6)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centred = mean_shape(100) - 50
    return scale * centred @ rotation.T + rng.uniform(-8, 8, 2) + (130, 174)


def draw(points: np.ndarray) -> np.ndarray:
    """Draw a white disc on the marker landmark of a grey frame."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    centre = tuple(int(round(16 * x)) for x in points[MARKER])
    return cv2.circle(image, centre, 16 * 5, (255, 255, 255), -1, cv2.LINE_AA, shift=4)


def write_image(file: Path, points: np.ndarray) -> None:
    """Write such a frame as JPEG."""
    image = draw(points)
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), image)


def write_csv(file: Path, rows: list[list], header: list[str] = HEADER) -> None:
    """Write AU codes as BP4D does: a numeric header, a row a frame."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(map(str, row)) for row in [header, *rows]]
    file.write_text("\n".join(lines) + "\n")


def write_mat(file: Path, shapes: list[np.ndarray]) -> None:
    """Write 49 x 2 points a frame (or whatever array is given) as MATLAB v7.3 does.

    Pixels count from 0 here and from 1 in the file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(file, "w") as mat:
        pred = mat.create_dataset("fit/pred", (len(shapes), 1), h5py.ref_dtype)
        for i, shape in enumerate(shapes):
            pred[i, 0] = mat.create_dataset(f"#refs#/{i}", data=shape.T + 1).ref


def image_name(frame: int) -> str:
    """Return a file name with BP4D's mixed zero-padding."""
    return f"{frame:04d}.jpg" if frame % 2 else f"{frame:02d}.jpg"


def write_sequence(root: Path, subject: str, task: int, frames: range) -> None:
    """Write one sequence with random poses and codes; seeded by its name."""
    rng = np.random.default_rng([*subject.encode(), task])
    shapes = [landmarks(rng) for _ in range(frames.stop)]
    for frame in frames:
        file = root / FRAMES / subject / f"T{task}" / image_name(frame)
        write_image(file, shapes[frame - 1])
    codes = rng.choice([0, 1, 9], (len(frames), len(HEADER) - 1)).tolist()
    rows = [[frame, *row] for frame, row in zip(frames, codes, strict=True)]
    write_csv(root / LABELS / f"{subject}_T{task}.csv", rows)
    write_mat(root / LANDMARKS / f"{subject}_T{task}.mat", shapes)


def write_dataset(root: Path) -> Path:
    """Write two subjects of each fold list, two tasks each, five frames a task."""
    for subject in SUBJECTS:
        for task in (1, 2):
            write_sequence(root, subject, task, range(8, 13))
    return root
