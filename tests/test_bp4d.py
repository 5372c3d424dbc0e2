"""The BP4D importer, on a tiny dataset of the real layout and formats."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import tiny_bp4d as tiny

from data_prep import bp4d, register_faces
from data_prep.aus import BP4D_AUS
from data_prep.base import UserError
from data_prep.bp4d_labels import read_labels
from data_prep.bp4d_landmarks import read_landmarks
from data_prep.bp4d_layout import Layout
from data_prep.dataset import find_folder
from data_prep.face_lmdb import read_faces
from data_prep.frame_numbers import choose_offset, count_votes
from data_prep.network_input import read_mean

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tiny.write_dataset(tmp_path_factory.mktemp("bp4d"))


@pytest.fixture
def own_root(root, tmp_path) -> Path:
    """Return a copy of the dataset that a test may spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def run_import(root: Path, out: Path, *options: str, jobs: int = 1) -> Path:
    plain = (f"--out={out}", "--fold=1", f"--jobs={jobs}", "--sample=none")
    bp4d.main([str(root), *plain, *options])
    return out / "fold1"


@pytest.fixture(scope="module")
def imported(root, tmp_path_factory) -> Path:
    return run_import(root, tmp_path_factory.mktemp("out"))


def records(folder: Path) -> dict[str, list]:
    return {split: list(read_faces(folder / f"{split}_lmdb")) for split in SPLITS}


def names(folder: Path, split: str) -> list[str]:
    return [key[9:] for key, _, _ in read_faces(folder / f"{split}_lmdb")]


# What is written


def test_keys_count_in_write_order_and_name_subject_task_and_frame(imported):
    keys = [key for key, _, _ in read_faces(imported / "test_lmdb")]
    assert keys[:6] == [
        "00000000_F001_T1_08",
        "00000001_F001_T1_0009",
        "00000002_F001_T1_10",
        "00000003_F001_T1_0011",
        "00000004_F001_T1_12",
        "00000005_F001_T2_08",
    ]
    assert len(keys) == 2 * 2 * 5


def test_splits_have_the_folds_subjects(imported):
    subjects = {
        split: {name[:4] for name in names(imported, split)} for split in SPLITS
    }
    assert subjects == {
        "test": {"F001", "F002"},  # list 1
        "val": {"F003", "M002"},  # list 2
        "train": {"F004", "M003"},  # list 3
    }


def test_train_order_is_the_seeds(root, imported, tmp_path):
    order = names(imported, "train")
    assert order != sorted(order)
    same = names(run_import(root, tmp_path / "same", "--seed=0"), "train")
    other = names(run_import(root, tmp_path / "other", "--seed=1"), "train")
    assert same == order
    assert other != order
    assert sorted(other) == sorted(order)


def test_labels_are_the_csvs(root, imported):
    for key, _, labels in read_faces(imported / "train_lmdb"):
        _, subject, task, frame = key.split("_")
        file = root / tiny.LABELS / f"{subject}_{task}.csv"
        header, *rows = (line.split(",") for line in file.read_text().split())
        (row,) = (row for row in rows if int(row[0]) == int(frame))
        codes = [row[header.index(str(au))] for au in BP4D_AUS]
        assert labels.tolist() == [{"1": 1, "0": -1, "9": 0}[code] for code in codes]


def test_faces_are_registered(imported):
    x, y = np.rint(tiny.mean_shape(200)[tiny.MARKER]).astype(int)
    for _, image, _ in read_faces(imported / "val_lmdb"):
        assert image.shape == (200, 200, 3)
        assert image[y, x].min() > 200  # on the disc
        assert image[y - 30, x].max() < 100  # beside it


def test_output_does_not_depend_on_jobs(root, imported, tmp_path, monkeypatch):
    monkeypatch.setattr(register_faces, "FACES_A_TASK", 3)  # fewer than a split has
    one, two = records(imported), records(run_import(root, tmp_path, jobs=2))
    for split in SPLITS:
        assert len(one[split]) == len(two[split])
        for a, b in zip(one[split], two[split], strict=True):
            assert a[0] == b[0]
            assert np.array_equal(a[1], b[1])
            assert np.array_equal(a[2], b[2])
    for file in ("mean.binaryproto", "dataset.json"):
        assert (imported / file).read_bytes() == (
            tmp_path / "fold1" / file
        ).read_bytes()


def test_mean_is_that_of_the_decoded_train_faces(imported):
    faces = np.stack([image for _, image, _ in read_faces(imported / "train_lmdb")])
    mean = read_mean(imported / "mean.binaryproto")
    assert mean.shape == (3, 200, 200)
    # float32 of a number below 256 is good to 256 * 2^-24 = 1.5e-5.
    expected = faces.mean(axis=0).transpose(2, 0, 1)
    np.testing.assert_allclose(mean, expected, rtol=0, atol=2e-5)


def test_dataset_json_counts_what_the_lmdbs_hold(imported):
    dataset = json.loads((imported / "dataset.json").read_text())
    assert dataset["aus"] == list(BP4D_AUS)
    assert (dataset["size"], dataset["fold"], dataset["generated"]) == (200, 1, False)
    for split, held in records(imported).items():
        labels = np.stack([labels for _, _, labels in held])
        counts = dataset["splits"][split]
        assert counts["faces"] == len(labels) == 20
        assert counts["subjects"] == sorted({key.split("_")[1] for key, _, _ in held})
        assert counts["positive"] == (labels == 1).sum(axis=0).tolist()
        assert counts["negative"] == (labels == -1).sum(axis=0).tolist()
        assert counts["unknown"] == (labels == 0).sum(axis=0).tolist()
        some = counts["positive"][0]
        assert some
        assert counts["skewness"][0] == counts["negative"][0] / some


@pytest.mark.parametrize("above", [".", ".."])
def test_generated_faces_say_so(own_root, tmp_path, capsys, above):
    (own_root / "generated.json").write_text("{}")
    folder = run_import(own_root / above, tmp_path / "out", "--size=64")
    assert json.loads((folder / "dataset.json").read_text())["generated"] is True
    shown = capsys.readouterr().out
    assert "generated faces" in shown
    assert "full set:" not in shown


# What is accepted


@pytest.mark.parametrize("frames", ["BP4D-training", "."])
def test_frames_are_found_under_every_known_root(own_root, frames):
    for subject in tiny.SUBJECTS:
        target = own_root / frames / subject
        target.parent.mkdir(exist_ok=True)
        (own_root / tiny.FRAMES / subject).rename(target)
    images = Layout.find(own_root).images("F001", 1)
    assert {frame: file.name for frame, file in images.items()} == {
        8: "08.jpg",
        9: "0009.jpg",
        10: "10.jpg",
        11: "0011.jpg",
        12: "12.jpg",
    }


def test_a_folder_that_may_not_be_read_is_passed_over(own_root, monkeypatch):
    barred, scan = own_root / "lost+found", os.scandir
    barred.mkdir()

    def scandir(folder):  # root may read every folder
        if folder == barred:
            raise PermissionError
        return scan(folder)

    monkeypatch.setattr("data_prep.source.os.scandir", scandir)
    assert Layout.find(own_root).landmarks == own_root / tiny.LANDMARKS
    assert find_folder(own_root, "nowhere") is None


def test_tasks_are_found_however_padded(own_root, imported, tmp_path):
    (own_root / tiny.LABELS / "F001_T1.csv").rename(
        own_root / tiny.LABELS / "F001_T01.csv"
    )
    (own_root / tiny.LANDMARKS / "F002_T1.mat").rename(
        own_root / tiny.LANDMARKS / "F002_T001.mat"
    )
    (own_root / tiny.FRAMES / "F002" / "T2").rename(
        own_root / tiny.FRAMES / "F002" / "T02"
    )
    folder = run_import(own_root, tmp_path / "out")
    assert names(folder, "test") == names(imported, "test")


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
    lost = [np.zeros((0, 0)), np.zeros((49, 2)), good[:, :1], good * np.nan]
    tiny.write_mat(tmp_path / "F001_T1.mat", [*lost, good])
    found = read_landmarks(tmp_path / "F001_T1.mat", range(1, 9))
    assert [frame for frame, shape in found.items() if shape is None] == [1, 2, 3, 4]
    assert list(found) == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(found[5], good.astype(np.float32))


def test_frames_without_image_or_landmarks_are_counted(own_root, tmp_path, capsys):
    (own_root / tiny.FRAMES / "F001" / "T1" / "10.jpg").unlink()
    (own_root / tiny.LANDMARKS / "F002_T2.mat").unlink()
    folder = run_import(own_root, tmp_path)
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


def test_damaged_images_are_skipped_on_request(own_root, tmp_path):
    cut_short(own_root / tiny.FRAMES / "F001" / "T1" / "08.jpg")
    folder = run_import(own_root, tmp_path, "--on-damaged=skip")
    dataset = json.loads((folder / "dataset.json").read_text())
    assert dataset["left_out"]["unreadable image"] == 1
    first = next(read_faces(folder / "test_lmdb"))
    assert first[0] == "00000000_F001_T1_0009"


def test_damaged_landmarks_are_left_out_on_request(own_root, tmp_path, capsys):
    file = own_root / tiny.LANDMARKS / "F001_T1.mat"
    file.write_bytes(file.read_bytes()[:200])
    folder = run_import(own_root, tmp_path, "--on-damaged=skip")
    dataset = json.loads((folder / "dataset.json").read_text())
    assert dataset["left_out"]["no landmarks"] == 5
    assert not [key for key, *_ in read_faces(folder / "test_lmdb") if "F001_T1" in key]
    assert f"left out: {file} is not MATLAB v7.3" in capsys.readouterr().out


def test_an_image_mended_between_two_runs_does_not_mix_two_lists(own_root, tmp_path):
    image = own_root / tiny.FRAMES / "F001" / "T1" / "08.jpg"
    whole = image.read_bytes()
    cut_short(image)
    folder = run_import(own_root, tmp_path / "out", "--on-damaged=skip")
    (folder / "dataset.json").unlink()  # as if killed before the end
    shutil.rmtree(folder / "val_lmdb")
    image.write_bytes(whole)
    with pytest.raises(UserError, match="differs in: readable images.* delete that"):
        run_import(own_root, tmp_path / "out", "--on-damaged=skip")
    shutil.rmtree(folder)
    run_import(own_root, tmp_path / "out", "--on-damaged=skip")
    dataset = json.loads((folder / "dataset.json").read_text())
    assert len(names(folder, "test")) == dataset["splits"]["test"]["faces"] == 20


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


# Interruption


def test_a_rerun_does_nothing_twice(root, tmp_path):
    folder = run_import(root, tmp_path, "--size=64")
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    (tmp_path / "registered.sqlite").unlink()
    run_import(root, tmp_path, "--size=64")
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before
    assert not (tmp_path / "registered.sqlite").exists()


SLOWLY = """
import time
from data_prep import bp4d, face_store

results = face_store._sound
face_store._sound = lambda *a: (time.sleep(0.05) or face for face in results(*a))
face_store.FACES_A_COMMIT = 4
bp4d.main()
"""


def test_a_killed_run_is_taken_up_where_it_was(root, tmp_path, monkeypatch):
    options = ("--fold=1", "--sample=none", "--size=64", "--jobs=2")
    command = [sys.executable, "-c", SLOWLY, str(root), f"--out={tmp_path}", *options]
    process = subprocess.Popen(command)
    store = tmp_path / "registered.sqlite"
    wait_until(lambda: held(store) >= 8)
    process.kill()
    process.wait()
    assert not (tmp_path / "fold1" / "dataset.json").exists()

    before = held(store)
    assert before < 60
    done = []
    register = register_faces._register
    monkeypatch.setattr(register_faces, "_register", lambda t: tee(register(t), done))
    folder = run_import(root, tmp_path, "--size=64")
    assert len(done) == 60 - before
    assert not list(folder.glob(".*"))
    fresh = records(run_import(root, tmp_path / "fresh", "--size=64"))
    for split, held_faces in records(folder).items():
        for a, b in zip(held_faces, fresh[split], strict=True):
            assert a[0] == b[0]
            assert np.array_equal(a[1], b[1])


def held(store: Path) -> int:
    if not store.exists():
        return 0
    with closing(sqlite3.connect(store)) as database:
        tables = "SELECT count(*) FROM sqlite_master"
        if not database.execute(tables).fetchone()[0]:
            return 0
        return database.execute("SELECT count(*) FROM faces").fetchone()[0]


def tee(results: Iterator, done: list) -> Iterator:
    for result in results:
        done.append(result[0])
        yield result


@pytest.mark.parametrize("part", ["val_lmdb", "mean.binaryproto", "train.png"])
def test_what_is_missing_of_a_fold_is_written_again(imported, tmp_path, part, root):
    out = tmp_path / "out"
    shutil.copytree(imported.parent, out)
    folder, before = out / "fold1", records(imported)
    whole = (folder / part / "data.mdb") if part.endswith("lmdb") else folder / part
    content = whole.read_bytes()
    shutil.rmtree(folder / part) if part.endswith("lmdb") else whole.unlink()
    run_import(root, out)
    assert whole.read_bytes() == content
    assert names(folder, "train") == [key[9:] for key, _, _ in before["train"]]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
