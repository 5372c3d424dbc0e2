"""What an import prints and draws, and how it ends when there is no room."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_bp4d as tiny

from data_prep import bp4d, contact_sheet
from data_prep.aus import BP4D_AUS
from data_prep.face_lmdb import read_faces

PLAIN = ("--fold=1", "--jobs=1", "--size=64", "--sample=none")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tiny.write_dataset(tmp_path_factory.mktemp("bp4d"))


# The survey


def test_a_dry_run_says_what_is_there_and_writes_nothing(root, tmp_path, capsys):
    (root / tiny.FRAMES / "F001" / "T1" / "10.jpg").rename(tmp_path / "10.jpg")
    bp4d.main([str(root), f"--out={tmp_path / 'out'}", *PLAIN, "--dry-run"])
    (tmp_path / "10.jpg").rename(root / tiny.FRAMES / "F001" / "T1" / "10.jpg")
    assert not (tmp_path / "out").exists()
    shown = capsys.readouterr().out
    assert "frames:       Sequences(2D+3D)\n" in shown
    assert "AU codes:     AUCoding/AU_OCC: 13 AUs in the first file, 12 used\n" in shown
    assert "full set:     41 subjects, 328 sequences, 146,847 coded frames\n" in shown
    assert "frame offset: 0 (votes of sequences: 12 for 0, 0 for -1)\n" in shown
    rows = [line.split() for line in shown.splitlines()]
    assert ["test", "2", "4", "20", "1", "0", "0", "19"] in rows
    assert ["all", "6", "12", "60", "1", "0", "0", "59"] in rows
    assert "  F001_T1: coded frames left out: 1 (no image)\n" in shown


def test_a_dry_run_without_a_fold_is_of_the_whole_dataset(root, tmp_path, capsys):
    csv = root / tiny.LABELS / "F099_T1.csv"  # a subject that no fold names
    csv.write_text((root / tiny.LABELS / "F001_T1.csv").read_text())
    bp4d.main([str(root), f"--out={tmp_path}", "--jobs=1", "--dry-run"])
    csv.unlink()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if row[:1] in (["all"], ["train"])] == [
        ["all", "7", "13", "65", "5", "0", "0", "60"]
    ]


def test_subjects_that_no_fold_names_are_named(root, tmp_path, capsys):
    csv = root / tiny.LABELS / "F099_T1.csv"
    csv.write_text((root / tiny.LABELS / "F001_T1.csv").read_text())
    bp4d.main([str(root), f"--out={tmp_path}", *PLAIN, "--dry-run"])
    csv.unlink()
    assert "left out, since no fold names them: F099\n" in capsys.readouterr().out


def test_the_frame_offset(root, tmp_path, capsys):
    """Images renamed to one less are found again, with the same labels and faces."""
    moved = tmp_path / "moved"
    for file in root.rglob("*.*"):
        name = file.relative_to(root)
        if file.suffix == ".jpg":
            name = name.with_name(f"{int(file.stem) - 1}.jpg")
        (moved / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(file, moved / name)
    for source, out, offset in ((root, "a", 0), (moved, "b", -1)):
        bp4d.main([str(source), f"--out={tmp_path / out}", *PLAIN])
        written = json.loads((tmp_path / out / "fold1/dataset.json").read_text())
        assert written["frame offset"] == offset
    faces = (list(read_faces(tmp_path / x / "fold1/train_lmdb")) for x in "ab")
    for (_, image, labels), (_, other, same) in zip(*faces, strict=True):
        assert np.array_equal(image, other)
        assert np.array_equal(labels, same)
    capsys.readouterr()
    forced = (f"--out={tmp_path / 'c'}", *PLAIN, "--frame-offset=0", "--dry-run")
    bp4d.main([str(moved), *forced])
    shown = capsys.readouterr().out
    assert ("0 (votes of sequences: 0 for 0, 12 for -1; -1 would find more)") in shown


# The contact sheet


@pytest.mark.parametrize(("options", "crop"), [([], 54), (["--crop=60"], 60)])
def test_the_sheet_shows_faces_beside_their_labels(tmp_path, root, options, crop):
    """With two faces a kind at most, each cell must be the crop of such a face."""
    bp4d.main([str(root), f"--out={tmp_path}", *PLAIN, *options])
    folder = tmp_path / "fold1"
    sheet = cv2.imread(str(folder / "val.png"))
    side, row = contact_sheet.SIDE, contact_sheet.SIDE + contact_sheet.TEXT
    left = contact_sheet.MARGIN
    width = contact_sheet.FACES * side + contact_sheet.GAP
    assert sheet.shape == (3 * contact_sheet.TEXT + 12 * row, left + 2 * width, 3)
    records = list(read_faces(folder / "val_lmdb"))
    middle = slice((64 - crop) // 2, (64 + crop) // 2)
    crops = [
        cv2.resize(image[middle, middle], (side, side), interpolation=cv2.INTER_CUBIC)
        for _, image, _ in records
    ]
    for i in range(len(BP4D_AUS)):
        top = 3 * contact_sheet.TEXT + i * row
        for k, kind in enumerate((1, -1)):
            true = [j for j, (*_, labels) in enumerate(records) if labels[i] == kind]
            for n in range(min(len(true), contact_sheet.FACES)):
                x = left + k * width + n * side
                cell = sheet[top : top + side, x : x + side]
                found = [j for j, c in enumerate(crops) if np.array_equal(c, cell)]
                assert set(found) & set(true)


# No room


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 3 MB, and give it and a function that makes it larger."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if (done := subprocess.run(mount, capture_output=True, text=True)).returncode:
        pytest.skip(f"a small file system cannot be mounted: {done.stderr.strip()}")
    grow = ["mount", "-o", "remount,size=300m", str(folder)]
    yield folder, lambda: subprocess.run(grow, check=True)
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("format", ["lmdb", "hdf5"])
def test_a_full_disk_is_said_and_a_rerun_goes_on(root, small_disk, format, jobs):
    folder, grow = small_disk
    command = [sys.executable, bp4d.__file__, str(root), f"--out={folder}", "--fold=1"]
    command += [f"--jobs={jobs}", f"--format={format}", "--size=400", "--sample=none"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    errors = [x for x in done.stderr.splitlines() if "%|" not in x]
    assert len(errors) == 1
    assert errors[0].startswith("bp4d.py: error: ")
    assert re.search("No space left on device|disk is full", errors[0])
    assert not (folder / "fold1" / "dataset.json").exists()
    grow()
    assert subprocess.run(command, capture_output=True).returncode == 0
    dataset = json.loads((folder / "fold1" / "dataset.json").read_text())
    assert dataset["splits"]["train"]["faces"] == 20
    assert not list(folder.glob("**/.*"))


def test_two_folds_at_once_share_the_registered_faces(root, tmp_path):
    command = [sys.executable, bp4d.__file__, str(root), f"--out={tmp_path}"]
    command += ["--jobs=2", "--size=64", "--sample=none"]
    runs = [subprocess.Popen([*command, f"--fold={k}"]) for k in (1, 2)]
    assert [run.wait() for run in runs] == [0, 0]
    first = read_faces(tmp_path / "fold1" / "val_lmdb")
    second = read_faces(tmp_path / "fold2" / "test_lmdb")
    for (key, image, labels), (other, same, equal) in zip(first, second, strict=True):
        assert key == other
        assert np.array_equal(image, same)
        assert np.array_equal(labels, equal)
