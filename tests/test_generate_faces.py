"""Generated faces: layout, bytes, labels, landmarks, and what each AU changes."""

import io
import json

import cv2
import h5py
import numpy as np
import pytest
from tiny_faces import contents, generate, run_script

from data_prep import generate_faces
from data_prep.aus import BP4D_AUS, DISFA_AUS
from data_prep.base import UserError
from data_prep.bp4d import read_labels, read_landmarks
from data_prep.folds import FOLDS, split_subjects
from data_prep.renderer import bp4d, labels, subjects
from data_prep.renderer.actions import AUS
from data_prep.renderer.bp4d import matlab73
from data_prep.renderer.render import JAW, Pose, State, person_of
from data_prep.renderer.shading import Light

LAMP = Light(0.3, -0.4, 0.78, 0.36, 0.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces") / "root"
    generate(folder, jobs=2)
    return folder


@pytest.fixture(scope="module")
def faces():
    return [person_of(1, name) for name in ("F001", "M002")]


def test_same_seed_same_bytes_whatever_the_jobs(root, tmp_path):
    generate(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(root)


def test_another_seed_draws_another_face():
    first, second = (person_of(seed, "F001").draw(State({}, LAMP)) for seed in (1, 2))
    assert np.abs(first[1] - second[1]).max() > 1


def test_layout_holds_frames_codes_and_landmarks_of_the_same_numbers(root):
    assert json.loads((root / "generated.json").read_text())["seed"] == 1
    assert not list(root.rglob("*.tmp"))
    for name in subjects.names("bp4d", 2):
        for task in (1, 2):
            frames, mat, csv = bp4d.paths(root, name, task)
            coded = read_labels(csv, AUS)
            assert len(coded) == 3
            assert min(coded) >= 1
            assert max(coded) - min(coded) == 2
            assert {int(p.stem) for p in frames.iterdir()} == set(coded)
            assert set(read_landmarks(mat, coded)) == set(coded)
            assert cv2.imread(str(next(frames.iterdir()))).shape == (174, 130, 3)


def test_codes_have_bp4ds_columns_and_leave_what_is_not_drawn_unknown(root):
    csv = bp4d.paths(root, "F001", 1)[2]
    header, *rows = (line.split(",") for line in csv.read_text().splitlines())
    assert header[:6] == ["0", "1", "2", "4", "5", "6"]
    assert set(BP4D_AUS) | set(DISFA_AUS) <= set(AUS)
    for name, *values in zip(header, *rows, strict=True):
        if name != "0" and int(name) not in AUS:
            assert set(values) == {"9"}


def test_landmark_file_is_matlab_7_3_with_empty_arrays_before_the_first_frame():
    points = np.arange(98.0).reshape(49, 2)
    content = matlab73(3, [points])
    assert content.startswith(b"MATLAB 7.3 MAT-file")
    assert content[512:516] == b"\x89HDF"
    path = io.BytesIO(content)
    with h5py.File(path) as mat:
        pred = mat["fit/pred"]
        assert pred.shape == (3, 1)
        assert mat[pred[0, 0]].attrs["MATLAB_empty"] == 1
        assert mat[pred[2, 0]].shape == (2, 49)
        np.testing.assert_array_equal(mat[pred[2, 0]][()].T, points + 1)  # from 1


def test_every_fold_has_subjects_however_few_there_are():
    for layout, everyone in subjects.EVERYONE.items():
        for count in (3, 6, 12):
            chosen = subjects.names(layout, count)
            for fold in FOLDS:
                assert set(chosen) & set(split_subjects(layout, fold)["test"])
            women = sum(map(subjects.is_woman, chosen))
            assert 0 < women < count
        assert sorted(subjects.names(layout, 99)) == everyone


# --- labels ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sampled():
    """(frames, A) of AUs present, and their strengths, in 3000 sequences of 20."""
    rng = np.random.default_rng(7)
    parts = [labels.sample(rng, 20) for _ in range(3000)]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def column(sampled, au):
    return sampled[0][:, AUS.index(au)].astype(float)


def test_skewness_is_the_papers(sampled):
    # Section 4.2. One effective draw a sequence, the worst case, deviates by 5 %.
    paper = {10: 0.7, 12: 0.8, 1: 3.8, 2: 4.9, 23: 5.0, 24: 5.5}
    for au, skewness in paper.items():
        rate = column(sampled, au).mean()
        assert (1 - rate) / rate == pytest.approx(skewness, rel=0.12)


def test_every_au_has_its_base_rate(sampled):
    for au in AUS:
        assert column(sampled, au).mean() == pytest.approx(labels.RATES[au], abs=0.02)


def test_aus_occur_together_as_in_the_paper(sampled):
    def together(a, b):
        return np.corrcoef(column(sampled, a), column(sampled, b))[0, 1]

    for a, b in ((6, 12), (1, 2), (10, 12), (6, 7), (17, 24)):
        assert together(a, b) > 0.2
    for a, b in ((12, 15), (12, 24), (24, 25)):
        assert together(a, b) < -0.03


def test_correlation_matrix_is_positive_definite():
    assert np.linalg.eigvalsh(labels.correlation()).min() > 0.05


def test_strength_tells_present_from_absent(sampled):
    present, strength = sampled
    assert strength[present].min() >= 0.55
    assert strength[present].max() <= 1
    assert strength[~present].min() >= 0
    assert strength[~present].max() <= 0.1


def test_aus_last_longer_than_a_frame():
    present, _ = labels.sample(np.random.default_rng(3), 2000)
    changes = (present[1:] != present[:-1]).mean()
    shuffled = 2 * present.mean(0) * (1 - present.mean(0))
    assert changes < 0.4 * shuffled.mean()


def test_some_codes_are_unknown():
    codes = labels.codes(np.random.default_rng(0), np.ones((4000, len(AUS)), bool))
    assert set(np.unique(codes)) == {1, 9}
    assert (codes == 9).mean() == pytest.approx(0.005, abs=0.002)


# --- pictures -------------------------------------------------------------------------

BROWS, NOSE, EYES, MOUTH = slice(0, 10), slice(10, 19), slice(19, 31), slice(31, 49)
AREA = {  # rows that an AU changes, between two rows of landmarks at rest
    **dict.fromkeys((1, 2, 4), "brows"),
    **dict.fromkeys((5, 6, 7, 9), "eyes"),
    **dict.fromkeys((10, 12, 14, 15, 17, 20, 23, 24, 25, 26), "mouth"),
}


def draw(person, strength, pose=None):
    """The picture and BP4D's 49 points."""
    image, points = person.draw(State(strength, LAMP, pose or Pose()))
    return image, points[JAW:]


@pytest.mark.parametrize("au", AUS)
def test_au_changes_its_own_part_of_the_face(faces, au):
    for person in faces:
        before, points = draw(person, {})
        after, _ = draw(person, {au: 1.0})
        change = cv2.absdiff(before, after).astype(float).sum((1, 2))
        assert change.sum() > 50_000
        eyes, mouth = points[EYES, 1].mean(), points[MOUTH, 1].mean()
        split = {
            "brows": (0, eyes),
            "eyes": (eyes - 70, (eyes + mouth) / 2 + 20),
            "mouth": ((eyes + mouth) / 2 - 20, 696),
        }[AREA[au]]
        low, high = map(int, split)
        assert change[low:high].sum() > 0.75 * change.sum()


def test_landmarks_move_as_facs_says(faces):
    for person in faces:
        rest = draw(person, {})[1]

        def moved(au, person=person, rest=rest):
            return draw(person, {au: 1.0})[1] - rest

        assert (moved(1)[[4, 5], 1] < -8).all()  # inner brow ends go up
        assert (moved(2)[[1, 8], 1] < -8).all()  # outer brow ends
        assert (moved(4)[[4, 5], 1] > 5).all()
        assert (moved(12)[[31, 37], 1] < -5).all()  # lip corners
        assert (moved(15)[[31, 37], 1] > 5).all()
        width = moved(20)[37, 0] - moved(20)[31, 0]
        assert width > 10
        opening = moved(26)[[46, 47, 48], 1] - moved(26)[[45, 44, 43], 1]
        assert (opening > 15).all()
        lids = moved(7)[[24, 23], 1] - moved(7)[[20, 21], 1]
        assert (lids < -5).all()


def test_landmarks_lie_on_the_face_in_bp4ds_order(faces):
    pose = Pose(0.15, -0.1, 0.08, 1.05, (20, -15))
    for person in faces:
        _, p = draw(person, {12: 1.0, 26: 0.6}, pose)
        assert (p > (60, 150)).all()
        assert (p < (460, 560)).all()
        parts = [p[part, 1].mean() for part in (BROWS, EYES, NOSE, MOUTH)]
        assert parts == sorted(parts)
        assert (np.diff(p[:10, 0]) > 0).all()  # brows from left to right
        assert (np.diff(p[10:14, 1]) > 0).all()  # down the nose
        assert p[19, 0] < p[22, 0] < p[25, 0] < p[28, 0]  # corners of the eyes
        assert p[31, 0] < p[34, 0] < p[37, 0]  # lips: left corner, middle, right corner


@pytest.mark.parametrize("name", ["F001", "SN001"])
def test_dark_pupils_follow_the_pose(name):
    """An independent look at the picture: pupils lie between the eyes' landmarks."""
    for pose in (Pose(), Pose(0.12, 0.05, 0.1, 0.95, (15, 10))):
        image, p = draw(person_of(1, name), {5: 1.0}, pose)
        grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (0, 0), 3)
        for eye in (p[19:25], p[25:31]):
            (x0, y0), (x1, y1) = eye.min(0).astype(int) + 6, eye.max(0).astype(int) - 4
            row, col = np.unravel_index(
                np.argmin(grey[y0:y1, x0:x1]), (y1 - y0, x1 - x0)
            )
            assert np.hypot(*(np.array((x0 + col, y0 + row)) - eye.mean(0))) < 14


# --- runs -----------------------------------------------------------------------------


def test_rerun_draws_only_what_is_missing(root):
    before = contents(root)
    times = {p: p.stat().st_mtime_ns for p in root.rglob("*.csv")}
    lost = bp4d.paths(root, "M002", 2)[2]
    lost.unlink()
    generate(root)
    assert contents(root) == before
    changed = {p for p, time in times.items() if p.stat().st_mtime_ns != time}
    assert changed == {lost}


def test_other_options_are_refused(root):
    before = contents(root)
    with pytest.raises(UserError, match=r"seed \(1, now 2\)"):
        generate(root, "--seed", "2")
    assert contents(root) == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    result = run_script(tmp_path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "thesis.txt"]
    assert f"{tmp_path} holds files of something else" in result.stderr


def test_bad_usage_exits_with_2(tmp_path):
    with pytest.raises(SystemExit) as error:
        generate(tmp_path / "x", "--subjects", "42")
    assert error.value.code == 2


def test_contact_sheet_needs_no_root(tmp_path):
    path = tmp_path / "sheet.png"
    generate_faces.main(["--contact-sheet", str(path), "--subjects=1"])
    height, width = cv2.imread(str(path)).shape[:2]
    assert height > len(AUS) * 200
    assert width > 400
    assert list(tmp_path.iterdir()) == [path]
