"""The DISFA importer, on a tiny dataset of the real layout and formats."""

import json
import shutil
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import tiny_disfa as tiny
from tiny_bp4d import MARKER, mean_shape

from data_prep import disfa
from data_prep.aus import DISFA_AUS
from data_prep.base import UserError
from data_prep.disfa_layout import Layout
from data_prep.disfa_source import tracking_failures
from data_prep.face_lmdb import read_faces
from data_prep.folds import split_subjects

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tiny.write_dataset(tmp_path_factory.mktemp("disfa"))


@pytest.fixture
def own_root(root, tmp_path) -> Path:
    """Return a copy of the dataset that a test may spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def run_import(root: Path, out: Path, *options: str) -> Path:
    plain = (f"--out={out}", "--fold=1", "--jobs=1", "--sample=none")
    disfa.main([str(root), *plain, *options])
    return out / "fold1"


def labels(folder: Path) -> dict[str, list[int]]:
    """Return the labels by a face's name."""
    return {
        key[9:]: row.tolist()
        for split in SPLITS
        for key, _, row in read_faces(folder / f"{split}_lmdb")
    }


def expected(threshold: int = 3) -> dict[str, list[int]]:
    """Return what the tiny dataset's codes mean."""
    columns = [tiny.AUS.index(au) for au in DISFA_AUS]
    return {
        f"{subject}_{frame:04d}": [1 if code >= threshold else -1 for code in row]
        for subject in tiny.SUBJECTS
        for frame, row in enumerate(tiny.intensities(subject)[:, columns], 1)
    }


def summary(folder: Path) -> dict:
    return json.loads((folder / "dataset.json").read_text())


@pytest.fixture(scope="module")
def imported(root, tmp_path_factory) -> Path:
    return run_import(root, tmp_path_factory.mktemp("out"))


def test_every_frame_has_the_labels_of_its_codes(imported):
    assert labels(imported) == expected()


@pytest.mark.parametrize("threshold", [1, 2, 5])
def test_threshold_is_the_least_intensity_that_is_present(root, tmp_path, threshold):
    folder = run_import(root, tmp_path, f"--threshold={threshold}", "--size=32")
    assert labels(folder) == expected(threshold)


def test_splits_have_the_folds_subjects(imported):
    splits = summary(imported)["splits"]
    assert {split: splits[split]["subjects"] for split in SPLITS} == {
        "test": ["SN001", "SN002"],
        "val": ["SN006", "SN011"],
        "train": ["SN003", "SN004"],
    }


def test_video_frames_are_registered_by_their_own_landmarks(imported):
    """Both namings of the landmark files; a frame beside it would miss the disc."""
    x, y = np.rint(mean_shape(200)[MARKER]).astype(int)
    for split in SPLITS:
        for _, image, _ in read_faces(imported / f"{split}_lmdb"):
            assert image[y, x].min() > 200
            assert image[y - 30, x].max() < 100


def test_all_subjects_are_tested_with_the_mean_of_another_dataset(
    root, imported, tmp_path
):
    mean = imported / "mean.binaryproto"
    plain = [str(root), f"--out={tmp_path}", "--fold=all", "--jobs=2"]
    disfa.main([*plain, f"--mean={mean}"])
    folder = tmp_path / "all"
    assert list(summary(folder)["splits"]) == ["test"]
    assert summary(folder)["splits"]["test"]["subjects"] == sorted(tiny.SUBJECTS)
    assert {key[9:] for key, *_ in read_faces(folder / "test_lmdb")} == set(expected())
    assert (folder / "mean.binaryproto").read_bytes() == mean.read_bytes()


def test_frames_on_disk_serve_as_well(own_root, imported, tmp_path, capsys):
    """Names and numbers as found elsewhere: from 0, and from 1."""
    for first in (0, 1):
        root = tmp_path / f"frames{first}"
        shutil.copytree(own_root, root)
        tiny.move_to_images(root, "Images/Left{subject}", first)
        folder = run_import(root, tmp_path / f"out{first}")
        for split in SPLITS:
            pairs = zip(
                read_faces(folder / f"{split}_lmdb"),
                read_faces(imported / f"{split}_lmdb"),
                strict=True,
            )
            for (key, image, own), (same, other, theirs) in pairs:
                assert key == same
                assert np.array_equal(image, other)
                assert np.array_equal(own, theirs)
        assert summary(folder)["frame offset"] == first - 1
        assert (
            f"frame offset: {first - 1} (votes of sequences: "
            in capsys.readouterr().out
        )


def test_generated_faces_in_a_folder_below_are_called_so(own_root, tmp_path):
    (own_root / "generated.json").write_text("{}")
    folder = run_import(own_root.parent, tmp_path / "out", "--size=32")
    assert summary(folder)["generated"] is True


def test_the_right_camera_has_no_landmarks(own_root, tmp_path, capsys):
    videos = own_root / tiny.VIDEOS
    right = own_root / "Video_RightCamera"
    right.mkdir()
    for file in list(videos.iterdir()):
        shutil.copy(file, right / file.name.replace("Left", "Right"))
    disfa.main([str(own_root), "--fold=1", "--camera=right", "--dry-run", "--jobs=1"])
    shown = capsys.readouterr().out
    assert "Video_RightCamera, 6 subjects" in shown
    assert "12 AUs of the first subject, 8 used\n" in shown
    assert "full set:     27 subjects, 130,814 coded frames\n" in shown
    assert "none of the right camera: OpenCV detects faces and eyes" in shown


@pytest.mark.parametrize("folder", ["Images/{subject}", "Copyright/Left_{subject}"])
def test_images_are_the_left_cameras_unless_they_say_else(own_root, folder):
    tiny.move_to_images(own_root, folder, 1)
    found = Layout.find(own_root, "left").images
    assert found == {s: own_root / folder.format(subject=s) for s in tiny.SUBJECTS}


@pytest.mark.parametrize(
    "folder", ["RightCamera/{subject}", "Images/right_{subject}", "{subject}Right"]
)
def test_images_of_the_right_camera_are_called_so(own_root, folder):
    tiny.move_to_images(own_root, folder, 1)
    found = Layout.find(own_root, "right").images
    assert found == {s: own_root / folder.format(subject=s) for s in tiny.SUBJECTS}
    with pytest.raises(UserError, match="no video of the left camera"):
        Layout.find(own_root, "left")


# What is irregular in the real data


def test_known_tracking_failures_are_left_out(root, own_root, tmp_path, monkeypatch):
    lost = {"SN001": {2, 3}, "SN003": {6}}
    monkeypatch.setattr("data_prep.disfa_source.tracking_failures", lambda: lost)
    folder = run_import(root, tmp_path / "out")
    gone = {"SN001_0002", "SN001_0003", "SN003_0006"}
    assert labels(folder) == {k: v for k, v in expected().items() if k not in gone}
    assert summary(folder)["left_out"]["tracking failure"] == 3
    kept = run_import(root, tmp_path / "kept", "--keep-tracking-failures")
    assert labels(kept) == expected()
    (own_root / "generated.json").write_text("{}")  # the list is of the real videos
    assert labels(run_import(own_root, tmp_path / "drawn")) == expected()


def test_the_list_of_tracking_failures_is_whole():
    failures = tracking_failures()
    assert 130_814 - sum(map(len, failures.values())) == 126_144
    assert {398, 420, 3190, 3243} <= failures["SN001"]
    assert not {397, 421} & failures["SN001"]


def test_missing_extra_and_empty_landmark_files(own_root, tmp_path, capsys):
    tiny.landmark_file(own_root, "SN001", 3).unlink()
    empty = tiny.landmark_file(own_root, "SN002", 5)
    tiny.savemat(empty, {"pts": np.zeros((0, 0))})
    extra = tiny.landmark_file(own_root, "SN003", tiny.FRAMES + 1)
    shutil.copy(tiny.landmark_file(own_root, "SN003", 1), extra)
    folder = run_import(own_root, tmp_path)
    gone = {"SN001_0003", "SN002_0005"}
    assert labels(folder) == {k: v for k, v in expected().items() if k not in gone}
    assert summary(folder)["left_out"]["no landmarks"] == 1
    assert summary(folder)["left_out"]["failed landmarks"] == 1
    assert "SN003: 1 landmark files of frames that are not" in capsys.readouterr().out


def test_a_label_file_that_is_short(own_root, tmp_path, capsys):
    """One AU's file short of a frame: unknown there; all of them: not coded."""
    for subject, aus in (("SN001", (12,)), ("SN002", tiny.AUS)):
        for au in aus:
            file = tiny.code_file(own_root, subject, au)
            file.write_text("".join(file.read_text().splitlines(True)[:-1]))
    found = labels(run_import(own_root, tmp_path))
    assert found["SN001_0006"][DISFA_AUS.index(12)] == 0
    assert 0 not in np.delete(found["SN001_0006"], DISFA_AUS.index(12))
    assert "SN002_0006" not in found
    shown = capsys.readouterr().out
    assert "SN001: 1 frames that not all AUs are coded in" in shown
    assert "SN002: 1 images of frames that are not coded" in shown


def test_any_case_and_depth_of_folders(own_root, tmp_path):
    whole = own_root / "DISFA" / "download"
    whole.mkdir(parents=True)
    (own_root / tiny.VIDEOS).rename(whole / "video_leftcamera")
    for file in list((whole / "video_leftcamera").iterdir()):
        file.rename(file.with_name(file.name.replace("_comp", "_Comp")))
    (own_root / tiny.LABELS).rename(whole / "Labels_AU")
    for subject in tiny.SUBJECTS:  # as downloads have it that are packed by subject
        inner = whole / tiny.LANDMARKS / subject / subject
        inner.parent.mkdir(parents=True)
        (own_root / tiny.LANDMARKS / subject).rename(inner)
    assert labels(run_import(own_root, tmp_path / "out")) == expected()


def test_fold_lists_cover_the_27_subjects_once():
    numbers = [*range(1, 14), *range(16, 19), 21, *range(23, 33)]
    for fold in (1, 2, 3):
        splits = split_subjects("disfa", fold)
        everyone = sorted(chain(*splits.values()))
        assert everyone == [f"SN{k:03d}" for k in numbers]
