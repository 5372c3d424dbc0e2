"""Reading DISFA, on a tiny copy of its layout and formats: what is accepted, and what
ends in one sentence that names it.
"""

import json
import re
import shutil
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import tiny_bp4d
import tiny_disfa as tiny
from tiny_bp4d import MARKER, mean_shape

from data_prep import disfa
from data_prep.aus import DISFA_AUS
from data_prep.base import UserError
from data_prep.disfa import Layout, tracking_failures
from data_prep.face_lmdb import read_faces
from data_prep.folds import split_subjects

SPLITS = ("train", "val", "test")
# SN001's six frames of tiny_disfa, by ffmpeg -i %02d.png -c:v libxvid -bf 1 -q:v 4: a
# recorded file, since OpenCV's own writer makes no B-frames.
XVID = Path(__file__).parent / "data" / "xvid_b_frames.avi"


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
    assert "none of the right camera: a mesh finds them" in shown


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
    monkeypatch.setattr("data_prep.disfa.tracking_failures", lambda: lost)
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
    over = "SN002: 1 images of frames that are not coded are left out: frame 6 of Left"
    assert over in shown


def test_a_landmark_file_too_many_is_named(own_root, capsys):
    for subject, frame in (("SN001", tiny.FRAMES + 1), ("SN002", 99)):
        last = tiny.landmark_file(own_root, subject, tiny.FRAMES)
        shutil.copy(last, tiny.landmark_file(own_root, subject, frame))
    disfa.main([str(own_root), "--jobs=1", "--dry-run"])
    shown = capsys.readouterr().out
    said = "1 landmark files of frames that are not coded are left out"
    assert f"SN001: {said}: SN001_0006_lm.mat\n" in shown
    assert f"SN002: {said}: l00099_lm.mat\n" in shown


def test_parts_in_trees_of_their_own(own_root, imported, tmp_path):
    for part, name in ("frames", tiny.VIDEOS), ("landmarks", tiny.LANDMARKS):
        (tmp_path / part).mkdir()
        (own_root / name).rename(tmp_path / part / name)
    options = [f"--{part}={tmp_path / part}" for part in ("frames", "landmarks")]
    assert labels(run_import(own_root, tmp_path / "out", *options)) == labels(imported)


def test_folders_of_frames_that_are_called_like_videos(own_root, imported, tmp_path):
    """As some scripts leave them: LeftVideoSN001_comp.avi/frame-1.jpg."""
    tiny.move_to_images(
        own_root, f"{tiny.VIDEOS}/frames/LeftVideo{{subject}}_comp.avi", 1
    )
    for image in (own_root / tiny.VIDEOS).rglob("*.png"):
        image.rename(image.with_name(f"frame-{image.stem.split('_')[1]}.png"))
    folder = run_import(own_root, tmp_path)
    assert labels(folder) == labels(imported)


def test_a_video_in_xvid_with_b_frames(own_root, tmp_path, capfd):
    """Its frames are where they belong, but for the last, which the codec holds."""
    shutil.copy(XVID, tiny.video(own_root, "SN001"))
    folder = run_import(own_root, tmp_path)
    (lost,) = set(expected()) - set(labels(folder))
    assert lost == "SN001_0006"
    assert summary(folder)["left_out"]["unreadable image"] == 1
    assert "holds back the last 1 of 6 frames" in capfd.readouterr().err
    x, y = np.rint(mean_shape(200)[MARKER]).astype(int)
    for _, image, _ in read_faces(folder / "test_lmdb"):
        assert image[y, x].min() > 200
        assert image[y - 30, x].max() < 100


@pytest.mark.parametrize("threshold", [1, 3])
def test_intensities_lie_beside_the_labels(root, tmp_path, threshold):
    options = ("--size=32", f"--threshold={threshold}", "--train-folds=2")
    folder = run_import(root, tmp_path, *options)
    columns = [tiny.AUS.index(au) for au in DISFA_AUS]
    for split in SPLITS:
        keys = [key for key, *_ in read_faces(folder / f"{split}_lmdb")]
        expected = [
            tiny.intensities(subject)[int(frame) - 1, columns]
            for subject, frame in (key[9:].split("_") for key in keys)
        ]
        assert np.array_equal(np.load(folder / f"{split}_intensities.npy"), expected)


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


# What is refused

PLAIN = ("--fold=1", "--jobs=1", "--size=32", "--sample=none")


@pytest.fixture
def refusal(own_root, tmp_path):
    """Return a function that runs the import and gives back its error's text."""

    def run(*options: str, root: Path | None = None) -> str:
        out = tmp_path / "out"
        with pytest.raises(UserError) as error:
            disfa.main([str(root or own_root), f"--out={out}", *PLAIN, *options])
        assert not (out / "fold1" / "dataset.json").exists()
        assert "\n" not in str(error.value)
        return str(error.value)

    return run


@pytest.mark.parametrize(
    ("folder", "complaint"),
    [
        (tiny.LABELS, "has no folder of AU codes (SN001/SN001_au1.txt)"),
        (tiny.VIDEOS, "has no video of the left camera (LeftVideoSN001_comp.avi)"),
    ],
)
def test_a_missing_part_is_named(own_root, refusal, folder, complaint):
    shutil.rmtree(own_root / folder)
    assert complaint in refusal()


def test_images_are_the_right_cameras_only_where_they_are_called_so(own_root, refusal):
    tiny.move_to_images(own_root, "Images/{subject}", 1)
    assert "has no video of the right camera" in refusal("--camera=right", "--dry-run")


def test_a_frame_offset_is_of_images(own_root, refusal):
    assert f"--frame-offset is of images, but {own_root} has videos" in refusal(
        "--frame-offset=-1"
    )


def test_bp4d_is_recognised(tmp_path, refusal):
    other = tmp_path / "bp4d"
    tiny_bp4d.write_sequence(other, "F001", 1, range(1, 2))
    assert "it looks like BP4D: `drml import bp4d`" in refusal(root=other)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1,7", "line 2: intensity '7' is no whole number from 0 to 5"),
        ("1,-1", "line 2: intensity '-1'"),
        ("one,1", "line 2 is no `frame,intensity`: 'one,1'"),
        ("0,1", "line 2 is no `frame,intensity`: '0,1'"),
        ("2 1", "line 2 is no `frame,intensity`"),
        ("1,1,1", "line 2 is no `frame,intensity`"),
        ("1,1", "line 2: frame 1 is coded twice"),
    ],
)
def test_bad_codes(own_root, refusal, line, complaint):
    file = tiny.code_file(own_root, "SN001", 4)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], line, *lines[2:]]))
    assert f"{file}, {complaint}" in refusal()


def test_a_missing_file_of_codes(own_root, refusal):
    tiny.code_file(own_root, "SN006", 9).unlink()
    assert f"{own_root / tiny.LABELS / 'SN006'} has no SN006_au9.txt" in refusal()


@pytest.mark.parametrize("name", ["LeftVideoSN001.avi", "leftvideosn001_Comp.AVI"])
def test_two_videos_of_a_subject(own_root, refusal, name):
    file = tiny.video(own_root, "SN001")
    shutil.copy(file, file.with_name(name))
    message = refusal()
    assert str(file) in message
    assert str(file.with_name(name)) in message
    assert "are both subject SN001: remove one" in message


@pytest.mark.parametrize("part", [tiny.LABELS, tiny.LANDMARKS])
def test_two_folders_of_a_subject(own_root, refusal, part):
    shutil.copytree(own_root / part / "SN001", own_root / part / "sn001")
    folders = f"{own_root / part / 'SN001'} and {own_root / part / 'sn001'}"
    assert f"{folders} are both subject SN001: remove one" in refusal()


@pytest.mark.parametrize("name", ["l00002_lm.mat", "deep/SN001_0001_lm.mat"])
def test_two_landmark_files_of_a_frame(own_root, refusal, name):
    file = tiny.landmark_file(own_root, "SN001", 2)
    (file.parent / name).parent.mkdir(exist_ok=True)
    shutil.copy(file, file.parent / name)
    assert "are both SN001's frame 2: remove one" in refusal()


def test_two_files_of_codes_of_an_au(own_root, refusal):
    file = tiny.code_file(own_root, "SN001", 4)
    shutil.copy(file, file.with_name("SN001_AU04.txt"))
    assert "are both SN001's AU 4: remove one" in refusal()


@pytest.mark.parametrize("kind", ["codes", "landmarks"])
def test_files_of_another_subject(own_root, refusal, kind):
    where = tiny.code_file if kind == "codes" else tiny.landmark_file
    file, other = where(own_root, "SN001", 4), where(own_root, "SN003", 4)
    file.unlink()
    shutil.copy(other, file.with_name(other.name))
    message = refusal()
    assert f"{file.with_name(other.name)} lies in SN001's folder" in message
    assert "but is SN003's by its name" in message


def test_landmarks_of_another_shape(own_root, refusal):
    file = tiny.landmark_file(own_root, "SN001", 2)
    tiny.savemat(file, {"pts": np.ones((68, 2))})
    assert f"{file}: pts has shape (68, 2) where 66 x 2 are wanted" in refusal()


@pytest.mark.parametrize("spoil", ["text", "cut", "other"])
def test_landmarks_of_another_format(own_root, refusal, spoil):
    file = tiny.landmark_file(own_root, "SN001", 2)
    if spoil == "other":
        tiny.savemat(file, {"points": np.ones((66, 2))})
    else:
        file.write_bytes(b"66 points" if spoil == "text" else file.read_bytes()[:200])
    assert f"{file} is no MATLAB file with `pts`" in refusal()


def test_landmarks_that_are_still_packed(own_root, refusal):
    folder = tiny.landmark_file(own_root, "SN001", 1).parent
    shutil.rmtree(folder)
    archive = folder.with_suffix(".zip")
    archive.write_bytes(b"PK")
    assert f"{archive} is still packed: unzip it where it lies" in refusal()


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_a_file_that_is_no_video(own_root, refusal, content):
    file = tiny.video(own_root, "SN001")
    file.write_bytes(content)
    assert f"{file} is no video that OpenCV reads" in refusal()


def test_unreadable_files_are_left_out_on_request(own_root, tmp_path, capsys):
    video, mat = tiny.video(own_root, "SN001"), tiny.landmark_file(own_root, "SN002", 2)
    video.write_bytes(b"")
    mat.write_bytes(b"")
    disfa.main([str(own_root), f"--out={tmp_path}", *PLAIN, "--on-damaged=skip"])
    shown = capsys.readouterr().out
    assert f"left out: {video} is no video" in shown
    assert f"left out: {mat} is no MATLAB file" in shown
    written = json.loads((tmp_path / "fold1" / "dataset.json").read_text())
    assert written["left_out"]["no image"] == tiny.FRAMES
    assert written["left_out"]["no landmarks"] == 1
    assert written["splits"]["test"]["faces"] == tiny.FRAMES - 1


def test_a_video_that_is_cut_off(own_root, refusal, tmp_path, capfd):
    file = tiny.video(own_root, "SN001")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    message = refusal()
    whole = int(re.search(r"cannot be decoded, only (\d) can", message)[1])
    assert 0 < whole < tiny.FRAMES
    assert f"{file}: frame {whole + 1} cannot" in message
    assert "--on-damaged skip" in message

    skipping = [
        str(own_root),
        f"--out={tmp_path / 'skip'}",
        *PLAIN,
        "--on-damaged=skip",
    ]
    disfa.main(skipping)
    folder = tmp_path / "skip" / "fold1"
    assert capfd.readouterr().err.count(str(file)) == 1
    left_out = json.loads((folder / "dataset.json").read_text())["left_out"]
    assert left_out["unreadable image"] == tiny.FRAMES - whole
    names = [key[9:] for key, *_ in read_faces(folder / "test_lmdb")]
    kept = [f"SN001_{frame:04d}" for frame in range(1, whole + 1)]
    assert names[: whole + 1] == [*kept, "SN002_0001"]


def test_a_video_that_lost_a_frame(own_root, refusal, tmp_path):
    """Even where the codes are so short that the last one has an image still."""
    file = tiny.video(own_root, "SN001")
    tiny.lose_frame(file, 2, "emptied")
    for au in tiny.AUS:
        codes = tiny.code_file(own_root, "SN001", au)
        codes.write_text("".join(codes.read_text().splitlines(True)[:-1]))
    assert f"{file}: frame 3 cannot be decoded, only 2 can" in refusal()
    disfa.main([str(own_root), f"--out={tmp_path}", *PLAIN, "--on-damaged=skip"])
    names = [key[9:] for key, *_ in read_faces(tmp_path / "fold1" / "test_lmdb")]
    assert names[:3] == ["SN001_0001", "SN001_0002", "SN002_0001"]


def test_a_mean_of_another_size(own_root, refusal, tmp_path):
    disfa.main([str(own_root), f"--out={tmp_path}", *PLAIN])
    mean = tmp_path / "fold1" / "mean.binaryproto"
    message = refusal(f"--mean={mean}", "--size=40")
    assert f"{mean} is the mean of faces of 32 x 32 pixels, these have 40" in message


@pytest.mark.parametrize(
    "options", [["--threshold=0"], ["--threshold=6"], ["--camera=top"]]
)
def test_bad_usage_is_status_2(options):
    with pytest.raises(SystemExit) as error:
        disfa.main(["somewhere", "--fold=1", *options])
    assert error.value.code == 2
