"""Generated faces in DISFA's layout: files, videos, intensities, two cameras."""

import json
import resource
import shutil
from copy import copy

import cv2
import numpy as np
import pytest
from scipy.io import loadmat
from tiny_faces import contents, generate, run_script

from data_prep.base import UserError
from data_prep.generate_faces import Options
from data_prep.renderer import disfa, film, labels, subjects
from data_prep.renderer.render import JAW, Pose, State, person_of
from data_prep.renderer.shading import Light

FRAMES = 4
SUBJECTS = subjects.names("disfa", 3)
LAMP = Light(0.3, -0.4, 0.78, 0.36, 0.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disfa") / "root"
    generate(folder, layout="disfa", jobs=2)
    return folder


@pytest.fixture(scope="module")
def person():
    return person_of(1, SUBJECTS[0])


def decoded(path) -> list[np.ndarray]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


def nearest(image, others) -> int:
    """Which of the others looks most like the image."""
    return int(np.argmin([cv2.absdiff(image, other).mean() for other in others]))


# --- files ----------------------------------------------------------------------------


def test_same_seed_same_bytes_whatever_the_jobs(root, tmp_path):
    generate(tmp_path / "again", layout="disfa")
    assert contents(tmp_path / "again") == contents(root)


def test_marker_tells_the_layout(root):
    marker = json.loads((root / "generated.json").read_text())
    assert marker["what"] == "generated faces"
    assert (marker["layout"], marker["subjects"]) == ("disfa", 3)
    assert (marker["irregular"], marker["hit"]) == ([], {})
    assert not list(root.rglob(".*"))


def test_both_cameras_have_a_frame_a_label(root):
    for name in SUBJECTS:
        left = root / "Videos_LeftCamera" / f"LeftVideo{name}_comp.avi"
        right = root / "Video_RightCamera" / f"RightVideo{name}_Comp.avi"
        for path in (left, right):
            assert [f.shape for f in decoded(path)] == [(174, 232, 3)] * FRAMES


def test_label_files_have_a_line_a_frame(root):
    for name in SUBJECTS:
        folder = root / "ActionUnit_Labels" / name
        for au in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26):
            lines = (folder / f"{name}_au{au}.txt").read_text().splitlines()
            frames, codes = zip(*(line.split(",") for line in lines), strict=True)
            assert frames == ("1", "2", "3", "4")
            assert set(codes) <= set("012345")
        assert len(list(folder.iterdir())) == 12


def test_landmark_files_are_numbered_from_0_or_from_1(root):
    styles = set()
    for name in SUBJECTS:
        folder = root / "Landmark_Points" / name / "tmp_frame_lm"
        found = {path.name for path in folder.iterdir()}
        from_0 = {f"{name}_{k:04d}_lm.mat" for k in range(FRAMES)}
        from_1 = {f"l0{k:04d}_lm.mat" for k in range(1, FRAMES + 1)}
        assert found in (from_0, from_1)
        styles.add(found == from_1)
        for path in folder.iterdir():
            points = loadmat(path)["pts"]
            assert points.shape == (66, 2)
            assert ((points > 0) & (points < (232, 174))).all()
    assert styles == {True, False}


@pytest.mark.parametrize("name", SUBJECTS[1:])  # one of each numbering
def test_frames_landmarks_and_labels_are_of_the_same_moment(tmp_path, name):
    options = Options("disfa", 3, 1, 8, seed=3, height=174)
    disfa.generate(tmp_path, options, name, 1, set())
    rng = subjects.rng(3, name, 1)
    codes, strength = labels.sample_intensities(rng, 8)
    args = (rng, labels.DISFA_AUS, strength, 174, disfa.TURNS)
    moments = list(film.shoot(person_of(3, name), *args))
    left, right, landmarks, coded = disfa.paths(tmp_path, name)
    for camera, path in enumerate((left, right)):
        shot = [views[camera][0] for views in moments]
        assert [nearest(frame, shot) for frame in decoded(path)] == [*range(8)]
    for frame, views in enumerate(moments, 1):
        file = landmarks / disfa.landmark_name(name, frame)
        np.testing.assert_array_equal(loadmat(file)["pts"], views[0][1])
    for au, column in zip(labels.DISFA_AUS, codes.T, strict=True):
        written = np.loadtxt(coded / f"{name}_au{au}.txt", int, delimiter=",")
        np.testing.assert_array_equal(written[:, 1], column)


def test_rerun_draws_only_the_subject_that_lacks_something(root):
    before = contents(root)
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*.avi")}
    left, right, _, coded = disfa.paths(root, SUBJECTS[1])
    shutil.rmtree(coded)
    generate(root, layout="disfa")
    assert contents(root) == before
    assert {p for p in times if p.stat().st_mtime_ns != times[p]} == {left, right}


def test_another_layout_is_refused(root):
    with pytest.raises(UserError, match=r"layout \(disfa, now bp4d\)"):
        generate(root, layout="bp4d")


@pytest.mark.parametrize("options", [("--tasks", 2), ("--subjects", 28)])
def test_what_disfa_lacks_is_bad_usage(tmp_path, options):
    with pytest.raises(SystemExit) as error:
        generate(tmp_path / "x", *options, layout="disfa")
    assert error.value.code == 2
    assert not (tmp_path / "x").exists()


# --- videos ---------------------------------------------------------------------------


def numbered(count: int) -> list[np.ndarray]:
    """Smooth pictures, no two alike."""
    coarse = np.random.default_rng(5).integers(40, 216, (count, 9, 12, 3), np.uint8)
    return [cv2.resize(c, (128, 96), interpolation=cv2.INTER_LINEAR) for c in coarse]


def test_frame_k_read_back_is_frame_k_written(tmp_path):
    path, pictures = tmp_path / "v.avi", numbered(30)
    disfa.write_videos([path], ([picture] for picture in pictures))
    frames = decoded(path)
    assert [nearest(frame, pictures) for frame in frames] == [*range(30)]
    # JPEG halves the colours' resolution; between two pictures lie about 25 levels.
    errors = [cv2.absdiff(*pair).mean() for pair in zip(frames, pictures, strict=True)]
    assert max(errors) < 5
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 30
    for k in (17, 3, 29):
        capture.set(cv2.CAP_PROP_POS_FRAMES, k)
        np.testing.assert_array_equal(capture.read()[1], frames[k])


def test_a_video_that_does_not_fit_is_an_error_and_a_rerun_goes_on(root, tmp_path):
    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    folder, one = tmp_path / "r", ("--subjects", 1)
    result = run_script(folder, *one, layout="disfa", preexec_fn=full)
    assert result.returncode == 1
    assert "comp.avi could not be written whole: is the disk full?" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(folder.rglob("*.avi"))
    generate(folder, *one, layout="disfa")
    (folder / "generated.json").unlink()
    assert contents(folder).items() <= contents(root).items()
    assert len(list(folder.rglob("*.avi"))) == 2


# --- intensities ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def sampled():
    """(frames, A) intensities and strengths of 3000 videos of 20 frames."""
    rng = np.random.default_rng(7)
    parts = [labels.sample_intensities(rng, 20) for _ in range(3000)]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def test_each_intensity_is_as_frequent_as_the_table_says(sampled):
    for i, shares in enumerate(labels.SHARES.values()):
        for least, percent in enumerate(shares, 1):
            found = 100 * (sampled[0][:, i] >= least).mean()
            # 3 standard errors, were the frames of a video all one draw
            error = (percent * (100 - percent) / 3000) ** 0.5
            assert found == pytest.approx(percent, abs=3 * error)


def test_intensity_is_the_strength_in_steps(sampled):
    codes, strength = sampled
    for code in range(6):
        within = strength[codes == code]
        assert within.min() >= (0, *labels.STRENGTHS)[code]
        assert within.max() <= (0.1, *labels.STRENGTHS[1:], 1)[code]


def test_aus_occur_together_as_in_the_bp4d_layout(sampled):
    strength = dict(zip(labels.DISFA_AUS, sampled[1].T, strict=True))
    for a, b in ((1, 2), (6, 12), (25, 26)):
        assert np.corrcoef(strength[a], strength[b])[0, 1] > 0.2


# --- jaw and cameras ------------------------------------------------------------------


def test_jaw_runs_round_the_face_from_ear_to_ear(person):
    pose = Pose(0.15, -0.1, 0.08, 1.05, (20, -15))
    for strength in ({}, {12: 1.0, 26: 1.0}):
        _, points = person.draw(State(strength, LAMP, pose))
        jaw, inner = points[:JAW], points[JAW:]
        assert (np.diff(jaw[:, 0]) > 0).all()
        assert 6 <= np.argmax(jaw[:, 1]) <= 10  # the chin, in the middle
        hull = cv2.convexHull(np.r_[jaw, inner[:10]].astype(np.float32))
        for x, y in inner[10:]:
            assert cv2.pointPolygonTest(hull, (float(x), float(y)), False) > 0


def cover(person, state) -> np.ndarray:
    """(height, width) 1 where the head hides what is behind it, 0 beside it."""
    person = copy(person)
    shown = []
    for level in (0, 255):
        person.backdrop = np.full_like(person.backdrop, level)
        shown.append(person.draw(state)[0].astype(float).mean(2))
    return 1 - (shown[1] - shown[0]) / 255


def test_jaw_lies_on_the_heads_edge(person):
    pose = Pose(0.1, 0.05, -0.05, 0.97, (-10, 8))
    for strength in ({}, {26: 1.0}):
        state = State(strength, LAMP, pose)
        points, head = person.draw(state)[1], cover(person, state)
        middle = points[JAW:].mean(0)
        for point in points[3 : JAW - 3]:  # hair may cover the rest
            out = 4 * (point - middle) / np.hypot(*(point - middle))
            (x0, y0), (x1, y1) = np.rint((point - out, point + out)).astype(int)
            assert head[y0, x0] > 0.9
            assert head[y1, x1] < 0.1


def test_jaw_drop_takes_the_chin_along(person):
    rest, dropped = (person.draw(State(a, LAMP))[1] for a in ({}, {26: 1.0}))
    assert dropped[8, 1] - rest[8, 1] > 10
    assert abs(dropped[0, 1] - rest[0, 1]) < 2


def test_the_right_camera_sees_the_same_moment_from_its_side(person):
    state = State({12: 1.0}, LAMP, Pose(0.05, 0.02, 0.03), (0.3, 0.1))
    other = film.beside(state, 0.12)
    left, right = (person.draw(one)[1] for one in (state, other))

    def nose_from_eyes(points):
        return points[JAW + 13, 0] - points[JAW + 19 : JAW + 31, 0].mean()

    assert nose_from_eyes(right) - nose_from_eyes(left) > 2  # parallax
    assert np.abs(right - left)[:, 1].max() < 1
    assert other.strength == state.strength
    # towards the head, lamp and eyes point as before
    for one in (state, other):
        assert one.light.x - np.tan(one.pose.yaw) == pytest.approx(
            state.light.x - np.tan(state.pose.yaw)
        )
        assert one.gaze[0] - one.pose.yaw == pytest.approx(0.25)
