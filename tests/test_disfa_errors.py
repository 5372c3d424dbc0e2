"""Every mistake in a DISFA folder ends in one sentence that names it."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_bp4d
import tiny_disfa as tiny

from data_prep import disfa
from data_prep.base import UserError
from data_prep.face_lmdb import read_faces

PLAIN = ("--fold=1", "--jobs=1", "--size=32", "--sample=none")


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return tiny.write_dataset(tmp_path_factory.mktemp("disfa"))


@pytest.fixture
def root(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "root"))


@pytest.fixture
def refusal(root, tmp_path):
    """Return a function that runs the import and gives back its error's text."""

    def run(*options: str, root: Path = root) -> str:
        out = tmp_path / "out"
        with pytest.raises(UserError) as error:
            disfa.main([str(root), f"--out={out}", *PLAIN, *options])
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
def test_a_missing_part_is_named(root, refusal, folder, complaint):
    shutil.rmtree(root / folder)
    assert complaint in refusal()


def test_images_are_the_right_cameras_only_where_they_are_called_so(root, refusal):
    tiny.move_to_images(root, "Images/{subject}", 1)
    assert "has no video of the right camera" in refusal("--camera=right", "--dry-run")


def test_a_frame_offset_is_of_images(root, refusal):
    assert f"--frame-offset is of images, but {root} has videos" in refusal(
        "--frame-offset=-1"
    )


def test_bp4d_is_recognised(tmp_path, refusal):
    other = tmp_path / "bp4d"
    tiny_bp4d.write_sequence(other, "F001", 1, range(1, 2))
    assert "it looks like BP4D: use data_prep/bp4d.py" in refusal(root=other)


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
def test_bad_codes(root, refusal, line, complaint):
    file = tiny.code_file(root, "SN001", 4)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], line, *lines[2:]]))
    assert f"{file}, {complaint}" in refusal()


def test_a_missing_file_of_codes(root, refusal):
    tiny.code_file(root, "SN006", 9).unlink()
    assert f"{root / tiny.LABELS / 'SN006'} has no SN006_au9.txt" in refusal()


@pytest.mark.parametrize("name", ["LeftVideoSN001.avi", "leftvideosn001_Comp.AVI"])
def test_two_videos_of_a_subject(root, refusal, name):
    file = tiny.video(root, "SN001")
    shutil.copy(file, file.with_name(name))
    message = refusal()
    assert str(file) in message
    assert str(file.with_name(name)) in message
    assert "are both subject SN001: remove one" in message


@pytest.mark.parametrize("part", [tiny.LABELS, tiny.LANDMARKS])
def test_two_folders_of_a_subject(root, refusal, part):
    shutil.copytree(root / part / "SN001", root / part / "sn001")
    folders = f"{root / part / 'SN001'} and {root / part / 'sn001'}"
    assert f"{folders} are both subject SN001: remove one" in refusal()


@pytest.mark.parametrize("name", ["l00002_lm.mat", "deep/SN001_0001_lm.mat"])
def test_two_landmark_files_of_a_frame(root, refusal, name):
    file = tiny.landmark_file(root, "SN001", 2)
    (file.parent / name).parent.mkdir(exist_ok=True)
    shutil.copy(file, file.parent / name)
    assert "are both SN001's frame 2: remove one" in refusal()


def test_two_files_of_codes_of_an_au(root, refusal):
    file = tiny.code_file(root, "SN001", 4)
    shutil.copy(file, file.with_name("SN001_AU04.txt"))
    assert "are both SN001's AU 4: remove one" in refusal()


@pytest.mark.parametrize("kind", ["codes", "landmarks"])
def test_files_of_another_subject(root, refusal, kind):
    where = tiny.code_file if kind == "codes" else tiny.landmark_file
    file, other = where(root, "SN001", 4), where(root, "SN003", 4)
    file.unlink()
    shutil.copy(other, file.with_name(other.name))
    message = refusal()
    assert f"{file.with_name(other.name)} lies in SN001's folder" in message
    assert "but is SN003's by its name" in message


def test_landmarks_of_another_shape(root, refusal):
    file = tiny.landmark_file(root, "SN001", 2)
    tiny.savemat(file, {"pts": np.ones((68, 2))})
    assert f"{file}: pts has shape (68, 2) where 66 x 2 are wanted" in refusal()


@pytest.mark.parametrize("spoil", ["text", "cut", "other"])
def test_landmarks_of_another_format(root, refusal, spoil):
    file = tiny.landmark_file(root, "SN001", 2)
    if spoil == "other":
        tiny.savemat(file, {"points": np.ones((66, 2))})
    else:
        file.write_bytes(b"66 points" if spoil == "text" else file.read_bytes()[:200])
    assert f"{file} is no MATLAB file with `pts`" in refusal()


def test_landmarks_that_are_still_packed(root, refusal):
    folder = tiny.landmark_file(root, "SN001", 1).parent
    shutil.rmtree(folder)
    archive = folder.with_suffix(".zip")
    archive.write_bytes(b"PK")
    assert f"{archive} is still packed: unzip it where it lies" in refusal()


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_a_file_that_is_no_video(root, refusal, content):
    file = tiny.video(root, "SN001")
    file.write_bytes(content)
    assert f"{file} is no video that OpenCV reads" in refusal()


def test_unreadable_files_are_left_out_on_request(root, tmp_path, capsys):
    video, mat = tiny.video(root, "SN001"), tiny.landmark_file(root, "SN002", 2)
    video.write_bytes(b"")
    mat.write_bytes(b"")
    disfa.main([str(root), f"--out={tmp_path}", *PLAIN, "--on-damaged=skip"])
    shown = capsys.readouterr().out
    assert f"left out: {video} is no video" in shown
    assert f"left out: {mat} is no MATLAB file" in shown
    written = json.loads((tmp_path / "fold1" / "dataset.json").read_text())
    assert written["left_out"]["no image"] == tiny.FRAMES
    assert written["left_out"]["no landmarks"] == 1
    assert written["splits"]["test"]["faces"] == tiny.FRAMES - 1


def test_a_video_that_is_cut_off(root, refusal, tmp_path, capfd):
    file = tiny.video(root, "SN001")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    message = refusal()
    whole = int(re.search(r"cannot be decoded, only (\d) can", message)[1])
    assert 0 < whole < tiny.FRAMES
    assert f"{file}: frame {whole + 1} cannot" in message
    assert "--on-damaged skip" in message

    skipping = [str(root), f"--out={tmp_path / 'skip'}", *PLAIN, "--on-damaged=skip"]
    disfa.main(skipping)
    folder = tmp_path / "skip" / "fold1"
    assert capfd.readouterr().err.count(str(file)) == 1
    left_out = json.loads((folder / "dataset.json").read_text())["left_out"]
    assert left_out["unreadable image"] == tiny.FRAMES - whole
    names = [key[9:] for key, *_ in read_faces(folder / "test_lmdb")]
    kept = [f"SN001_{frame:04d}" for frame in range(1, whole + 1)]
    assert names[: whole + 1] == [*kept, "SN002_0001"]


def test_a_video_that_lost_a_frame(root, refusal, tmp_path):
    """Even where the codes are so short that the last one has an image still."""
    file = tiny.video(root, "SN001")
    tiny.lose_frame(file, 2, "emptied")
    for au in tiny.AUS:
        codes = tiny.code_file(root, "SN001", au)
        codes.write_text("".join(codes.read_text().splitlines(True)[:-1]))
    assert f"{file}: frame 3 cannot be decoded, only 2 can" in refusal()
    disfa.main([str(root), f"--out={tmp_path}", *PLAIN, "--on-damaged=skip"])
    names = [key[9:] for key, *_ in read_faces(tmp_path / "fold1" / "test_lmdb")]
    assert names[:3] == ["SN001_0001", "SN001_0002", "SN002_0001"]


def test_a_mean_of_another_size(root, refusal, tmp_path):
    disfa.main([str(root), f"--out={tmp_path}", *PLAIN])
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
