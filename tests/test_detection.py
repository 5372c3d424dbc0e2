"""Faces without landmarks: OpenCV's detection finds the eyes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep import generate_faces, own_faces
from data_prep.base import UserError
from data_prep.bp4d import read_landmarks
from data_prep.detection import detect_eyes
from data_prep.registration import mean_shape, similarity, target

SUBJECTS = 6


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("drawn")
    few = ("--tasks=1", "--frames=4", "--jobs=2", f"--subjects={SUBJECTS}")
    generate_faces.main([str(root), *few])
    return root


def faces(root: Path) -> dict[Path, np.ndarray]:
    """Return the drawn frames with their true landmarks."""
    found = {}
    for file in sorted(root.glob("Sequences*/*/T1/*.jpg")):
        mat = root / "2DFeatures" / f"{file.parts[-3]}_T1.mat"
        number = int(file.stem)
        found[file] = read_landmarks(mat, [number])[number]
    return found


def test_detected_faces_land_where_landmarks_would_put_them(drawn):
    """The eyes: on average within 2% of the face's side, and never further than 5%."""
    errors = []
    for file, points in faces(drawn).items():
        eyes = detect_eyes(cv2.imread(str(file)))
        assert eyes.shape == (2, 2)
        assert eyes[0, 0] < eyes[1, 0]
        warp = similarity(eyes, target(eyes, 200))
        landed = points @ warp[:, :2].T + warp[:, 2]
        errors.append(np.abs(landed - mean_shape(200))[19:31].mean() / 200)
    assert len(errors) == 4 * SUBJECTS
    assert np.mean(errors) < 0.02
    assert max(errors) < 0.05


def test_the_largest_face_counts(drawn):
    file, points = next(iter(faces(drawn).items()))
    large = cv2.imread(str(file))
    small = cv2.resize(large, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    both = np.full((large.shape[0], 900, 3), 90, np.uint8)
    both[: small.shape[0], : small.shape[1]] = small
    both[:, -large.shape[1] :] = large
    eyes = detect_eyes(both) - (both.shape[1] - large.shape[1], 0)
    centres = np.stack([points[19:25].mean(axis=0), points[25:31].mean(axis=0)])
    assert np.abs(eyes - centres).max() < 15


def test_where_there_is_no_face_there_are_no_eyes():
    rng = np.random.default_rng(0)
    assert detect_eyes(rng.integers(0, 256, (300, 200, 3), np.uint8)) is None
    assert detect_eyes(np.zeros((20, 10, 3), np.uint8)) is None


def write_csv(root: Path, blank: int) -> Path:
    """Name the drawn frames, the first `blank` of each subject painted over."""
    lines = ["path,subject,AU12"]
    for file in faces(root):
        if sum(file.parts[-3] in line for line in lines) < blank:
            cv2.imwrite(str(file), np.full((348, 260, 3), 128, np.uint8))
        lines.append(f"{file.relative_to(root)},{file.parts[-3]},1")
    table = root / "faces.csv"
    table.write_text("\n".join(lines))
    return table


def test_frames_without_a_face_are_left_out_and_counted(drawn, tmp_path, capsys):
    table = write_csv(drawn, blank=1)
    options = [str(table), f"--out={tmp_path}", "--fold=1", "--jobs=1"]
    own_faces.main(options)
    folder = tmp_path / "fold1"
    dataset = json.loads((folder / "dataset.json").read_text())
    assert dataset["left_out"]["no face detected"] == SUBJECTS
    assert sum(split["faces"] for split in dataset["splits"].values()) == 3 * SUBJECTS
    assert (
        "landmarks:    none: OpenCV detects faces and eyes" in capsys.readouterr().out
    )
    write_csv(drawn, blank=4)
    with pytest.raises(UserError, match="no image of the train split shows a face"):
        own_faces.main([str(table), f"--out={tmp_path}/blank", *options[2:]])
