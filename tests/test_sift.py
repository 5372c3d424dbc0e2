"""SIFT at 49 landmarks: what OpenCV is asked for, and files of features."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import skimage.data
from command import status_of
from tiny_dataset import AUS, FACES, SIZE, make_dataset

from data_prep.detection import detect_landmarks
from data_prep.registration import MIRROR, mean_shape, registered
from drml.classical import sift
from drml.classical.sift import SCALE, describe_face
from drml.evaluate.features import read_features, read_rows

SIDE = 200
# The bins of a mirrored window: columns of cells swapped, each angle a as 180 - a.
CELLS = np.arange(128).reshape(4, 4, 8)
MIRRORED = CELLS[:, ::-1, [4, 3, 2, 1, 0, 7, 6, 5]].ravel()


@pytest.fixture(scope="module")
def face():
    """A face-sized picture of smooth noise."""
    noise = np.random.default_rng(0).integers(0, 256, (25, 25, 3), np.uint8)
    return cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def test_descriptors_are_whole_numbers_of_norm_512(face):
    found = describe_face(face, mean_shape(SIDE))
    assert found.dtype == np.uint8
    assert found.shape == (49 * 128,)
    norms = np.linalg.norm(found.reshape(49, 128) * SCALE, axis=1)
    assert norms == pytest.approx(np.ones(49), abs=0.02)


def test_landmarks_keep_their_order_and_none_is_dropped(face):
    """Each alone gives its own 128 numbers; one at the border, or beyond, is there."""
    points = mean_shape(SIDE)
    points[3], points[7] = (0, 0), (SIDE + 5, SIDE - 1)
    together = describe_face(face, points).reshape(49, 128)
    alone = [describe_face(face, points[[i]]) for i in range(49)]
    assert np.array_equal(together, np.stack(alone))
    assert together.any(axis=1).sum() >= 48  # beyond the border there is nothing


def test_windows_are_upright(face):
    """The descriptor is that of angle 0, not of the default, -1: a degree."""
    points = mean_shape(SIDE)[[20]]
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)

    def of(*angle):
        key = cv2.KeyPoint(*map(float, points[0]), 4.0, *angle)
        return cv2.SIFT_create().compute(grey, [key])[1][0]

    found = describe_face(face, points)
    assert np.array_equal(found, of(0.0))
    assert not np.array_equal(found, of())


def test_the_window_grows_with_the_face(face):
    """24 pixels at 200 are 30 at 250: a larger picture of it looks the same."""
    larger = cv2.resize(face, (250, 250), interpolation=cv2.INTER_CUBIC)
    points = np.array([[100.0, 100], [60, 140]])
    one, other = (
        describe_face(image, (points + 0.5) * scale - 0.5).astype(float)
        for image, scale in ((face, 1), (larger, 1.25))
    )
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.97


def test_a_mirrored_face_has_mirrored_descriptors(face):
    """And a linear model's importance follows: its patches are those of MIRROR."""
    points = np.round(mean_shape(SIDE))
    mirrored = points[MIRROR] * (-1, 1) + (SIDE - 1, 0)
    one = describe_face(face, points).reshape(49, 128).astype(int)
    other = describe_face(face[:, ::-1].copy(), mirrored).reshape(49, 128)
    assert np.abs(other[:, MIRRORED] - one[MIRROR]).max() <= 3  # rounding


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A dataset of 11 faces with landmarks."""
    monkeypatch.chdir(tmp_path)
    folder = make_dataset(tmp_path / "data")
    points = np.random.default_rng(1).uniform(0, SIZE, (FACES, 49, 2))
    np.save(folder / "test_landmarks.npy", points.astype(np.float32))
    amend(folder, landmarks=True)
    return folder


def amend(folder, **more):
    file = folder / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def extract(*more):
    words = "--sift --data data --out f.h5 --window 60".split()
    return status_of("features", *words, *more)


def test_a_file_of_bytes_with_their_scale(project, capsys):
    assert extract() == 0
    assert f"{FACES} faces x 6272" in capsys.readouterr().out
    found, (keys, rows, labels) = read_features("f.h5"), read_rows("f.h5")
    assert (rows.dtype, rows.shape) == (np.uint8, (FACES, 6272))
    assert found.scale == 1 / 512
    assert found.aus == list(AUS)
    assert (len(keys), labels.dtype) == (FACES, np.int8)


def test_what_was_interrupted_goes_on(project, monkeypatch):
    assert extract("--batch", 1) == 0
    whole = read_rows("f.h5")[1]
    (project.parent / "f.h5").unlink()
    done, describe = [], sift.describe_face

    def limited(*face):
        if len(done) == 7:
            raise KeyboardInterrupt
        done.append(face)
        return describe(*face)

    monkeypatch.setattr("drml.evaluate.features.BATCHES_A_PART", 2)
    monkeypatch.setattr(sift, "describe_face", limited)
    assert extract("--batch", 1) == 130
    monkeypatch.setattr(sift, "describe_face", describe)
    with h5py.File("f.h5.parts/00000004.h5") as part:
        assert len(part["keys"]) == 2
    assert extract("--batch", 1) == 0
    assert np.array_equal(read_rows("f.h5")[1], whole)


def test_faces_without_landmarks_are_refused(project, capsys):
    (project / "test_landmarks.npy").unlink()
    assert extract() == 1
    error = capsys.readouterr().err
    assert "was imported before landmarks were kept; import it again" in error
    assert not list(project.parent.glob("f.h5*/*.h5"))


def test_landmarks_that_the_mesh_found_are_kept(tmp_path, monkeypatch):
    """Beside the records, as those of files; of an import of before they are added."""
    monkeypatch.chdir(tmp_path)
    photo = skimage.data.astronaut()[:, :, ::-1]
    cv2.imwrite("photo.png", photo)
    Path("own.csv").write_text("path,subject,AU1\nphoto.png,s,1\n")
    words = "import csv own.csv --out own --fold all --jobs 1".split()
    assert status_of(*words) == 0
    file, faces = Path("own/all/test_landmarks.npy"), Path("own/registered.sqlite")
    expected = registered(detect_landmarks(photo), SIDE)
    assert np.load(file) == pytest.approx(expected[None])
    to = "own/all --out f.h5".split()
    assert status_of("features", "--sift", "--split", "test", "--data", *to) == 0
    file.unlink()
    with closing(sqlite3.connect(faces)) as database, database:
        database.execute("DROP TABLE detected")
    assert status_of(*words) == 0
    assert np.load(file) == pytest.approx(expected[None])


def test_landmarks_of_other_faces_are_refused(project, capsys):
    np.save(project / "test_landmarks.npy", np.zeros((3, 49, 2), np.float32))
    assert extract() == 1
    assert f"where {FACES} faces need ({FACES}, 49, 2)" in capsys.readouterr().err


def test_a_window_that_opencv_cannot_take_is_refused(project, capsys):
    """On faces of 25 pixels 24 at 200 are 3, at which OpenCV spoils memory."""
    assert extract("--window", 24) == 1
    assert "is 3.0 pixels of a face of 25, fewer than 6" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--net", "n"), ("--trained-on", "data")])
def test_sift_wants_no_net(project, more):
    assert extract(*more) == 2
