"""A user's own faces, named by a CSV."""

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_bp4d as tiny

from data_prep import own_faces
from data_prep.aus import BP4D_AUS
from data_prep.base import UserError
from data_prep.dataset import FaceFrame, Frame
from data_prep.face_lmdb import LONGEST_KEY, read_faces
from data_prep.fold_files import Fold, Formats
from data_prep.folds import assert_disjoint, rotate, thirds
from data_prep.landmarks import read_landmark_file, tracked
from drml.evaluate.dataset import Split, read_intensities

SPLITS = ("train", "val", "test")
PEOPLE = ("ann", "bob", "cy_1", "dee")
HEADER = "path,subject,AU12,AU1,mood,landmarks"
CODES = (("1", "0"), ("0", ""), ("9", "1"))  # of AU12 and AU1 in each person's frames
MEANING = ([1, -1], [-1, 0], [0, 1])


def write_faces(root: Path) -> Path:
    """Write four people's three frames, half of them PNG, landmarks in both formats."""
    rng = np.random.default_rng(5)
    lines = [HEADER]
    for person in PEOPLE:
        for i, codes in enumerate(CODES):
            points = tiny.landmarks(rng)
            image = f"{person}/0{i}.{'png' if i % 2 else 'jpg'}"
            tiny.write_image(root / image, points)
            marks = f"{person}/0{i}.{'npy' if i % 2 else 'pts'}"
            write_landmarks(root / marks, points)
            lines.append(",".join((image, person, *codes, "glad", marks)))
    file = root / "faces.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def write_landmarks(file: Path, points: np.ndarray) -> None:
    if file.suffix == ".npy":
        np.save(file, points)
        return
    rows = "\n".join(f"{x:.6f} {y:.6f}" for x, y in points + 1)
    file.write_text(f"version: 1\nn_points: {len(points)}\n{{\n{rows}\n}}\n")


@pytest.fixture
def table(tmp_path) -> Path:
    return write_faces(tmp_path / "own")


def run_import(file: Path, out: Path, *options: str) -> Path:
    plain = (f"--out={out}", "--fold=1", "--jobs=1")
    own_faces.main([str(file), *plain, *options])
    return out / "fold1"


def faces(folder: Path) -> dict[str, list]:
    return {split: list(read_faces(folder / f"{split}_lmdb")) for split in SPLITS}


def spoil(table: Path, old: str, new: str) -> None:
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))


def test_the_papers_skewness_stands_beside_no_other_dataset(table, tmp_path, capsys):
    """Not even where the AUs are BP4D's twelve."""
    header, *rows = table.read_text().splitlines()
    aus = [f"AU{au}" for au in BP4D_AUS]
    wide = header.replace("AU12,AU1", ",".join(aus))
    codes = ",".join(["1,0"] * 6)
    lines = [
        ",".join((*row.split(",")[:2], codes, *row.split(",")[4:])) for row in rows
    ]
    table.write_text("\n".join([wide, *lines]) + "\n")
    own_faces.main([str(table), "--jobs=1", "--dry-run"])
    shown = capsys.readouterr().out
    assert "24 lip pressor" in shown
    assert "in the paper" not in shown


def test_labels_and_names_are_the_csvs(table, tmp_path):
    folder = run_import(table, tmp_path)
    found = {
        key[9:]: labels.tolist()
        for own in faces(folder).values()
        for key, _, labels in own
    }
    assert found == {
        f"{person}_{person}-0{i}": labels
        for person in PEOPLE
        for i, labels in enumerate(MEANING)
    }
    dataset = json.loads((folder / "dataset.json").read_text())
    assert dataset["dataset"] == "faces.csv"
    assert dataset["aus"] == [12, 1]


def test_faces_are_registered_by_their_landmark_files(table, tmp_path):
    x, y = np.rint(tiny.mean_shape(200)[tiny.MARKER]).astype(int)
    for own in faces(run_import(table, tmp_path)).values():
        for _, image, _ in own:
            assert image[y, x].min() > 200
            assert image[y - 30, x].max() < 100


def test_subjects_are_dealt_by_the_seed(table, tmp_path):
    def subjects(seed: int) -> dict[str, list[str]]:
        folder = run_import(table, tmp_path / f"{seed}", f"--seed={seed}", "--size=32")
        splits = json.loads((folder / "dataset.json").read_text())["splits"]
        return {split: splits[split]["subjects"] for split in SPLITS}

    everyone = [name for own in subjects(0).values() for name in own]
    assert sorted(everyone) == sorted(PEOPLE)
    assert all(subjects(0).values())
    assert len({str(subjects(seed)) for seed in range(6)}) > 1


def test_fold_lists_can_be_given(table, tmp_path):
    for k, names in {1: "bob\ndee", 2: "ann", 3: "cy_1"}.items():
        (tmp_path / f"csv_fold{k}.txt").write_text(names)
    folder = run_import(table, tmp_path / "out", f"--folds={tmp_path}", "--size=32")
    splits = json.loads((folder / "dataset.json").read_text())["splits"]
    assert splits["test"]["subjects"] == ["bob", "dee"]
    assert splits["train"]["subjects"] == ["cy_1"]


def test_lists_of_windows_are_read_or_refused(table, tmp_path):
    """A byte order mark hid the first subject; Windows' letters made two people one."""
    for k, names in {1: "bob\r\ndee", 2: "ann", 3: "cy_1"}.items():
        (tmp_path / f"csv_fold{k}.txt").write_text(names, encoding="utf-8-sig")
    folds = f"--folds={tmp_path}"
    folder = run_import(table, tmp_path / "out", folds, "--size=32")
    splits = json.loads((folder / "dataset.json").read_text())["splits"]
    assert splits["test"]["subjects"] == ["bob", "dee"]
    (tmp_path / "csv_fold1.txt").write_bytes(b"bob\nJ\xf6rg\n")
    with pytest.raises(UserError, match=r"csv_fold1.txt, line 2: a letter that is no"):
        run_import(table, tmp_path / "out", folds, "--size=32")
    table.write_bytes(table.read_bytes() + b"J\xf6rg.jpg,ann,1,0\n")
    last = table.read_bytes().count(b"\n")
    with pytest.raises(UserError, match=rf"line {last}: a letter that is no UTF-8"):
        run_import(table, tmp_path / "other")


def test_rows_without_image_or_landmarks_are_counted(table, tmp_path, capsys):
    (table.parent / "ann" / "00.jpg").unlink()
    spoil(table, "bob/02.pts", "")
    folder = run_import(table, tmp_path, "--size=32")
    left_out = json.loads((folder / "dataset.json").read_text())["left_out"]
    assert (left_out["no image"], left_out["no landmarks"]) == (1, 1)
    shown = capsys.readouterr().out
    assert "ann: coded frames left out: 1 (no image)" in shown
    assert "columns mood" in shown


def test_damaged_landmarks_are_left_out_on_request(table, tmp_path, capsys):
    file = table.parent / "ann/01.npy"
    file.write_bytes(b"nothing like it")
    folder = run_import(table, tmp_path, "--on-damaged=skip")
    left_out = json.loads((folder / "dataset.json").read_text())["left_out"]
    assert left_out["no landmarks"] == 1
    assert f"left out: {file} is no file of landmarks" in capsys.readouterr().out


@pytest.mark.parametrize("place", [".", "..", "ann", "link"])
def test_generated_faces_say_so(table, tmp_path, capsys, place):
    """Whether the marker lies above the CSV, beside an image or where a link leads."""
    target = tmp_path / "elsewhere"
    (table.parent / "bob").rename(target)
    (table.parent / "bob").symlink_to(target)
    folder = target if place == "link" else table.parent / place
    (folder / "generated.json").write_text("{}")
    run_import(table, tmp_path / "out", "--size=32", "--dry-run")
    assert "generated faces in faces.csv's layout" in capsys.readouterr().out


def test_the_test_sets_own_mean_is_warned_of(table, tmp_path, capsys):
    options = [str(table), f"--out={tmp_path}", "--fold=all", "--jobs=1", "--size=32"]
    own_faces.main(options)
    warning = "warning: without --mean the test faces' own mean is subtracted"
    assert warning in capsys.readouterr().err
    mean = f"--mean={tmp_path / 'all' / 'mean.binaryproto'}"
    own_faces.main([*options, mean, f"--out={tmp_path / 'again'}"])
    assert "warning" not in capsys.readouterr().err


def test_a_long_path_still_makes_a_key(table, tmp_path):
    deep = Path(*["a" * 200] * 3)
    (table.parent / deep).mkdir(parents=True)
    (table.parent / "ann/00.jpg").rename(table.parent / deep / "00.jpg")
    spoil(table, "ann/00.jpg", str(deep / "00.jpg"))
    own = faces(run_import(table, tmp_path, "--size=32"))
    keys = [key for split in own.values() for key, *_ in split]
    assert len(keys) == 12
    assert max(map(len, keys)) == LONGEST_KEY


# What is refused


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("path,", "file,", "has no column 'path'"),
        ("subject", "person", "has no column 'subject'"),
        ("AU1,", "AU12,", "has 'AU12' twice"),
        ("AU1,", "AU012,", "has an AU twice among its columns"),
        ("AU1,", "AU99,", "column 'AU99' is no action unit"),
        ("AU1,", "AU1_r,", "column 'AU1_r' is no action unit"),
        ("AU12,AU1", "smile,frown", "has no AU among its columns"),
        (HEADER, "", "has no column 'path'"),
        ("ann,1,0", "ann,7,0", "line 2: AU12 is '7'; only 0 (absent), 1 (present)"),
        ("ann,1,0", "ann,1,-1", "line 2: AU1 is '-1'"),
        ("ann,0,,", "ann,0,", "line 3 has 5 values, the header 6"),
        ("ann/00.jpg,ann", "ann/00.jpg,", "line 2 lacks its subject"),
        ("ann/00.jpg,ann", ",ann", "line 2 lacks its path"),
        ("bob/01.png", "ann/01.png", "ann/01.png stands in line 3 already"),
        ("bob/01.png", "bob/.././ann/01.png", "ann/01.png stands in line 3 already"),
    ],
)
def test_bad_csv(table, tmp_path, old, new, complaint):
    spoil(table, old, new)
    with pytest.raises(UserError) as error:
        run_import(table, tmp_path / "out")
    assert complaint in str(error.value)
    assert str(table) in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_link_to_an_image_is_that_image(table, tmp_path):
    (table.parent / "link.png").symlink_to(table.parent / "ann/01.png")
    spoil(table, "bob/01.png", "link.png")
    with pytest.raises(UserError, match="link.png stands in line 3 already"):
        run_import(table, tmp_path / "out")


@pytest.mark.parametrize("splits", [("train", "test"), ("test", "test")])
def test_one_face_twice_is_refused_whatever_the_source(tmp_path, splits):
    frame, labels = Frame(str(tmp_path / "a.jpg")), np.ones(1, np.int8)
    faces = {split: [] for split in splits}
    for name, split in zip("ab", splits, strict=True):
        faces[split].append(FaceFrame(name, f"{name}_1", frame, None, labels))
    formats = Formats(frozenset({"lmdb"}), 32, 27, 2, None)
    options = {"dataset": "x", "generated": False, "aus": [1], "fold": 1}
    dataset = Fold(options, formats, faces, {}, {}, skip_damaged=False)
    with pytest.raises(UserError, match="a_1 and b_1 are one and the same face"):
        dataset.write(tmp_path / "out", jobs=1)


def test_no_name_leads_out_of_the_folders_of_results(table, tmp_path):
    """Neither a subject's nor an image's, which an --aligned face has from both."""
    text = table.read_text().replace(",ann,", ",../../../ann,")
    text = text.replace(",bob,", ",.,").replace("cy_1/0", "../own/bob/../cy_1/0")
    table.write_text(text)
    before = {file for file in tmp_path.rglob("*") if file.is_file()}
    run_import(table, tmp_path / "out", f"--aligned={tmp_path / 'aligned/in'}")
    new = {f for f in tmp_path.rglob("*") if f.is_file()} - before
    tops = {file.relative_to(tmp_path).parts[:2] for file in new}
    assert tops == {("out", "fold1"), ("out", "registered.sqlite"), ("aligned", "in")}
    names = [f.relative_to(tmp_path / "aligned/in") for f in new if f.suffix == ".jpg"]
    assert len(names) == 12
    assert not any(name.parts[0].startswith(".") for name in names)


class Payload:
    def __reduce__(self):
        return Path.touch, (Path("unpickled"),)


def test_nothing_is_unpickled(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickled = np.array([Payload()], object)
    np.save(table.parent / "ann/01.npy", pickled, allow_pickle=True)
    with pytest.raises(UserError, match="01.npy is no file of landmarks"):
        run_import(table, tmp_path / "out")
    folder = tmp_path / "data"
    folder.mkdir()
    np.save(folder / "test_intensities.npy", pickled, allow_pickle=True)
    with pytest.raises(UserError, match="test_intensities.npy cannot be read"):
        read_intensities(folder, "test", ["0_a"], np.ones((1, 1)))
    np.save(folder / "test_landmarks.npy", pickled, allow_pickle=True)
    with pytest.raises(UserError, match="test_landmarks.npy cannot be read"):
        Split(folder, "test", {}, None, None, None).landmarks()
    assert not Path("unpickled").exists()


def test_a_csv_that_is_missing_or_has_no_row(table, tmp_path):
    with pytest.raises(UserError, match="is no file: give a CSV"):
        run_import(tmp_path / "nowhere.csv", tmp_path)
    table.write_text(HEADER + "\n")
    with pytest.raises(UserError, match="has a header but no row"):
        run_import(table, tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (np.ones((5, 2)), "has landmarks of shape (5, 2); wanted are N x 2"),
        (np.ones((2, 49)), "has landmarks of shape (2, 49)"),
        (np.full((49, 2), "x"), "no numbers"),
        (b"nothing like it", "is no file of landmarks"),
        (None, "is no file of landmarks"),
    ],
)
def test_bad_landmarks(table, tmp_path, content, complaint):
    file = table.parent / "ann/01.npy"
    file.unlink()
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        np.save(file, content)
    with pytest.raises(UserError) as error:
        run_import(table, tmp_path / "out")
    assert f"{file}" in str(error.value)
    assert complaint in str(error.value)


def test_too_few_subjects(table, tmp_path):
    table.write_text("\n".join(table.read_text().splitlines()[:7]))
    with pytest.raises(UserError, match="there are 2 subjects: .* --fold all"):
        run_import(table, tmp_path)
    own_faces.main([str(table), f"--out={tmp_path}", "--fold=all", "--jobs=1"])
    assert len(list(read_faces(tmp_path / "all" / "test_lmdb"))) == 6


@pytest.mark.parametrize("text", ["1 2\n3 4\n", "{\n1 2\n", "", "\xe9{}"])
def test_pts_without_braces_are_refused(tmp_path, text):
    (tmp_path / "face.pts").write_text(text)
    with pytest.raises(UserError, match="face.pts is no file of landmarks"):
        read_landmark_file(tmp_path / "face.pts")


def test_npz_is_refused(tmp_path):
    np.savez(tmp_path / "face.npz", np.ones((49, 2)))
    with pytest.raises(UserError, match="face.npz is no file of landmarks"):
        read_landmark_file(tmp_path / "face.npz")


@pytest.mark.parametrize("far", [np.nan, np.inf, 1e39, 2e5, -2e5])
def test_a_face_far_from_its_image_is_lost(far):
    points = np.arange(98.0).reshape(49, 2)
    assert tracked(points)
    points[7, 1] = far
    assert not tracked(points)


def test_points_that_float32_makes_one_are_lost():
    assert not tracked(np.full((49, 2), 9e4) + np.arange(98).reshape(49, 2) * 1e-6)


# Parts


def test_points_of_66_and_68_lose_jaw_and_inner_lip_corners(tmp_path):
    points = np.arange(2.0 * 68).reshape(68, 2)
    np.save(tmp_path / "68.npy", points)
    np.save(tmp_path / "66.npy", np.delete(points, [60, 64], axis=0))
    kept = [*range(17, 60), 61, 62, 63, 65, 66, 67]
    for name in ("66", "68"):
        found = read_landmark_file(tmp_path / f"{name}.npy")
        assert found.dtype == np.float32
        assert np.array_equal(found, points[kept])


def test_pts_files_count_pixels_from_1(tmp_path):
    points = np.arange(2.0 * 49).reshape(49, 2)
    write_landmarks(tmp_path / "face.pts", points)
    assert np.array_equal(read_landmark_file(tmp_path / "face.pts"), points)


def test_thirds_are_disjoint_and_as_equal_as_can_be():
    lists = thirds([f"s{i}" for i in range(11)], seed=3)
    assert sorted(map(len, lists.values())) == [3, 4, 4]
    assert sorted(chain(*lists.values())) == sorted(f"s{i}" for i in range(11))
    assert_disjoint(lists)


def test_one_list_or_both_others_train():
    lists = {1: ["a"], 2: ["b"], 3: ["c"]}
    assert rotate(lists, 2) == {"train": ["a"], "val": ["c"], "test": ["b"]}
    both = {"train": ["a", "c"], "val": ["b"], "test": ["b"]}
    assert rotate(lists, 2, train_folds=2) == both


def test_a_subject_in_two_splits_fails():
    with pytest.raises(AssertionError, match="s2 would be both in train and in test"):
        assert_disjoint({"train": ["s1", "s2"], "val": ["s3"], "test": ["s2"]})


def test_a_leak_is_found_without_asserts_too():
    leak = "from data_prep.folds import assert_disjoint as a; a({1: ['s'], 2: ['s']})"
    done = subprocess.run([sys.executable, "-Oc", leak], capture_output=True, text=True)
    assert "AssertionError: s would be both in 1 and in 2" in done.stderr


def test_a_leak_between_splits_stops_the_import(table, tmp_path, monkeypatch):
    leak = {"train": ["ann", "bob"], "val": ["cy_1"], "test": ["bob", "dee"]}
    monkeypatch.setattr("data_prep.importer.roles", lambda *_: leak)
    with pytest.raises(AssertionError, match="bob would be both in train and in test"):
        run_import(table, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_transparent_png_and_grey_jpeg_are_read(table, tmp_path):
    for name, way in (("ann/01.png", cv2.COLOR_BGR2BGRA), ("ann/00.jpg", None)):
        image = cv2.imread(str(table.parent / name))
        grey = cv2.cvtColor(image, way or cv2.COLOR_BGR2GRAY)
        cv2.imwrite(str(table.parent / name), grey)
    assert len(faces(run_import(table, tmp_path, "--size=32"))["train"]) >= 3
