"""Reading BP4D, on a tiny copy of its layout and formats: what is accepted, and what
ends in one sentence that names it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_bp4d as tiny

from data_prep import bp4d
from data_prep.base import UserError
from data_prep.bp4d import Layout, read_labels, read_landmarks
from data_prep.dataset import choose_offset, count_votes, find_folder
from data_prep.face_lmdb import read_faces
from data_prep.folds import FOLD_FILES, split_subjects

PLAIN = ("--fold=1", "--jobs=1", "--size=64", "--sample=none")


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return tiny.write_dataset(tmp_path_factory.mktemp("bp4d"))


@pytest.fixture
def root(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "root"))


@pytest.fixture
def refusal(root, tmp_path):
    """Return a function that runs the import and gives back its error's text."""

    def run(*options: str, root: Path = root) -> str:
        out = f"--out={tmp_path / 'out'}"
        with pytest.raises(UserError) as error:
            bp4d.main([str(root), out, *PLAIN, *options])
        assert not (tmp_path / "out" / "fold1" / "dataset.json").exists()
        assert not list(tmp_path.glob("out/fold1/.*"))
        assert "\n" not in str(error.value)
        return str(error.value)

    return run


def run_import(root: Path, out: Path, *options: str) -> Path:
    bp4d.main([str(root), f"--out={out}", *PLAIN, *options])
    return out / "fold1"


def names(folder: Path, split: str) -> list[str]:
    return [key[9:] for key, _, _ in read_faces(folder / f"{split}_lmdb")]


def spoil_csv(root: Path, old: str, new: str) -> Path:
    file = root / tiny.LABELS / "F001_T1.csv"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return file


# What is accepted


@pytest.mark.parametrize("frames", ["BP4D-training", "."])
def test_frames_are_found_under_every_knroot(root, frames):
    for subject in tiny.SUBJECTS:
        target = root / frames / subject
        target.parent.mkdir(exist_ok=True)
        (root / tiny.FRAMES / subject).rename(target)
    images = Layout.find(root).images("F001", 1)
    assert {frame: file.name for frame, file in images.items()} == {
        8: "08.jpg",
        9: "0009.jpg",
        10: "10.jpg",
        11: "0011.jpg",
        12: "12.jpg",
    }


def test_a_folder_that_may_not_be_read_is_passed_over(root, monkeypatch):
    barred, scan = root / "lost+found", os.scandir
    barred.mkdir()

    def scandir(folder):  # root may read every folder
        if folder == barred:
            raise PermissionError
        return scan(folder)

    monkeypatch.setattr("data_prep.dataset.os.scandir", scandir)
    assert Layout.find(root).landmarks == root / tiny.LANDMARKS
    assert find_folder(root, "nowhere") is None


def test_tasks_are_found_however_padded(root, sound, tmp_path):
    (root / tiny.LABELS / "F001_T1.csv").rename(root / tiny.LABELS / "F001_T01.csv")
    (root / tiny.LANDMARKS / "F002_T1.mat").rename(
        root / tiny.LANDMARKS / "F002_T001.mat"
    )
    (root / tiny.FRAMES / "F002" / "T2").rename(root / tiny.FRAMES / "F002" / "T02")
    folder = run_import(root, tmp_path / "out")
    assert names(folder, "test") == names(run_import(sound, tmp_path / "sound"), "test")


INSIDE = (set(range(5, 10)), set(range(20)))  # codes and images that tell nothing
FROM_1 = (set(range(1, 10)), set(range(1, 20)))  # there is no image 0: for offset 0
TO_END = (set(range(5, 21)), set(range(20)))  # there is no image 20: for -1


@pytest.mark.parametrize(
    ("sequences", "offset", "told"),
    [
        ([INSIDE] * 9 + [FROM_1] * 3, 0, True),
        ([INSIDE] * 9 + [TO_END] * 3, -1, True),
        ([TO_END] * 10 + [FROM_1], -1, True),
        ([INSIDE] * 9 + [TO_END], 0, False),  # one image decides nothing
        ([TO_END] * 9 + [FROM_1], 0, False),
        ([INSIDE] * 9, 0, False),
    ],
)
def test_the_frame_offset_is_what_sequences_agree_on(sequences, offset, told):
    chosen, why = choose_offset(count_votes(sequences), None)
    assert chosen == offset
    assert ("the files do not tell" in why) is not told


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


def test_csv_columns_are_found_by_name(tmp_path):
    file = tmp_path / "F001_T1.csv"
    tiny.write_csv(file, [[1, 7, 0], [0, 8, 9]], header=["4", "0", "2"])
    labels = read_labels(file, (2, 4))
    assert {frame: row.tolist() for frame, row in labels.items()} == {
        7: [-1, 1],
        8: [0, -1],
    }


def test_landmarks_of_lost_frames_are_none(tmp_path):
    good = tiny.landmarks(np.random.default_rng(0))
    lost = [np.zeros((0, 0)), np.full((49, 2), -1), good[:, :1], good * np.nan]
    tiny.write_mat(tmp_path / "F001_T1.mat", [*lost, good])
    found = read_landmarks(tmp_path / "F001_T1.mat", range(1, 9))
    assert [frame for frame, shape in found.items() if shape is None] == [1, 2, 3, 4]
    assert list(found) == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(found[5], good.astype(np.float32))


def test_landmarks_count_from_1_in_the_file_and_from_0_here(tmp_path):
    file, points = tmp_path / "F001_T1.mat", np.arange(1.0, 99).reshape(2, 49)
    with h5py.File(file, "w") as mat:  # MATLAB's first pixel is (1, 1)
        pred = mat.create_dataset("fit/pred", (1, 1), h5py.ref_dtype)
        pred[0, 0] = mat.create_dataset("#refs#/0", data=points).ref
    found = read_landmarks(file, [1])[1]
    assert found[0].tolist() == [0, 49]
    assert found[48].tolist() == [48, 97]


def test_parts_in_trees_of_their_own(root, tmp_path, capsys):
    whole = read_names(run_import(root, tmp_path / "whole"))
    trees = [tmp_path / part for part in ("frames", "codes", "landmarks")]
    names = (tiny.FRAMES, tiny.LABELS, tiny.LANDMARKS)
    for tree, name in zip(trees, names, strict=True):
        shutil.copytree(root / name, tree / "deep" / Path(name).name)
    options = [f"--{tree.name}={tree}" for tree in trees]
    (tmp_path / "none").mkdir()
    capsys.readouterr()
    folder = run_import(tmp_path / "none", tmp_path / "apart", *options)
    assert read_names(folder) == whole
    assert (
        f"landmarks:    {trees[2] / 'deep' / '2DFeatures'}\n" in capsys.readouterr().out
    )
    with pytest.raises(UserError, match=r"codes has no folder of landmarks \(F001_T1"):
        run_import(
            tmp_path / "root", tmp_path / "x", *options[:2], f"--landmarks={trees[1]}"
        )


def read_names(folder: Path) -> list[str]:
    return [key[9:] for key, *_ in read_faces(folder / "test_lmdb")]


def test_frames_without_image_or_landmarks_are_counted(root, tmp_path, capsys):
    (root / tiny.FRAMES / "F001" / "T1" / "10.jpg").unlink()
    (root / tiny.LANDMARKS / "F002_T2.mat").unlink()
    folder = run_import(root, tmp_path)
    dataset = json.loads((folder / "dataset.json").read_text())
    assert dataset["left_out"] == {
        "no image": 1,
        "no landmarks": 5,
        "failed landmarks": 0,
        "unreadable image": 0,
        "no face detected": 0,
    }
    assert dataset["splits"]["test"]["faces"] == 20 - 6
    (line,) = re.findall(r"^all .*", capsys.readouterr().out, re.MULTILINE)
    assert line.split() == ["all", "6", "12", "60", "1", "5", "0", "54"]


def test_damaged_landmarks_are_left_out_on_request(root, tmp_path, capsys):
    file = root / tiny.LANDMARKS / "F001_T1.mat"
    file.write_bytes(file.read_bytes()[:200])
    folder = run_import(root, tmp_path, "--on-damaged=skip")
    dataset = json.loads((folder / "dataset.json").read_text())
    assert dataset["left_out"]["no landmarks"] == 5
    assert not [key for key, *_ in read_faces(folder / "test_lmdb") if "F001_T1" in key]
    assert f"left out: {file} is not MATLAB v7.3" in capsys.readouterr().out


@pytest.mark.parametrize("above", [".", ".."])
def test_generated_faces_say_so(root, tmp_path, capsys, above):
    (root / "generated.json").write_text("{}")
    folder = run_import(root / above, tmp_path / "out", "--size=64")
    assert json.loads((folder / "dataset.json").read_text())["generated"] is True
    shown = capsys.readouterr().out
    assert "generated faces" in shown
    assert "full set:" not in shown


def test_fold_lists_cover_the_41_subjects_once():
    everyone = {f"F{i:03d}" for i in range(1, 24)} | {f"M{i:03d}" for i in range(1, 19)}
    for fold in (1, 2, 3):
        splits = split_subjects("bp4d", fold)
        assert sorted(chain(*splits.values())) == sorted(everyone)
    assert splits["test"] == split_subjects("bp4d", 2)["val"]
    assert splits["test"] == split_subjects("bp4d", 1)["train"]


# What is refused


def test_the_script_ends_with_one_sentence_and_status_1(tmp_path):
    command = [sys.executable, bp4d.__file__, tmp_path / "nowhere", "--fold=1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("bp4d.py: error: ")
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / "nowhere") in done.stderr


@pytest.mark.parametrize("options", [["--fold=4"], ["--fold=1", "--jobs=0"], []])
def test_bad_usage_is_status_2(options):
    with pytest.raises(SystemExit) as error:
        bp4d.main(["somewhere", *options])
    assert error.value.code == 2


@pytest.mark.parametrize(
    ("folder", "looked_for"),
    [
        (tiny.FRAMES, "folder of frames (F001/T1/2440.jpg)"),
        (tiny.LABELS, "folder of AU codes (F001_T1.csv, ...)"),
    ],
)
def test_a_missing_part_is_named(root, refusal, folder, looked_for):
    shutil.rmtree(root / folder)
    message = refusal()
    assert looked_for in message
    assert str(root) in message


@pytest.mark.parametrize(
    ("file", "hint"),
    [
        ("Labels/SN001/SN001_au1.txt", "it looks like DISFA: `drml import disfa`"),
        ("Labels/SN001/A1_AU1/AU1.txt", "it looks like DISFA+, which is not read"),
    ],
)
def test_another_dataset_is_recognised(tmp_path, refusal, file, hint):
    (tmp_path / "other" / file).parent.mkdir(parents=True)
    (tmp_path / "other" / file).touch()
    assert hint in refusal(root=tmp_path / "other")


@pytest.mark.parametrize("above", [".", ".."])
def test_generated_faces_that_are_not_complete(root, refusal, above):
    (root / "generating.json").write_text("{}")
    message = refusal(root=root / above)
    assert f"{root} holds generated faces that are not complete" in message


def test_no_csv(root, refusal):
    for file in (root / tiny.LABELS).iterdir():
        file.unlink()
    assert "F001_T1.csv" in refusal()


def test_two_files_of_a_sequence(root, refusal):
    file = root / tiny.LABELS / "F001_T1.csv"
    shutil.copy(file, file.with_name("F001_T01.csv"))
    assert "F001_T1.csv are both sequence F001_T1: remove one" in refusal()


def test_missing_au_column(root, refusal):
    file = spoil_csv(root, ",12,", ",112,")
    message = refusal()
    assert f"{file} has no column for AU 12;" in message
    assert "10, 112, 14" in message


def test_missing_frame_column(root, refusal):
    file = spoil_csv(root, "0,1,2", "frame,1,2")
    assert f"{file} has no column for frame number (0)" in refusal()


def test_empty_csv(root, refusal):
    file = root / tiny.LABELS / "F001_T1.csv"
    file.write_text("")
    assert f"{file} has no column" in refusal()


def test_bad_code(root, refusal):
    file = root / tiny.LABELS / "F001_T1.csv"
    tiny.write_csv(file, [[8] + [0] * 13, [9, 0, 5] + [0] * 11])
    assert f"{file}, line 3: AU 2 is '5'" in refusal()


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([[8, 0, 0]], "line 2 has 3 values"),
        ([[0] * 14], "line 2: frame number '0'"),
        ([["8a"] + [0] * 13], "line 2: frame number '8a'"),
        ([[8] + [0] * 13, [8] + [1] * 13], "line 3: frame 8 is coded twice"),
    ],
)
def test_bad_row(root, refusal, rows, complaint):
    tiny.write_csv(root / tiny.LABELS / "F001_T1.csv", rows)
    assert complaint in refusal()


def test_two_images_of_one_frame(root, refusal):
    folder = root / tiny.FRAMES / "F001" / "T1"
    shutil.copy(folder / "08.jpg", folder / "0008.jpg")
    message = refusal()
    assert "08.jpg are both frame 8" in message


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_damaged_image(root, refusal, content):
    file = root / tiny.FRAMES / "F001" / "T1" / "08.jpg"
    file.write_bytes(file.read_bytes()[:-200] if content is None else content)
    message = refusal()
    assert str(file) in message
    assert "--on-damaged skip" in message


def test_landmarks_of_another_format(root, refusal):
    file = root / tiny.LANDMARKS / "F001_T1.mat"
    file.write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    message = refusal()
    assert f"{file} is not MATLAB v7.3" in message
    assert "--on-damaged skip" in message


def test_damaged_landmarks_end_in_one_sentence_or_are_left_out(root, tmp_path):
    """Every error of h5py's on what a damaged file holds is ours."""
    whole = (root / tiny.LANDMARKS / "F001_T1.mat").read_bytes()
    file = tmp_path / "damaged.mat"
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(100):
        content = bytearray(whole)
        start = rng.integers(len(whole) - 64)
        content[start : start + 64] = rng.bytes(64)
        file.write_bytes(content)
        try:
            points = read_landmarks(file, range(1, 13))
        except UserError:
            refused += 1
        else:
            found = [shape for shape in points.values() if shape is not None]
            assert all(np.isfinite(shape).all() for shape in found)
    assert refused


def test_landmarks_without_fit_pred(root, refusal):
    file = root / tiny.LANDMARKS / "F001_T1.mat"
    with h5py.File(file, "w") as mat:
        mat["fit/other"] = [1.0]
    assert f"{file} has no fit/pred" in refusal()


def test_landmarks_of_another_shape(root, refusal):
    file = root / tiny.LANDMARKS / "F001_T1.mat"
    tiny.write_mat(file, [np.ones((66, 2))] * 12)
    assert f"{file} has points of shape (2, 66) where 2 x 49 are wanted" in refusal()


def test_a_split_without_faces(root, refusal):
    for subject in ("F001", "F002"):
        shutil.rmtree(root / tiny.FRAMES / subject)
    message = refusal()
    assert "no test face" in message
    assert "F001, F002, F008" in message


def test_a_split_without_subjects(root, refusal):
    for subject in ("F003", "M002"):
        for file in (root / tiny.LABELS).glob(f"{subject}_*"):
            file.unlink()
    assert "fold 1 has no val face" in refusal()


def test_subject_in_two_folds(refusal, tmp_path):
    folds = Path(shutil.copytree(FOLD_FILES, tmp_path / "folds"))
    with (folds / "bp4d_fold3.txt").open("a") as file:
        file.write("F001\n")
    message = refusal(f"--folds={folds}")
    assert "F001 stands in bp4d_fold1.txt and again in" in message
    assert "bp4d_fold3.txt" in message
