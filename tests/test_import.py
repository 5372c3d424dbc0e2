"""The import of any dataset, here of a tiny BP4D: what is printed, written and drawn,
and how it goes on after it was stopped.
"""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import lmdb
import numpy as np
import pytest
import tiny_bp4d as tiny

from caffe.proto import caffe_pb2
from data_prep import bp4d, contact_sheet, face_lmdb, registered_faces
from data_prep.aus import BP4D_AUS
from data_prep.base import UserError, locked
from data_prep.face_lmdb import Record, read_faces, write_faces
from data_prep.network_input import read_mean

SPLITS = ("train", "val", "test")
PLAIN = ("--fold=1", "--jobs=1", "--size=64", "--sample=none")


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
    monkeypatch.setattr(registered_faces, "FACES_A_TASK", 3)  # fewer than a split has
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


def test_damaged_images_are_skipped_on_request(own_root, tmp_path):
    cut_short(own_root / tiny.FRAMES / "F001" / "T1" / "08.jpg")
    folder = run_import(own_root, tmp_path, "--on-damaged=skip")
    dataset = json.loads((folder / "dataset.json").read_text())
    assert dataset["left_out"]["unreadable image"] == 1
    first = next(read_faces(folder / "test_lmdb"))
    assert first[0] == "00000000_F001_T1_0009"


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


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
from caffe.proto import caffe_pb2
from data_prep import bp4d, registered_faces

results = registered_faces._sound
registered_faces._sound = lambda *a: (time.sleep(0.05) or face for face in results(*a))
registered_faces.FACES_A_COMMIT = 4
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
    register = registered_faces._register
    monkeypatch.setattr(registered_faces, "_register", lambda t: tee(register(t), done))
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


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


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


def test_an_lmdb_takes_as_much_address_space_as_its_faces(tmp_path, monkeypatch):
    """Caffe maps as much as the one who wrote it, which `ulimit -v` may forbid."""
    rng = np.random.default_rng(0)
    labels = np.ones(2, np.int8)
    records = [Record(f"F001_T1_{i}", rng.bytes(9000), labels) for i in range(500)]
    monkeypatch.setattr(face_lmdb, "MAP_SIZE", 1 << 16)
    write_faces(tmp_path / "lmdb", records, 32)
    with lmdb.open(str(tmp_path / "lmdb"), map_size=0, readonly=True) as env:
        assert env.info()["map_size"] < 1 << 24
    with lmdb.open(str(tmp_path / "lmdb"), readonly=True) as env, env.begin() as txn:
        datums = [caffe_pb2.Datum.FromString(v) for _, v in txn.cursor()]
    assert [datum.data for datum in datums] == [record.image for record in records]


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


# Folders of something else


def test_an_image_mended_between_two_runs_does_not_mix_two_lists(own_root, tmp_path):
    image = own_root / tiny.FRAMES / "F001" / "T1" / "08.jpg"
    whole = image.read_bytes()
    cut_short(image)
    folder = run_import(own_root, tmp_path / "out", "--on-damaged=skip")
    (folder / "dataset.json").unlink()  # as if killed before the end
    shutil.rmtree(folder / "val_lmdb")
    image.write_bytes(whole)
    with pytest.raises(UserError, match="another readable images; .* delete that"):
        run_import(own_root, tmp_path / "out", "--on-damaged=skip")
    shutil.rmtree(folder)
    run_import(own_root, tmp_path / "out", "--on-damaged=skip")
    dataset = json.loads((folder / "dataset.json").read_text())
    assert len(names(folder, "test")) == dataset["splits"]["test"]["faces"] == 20


def test_other_options_want_another_folder(own_root, tmp_path):
    options = [str(own_root), f"--out={tmp_path / 'out'}", *PLAIN]
    bp4d.main(options)
    for change in ("--size=72", "--seed=3", "--on-damaged=skip", "--train-folds=2"):
        with pytest.raises(UserError, match="another --out"):
            bp4d.main([*options, change])
    file = own_root / tiny.LABELS / "F001_T1.csv"
    file.write_text(file.read_text().replace("\n8,", "\n7,", 1))
    with pytest.raises(UserError, match="with another faces; choose another --out"):
        bp4d.main(options)


def test_a_folder_of_something_else_is_left_alone(root, tmp_path):
    (tmp_path / "fold1").mkdir()
    (tmp_path / "fold1" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="something else; choose another --out"):
        run_import(root, tmp_path)
    assert len(list((tmp_path / "fold1").iterdir())) == 1


@pytest.mark.parametrize("name", ["import.json", "dataset.json"])
def test_a_damaged_json_is_named(root, tmp_path, name):
    run_import(root, tmp_path, "--size=32")
    for content in ("{", "[]", "\0"):
        (tmp_path / "fold1" / name).write_text(content)
        with pytest.raises(UserError, match=f"{name} .*; .*delete "):
            run_import(root, tmp_path, "--size=32")


def test_two_runs_on_one_fold_do_not_meet(root, tmp_path):
    out = tmp_path / "fold1"
    with (
        locked(out),
        pytest.raises(UserError, match=f"another .* at work on {out}: wait"),
    ):
        run_import(root, tmp_path, "--size=32")
    run_import(root, tmp_path, "--size=32")


def test_out_that_cannot_be_written(root, tmp_path):
    (tmp_path / "out").write_text("a file where the folder should go")
    with pytest.raises(UserError, match=f"{tmp_path / 'out'}"):
        run_import(root, tmp_path / "out")


def test_readers_name_what_they_cannot_read(tmp_path):
    with pytest.raises(UserError, match="is no LMDB"):
        next(read_faces(tmp_path / "nowhere"))
    (tmp_path / "mean").write_bytes(b"nothing like it")
    with pytest.raises(UserError, match="is no mean image"):
        read_mean(tmp_path / "mean")


# Two lists train


@pytest.fixture(scope="module")
def two_train(root, tmp_path_factory) -> Path:
    options = ("--train-folds=2", "--size=32", "--crop=28", "--format=both")
    return run_import(root, tmp_path_factory.mktemp("two"), *options)


def test_two_lists_train_and_val_is_test(two_train, imported):
    dataset = json.loads((two_train / "dataset.json").read_text())
    assert dataset["fold_lists"] == {"train": [2, 3], "val": [1], "test": [1]}
    splits = dataset["splits"]
    assert splits["train"]["subjects"] == ["F003", "F004", "M002", "M003"]
    assert splits["val"] == splits["test"]
    own = {split: names(two_train, split) for split in SPLITS}
    other = {split: names(imported, split) for split in SPLITS}
    assert own["val"] == own["test"] == other["test"]
    assert sorted(own["train"]) == sorted(other["train"] + other["val"])
    assert (two_train / "val.txt").read_text() == (two_train / "test.txt").read_text()
    paper = json.loads((imported / "dataset.json").read_text())["fold_lists"]
    assert paper == {"train": [3], "val": [2], "test": [1]}


def test_that_val_is_test_is_said(root, tmp_path, capsys):
    run_import(root, tmp_path, "--train-folds=2", "--size=32")
    assert "chosen on val is chosen on the test faces" in capsys.readouterr().err
    sampling = ("--train-folds=2", "--sample=1/2", "--sample-splits", "val")
    with pytest.raises(SystemExit):
        run_import(root, tmp_path, *sampling)
    assert "val is test" in capsys.readouterr().err


def test_a_lost_link_of_val_is_made_again(root, two_train, tmp_path):
    shutil.copytree(two_train, tmp_path / "fold1", symlinks=True)
    (tmp_path / "fold1" / "val_lmdb").unlink()
    run_import(root, tmp_path, "--train-folds=2", "--size=32")
    assert (tmp_path / "fold1" / "val_lmdb").readlink() == Path("test_lmdb")


# Aligned faces as files


def test_aligned_faces_are_the_records_jpegs(root, tmp_path):
    aligned = tmp_path / "aligned"
    folder = run_import(root, tmp_path, "--size=32", f"--aligned={aligned}")
    written = {file: file.read_bytes() for file in aligned.glob("*/*.jpg")}
    assert len(written) == 60
    for split in SPLITS:
        env = lmdb.open(str(folder / f"{split}_lmdb"), readonly=True, lock=False)
        with env, env.begin() as transaction:
            for key, value in transaction.cursor():
                name = key.decode()[9:]
                image = caffe_pb2.Datum.FromString(value).data
                assert written[aligned / name[:4] / f"{name}.jpg"] == image


def test_aligned_faces_are_completed_and_not_mixed(root, tmp_path):
    aligned = tmp_path / "aligned"
    options = ("--size=32", f"--aligned={aligned}")
    run_import(root, tmp_path, *options)
    gone, kept = (aligned / "F001" / f"F001_T1_{n}.jpg" for n in ("08", "10"))
    before = (gone.read_bytes(), kept.stat().st_mtime_ns)
    gone.unlink()
    (tmp_path / "registered.sqlite").unlink()
    run_import(root, tmp_path, *options)
    assert (gone.read_bytes(), kept.stat().st_mtime_ns) == before
    with pytest.raises(UserError, match=r"size \(32, now 64\); .* another --aligned"):
        run_import(root, tmp_path / "other", "--size=64", f"--aligned={aligned}")


# Without Caffe


def test_help_and_dry_run_need_no_built_caffe(root, tmp_path):
    code = (
        "import sys; sys.modules['caffe'] = None; from data_prep import bp4d\n"
        "bp4d.main(sys.argv[1:])"
    )
    for options in (["--help"], [str(root), "--dry-run", "--jobs=1"]):
        subprocess.run([sys.executable, "-c", code, *options], check=True)
