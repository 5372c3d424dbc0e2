"""Every mistake in a BP4D folder ends in one sentence that names it."""

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
from data_prep.base import UserError, locked
from data_prep.bp4d_landmarks import read_landmarks
from data_prep.face_lmdb import read_faces
from data_prep.folds import FOLD_FILES, split_subjects
from data_prep.network_input import read_mean

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


def spoil_csv(root: Path, old: str, new: str) -> Path:
    file = root / tiny.LABELS / "F001_T1.csv"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return file


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
        ("Labels/SN001/SN001_au1.txt", "it looks like DISFA: use data_prep/disfa.py"),
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


def test_landmarks_of_another_shape(root, refusal):
    file = root / tiny.LANDMARKS / "F001_T1.mat"
    tiny.write_mat(file, [np.ones((66, 2))] * 12)
    assert f"{file} has points of shape (2, 66) where 2 x 49 are wanted" in refusal()


def test_subject_in_two_folds(refusal, tmp_path):
    folds = Path(shutil.copytree(FOLD_FILES, tmp_path / "folds"))
    with (folds / "bp4d_fold3.txt").open("a") as file:
        file.write("F001\n")
    message = refusal(f"--folds={folds}")
    assert "F001 stands in bp4d_fold1.txt and again in" in message
    assert "bp4d_fold3.txt" in message


def test_fold_lists_cover_the_41_subjects_once():
    everyone = {f"F{i:03d}" for i in range(1, 24)} | {f"M{i:03d}" for i in range(1, 19)}
    for fold in (1, 2, 3):
        splits = split_subjects("bp4d", fold)
        assert sorted(chain(*splits.values())) == sorted(everyone)
    assert splits["test"] == split_subjects("bp4d", 2)["val"]
    assert splits["test"] == split_subjects("bp4d", 1)["train"]


def test_other_options_want_another_folder(root, tmp_path, capsys):
    options = [str(root), f"--out={tmp_path}", *PLAIN]
    bp4d.main(options)
    for change in (["--size=72"], ["--seed=3"], ["--on-damaged=skip"]):
        with pytest.raises(UserError, match="another --out"):
            bp4d.main([*options, *change])
    spoil_csv(root, "\n8,", "\n7,")
    with pytest.raises(UserError, match="differs in: faces"):
        bp4d.main(options)


def test_a_folder_of_something_else_is_left_alone(tmp_path, refusal):
    (tmp_path / "out" / "fold1").mkdir(parents=True)
    (tmp_path / "out" / "fold1" / "thesis.txt").write_text("mine")
    assert "holds other files than an import's: choose another --out" in refusal()
    assert len(list((tmp_path / "out" / "fold1").iterdir())) == 1


@pytest.mark.parametrize("content", ["{", "[]", "\0"])
@pytest.mark.parametrize("name", ["import.json", "dataset.json"])
def test_a_damaged_json_is_named(root, tmp_path, name, content):
    options = [str(root), f"--out={tmp_path}", *PLAIN]
    bp4d.main(options)
    (tmp_path / "fold1" / name).write_text(content)
    with pytest.raises(UserError, match=f"{name} is damaged: delete .*fold1 and"):
        bp4d.main(options)


def test_two_runs_on_one_fold_do_not_meet(tmp_path, refusal):
    out = tmp_path / "out" / "fold1"
    with locked(out):
        assert f"another import is writing {out}: wait for it" in refusal()
    with locked(out):
        pass


def test_out_that_cannot_be_written(tmp_path, refusal):
    (tmp_path / "out").write_text("a file where the folder should go")
    assert f"{tmp_path / 'out'}" in refusal()


def test_readers_name_what_they_cannot_read(tmp_path):
    with pytest.raises(UserError, match="is no LMDB"):
        next(read_faces(tmp_path / "nowhere"))
    (tmp_path / "mean").write_bytes(b"nothing like it")
    with pytest.raises(UserError, match="is no mean image"):
        read_mean(tmp_path / "mean")
