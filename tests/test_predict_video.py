"""`drml predict` on videos that are made here, of a face in a photo."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data
from command import ran, status_of

from data_prep.base import UserError, read_json, write_json
from drml.predict import Detector, annotate, video
from drml.predict.annotate import annotated_frames, write_video
from drml.predict.trained import NOTICE
from drml.predict.video import Frames, analyse

SIZE = 320, 180
FRAMES, RATE = 24, 25


def images(frames=FRAMES):
    """A face that moves; a smaller one from frame 9 on; nobody in 15 and 16."""
    photo = skimage.data.astronaut()[:, :, ::-1]
    for number in range(1, frames + 1):
        shift = np.array([[0.9, 0, number - 140.0], [0, 0.9, -15.0]])
        image = cv2.warpAffine(photo, shift, SIZE)
        if number >= 9:
            small = cv2.resize(photo[40:200, 150:310], (90, 90))
            image[60:150, 200:290] = small
        yield np.full_like(image, 90) if number in (15, 16) else image


def film(file, code="mp4v", frames=FRAMES):
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*code), RATE, SIZE)
    for image in images(frames):
        writer.write(image)
    writer.release()
    return file


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture
def detector(weights):
    return Detector(weights=weights)


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(video, "CHUNK", 8)


def test_faces_keep_their_numbers(detector, clip, tmp_path):
    analyse(detector, str(clip), tmp_path / "clip.csv")
    table = pd.read_csv(tmp_path / "clip.csv")
    assert list(table)[:5] == "frame face_id timestamp confidence success".split()
    seen = table[table["success"] == 1].groupby("face_id")["frame"].agg(set)
    empty = {15, 16}
    assert seen[0] == set(range(1, FRAMES + 1)) - empty
    assert set(range(13, FRAMES + 1)) - empty <= seen[1] <= set(range(9, FRAMES + 1))
    assert list(seen.index) == [0, 1]
    assert table.loc[table["success"] == 0, "frame"].tolist() == [15, 16]
    assert table.loc[table["success"] == 0, "AU12_p"].isna().all()
    first = table[table["face_id"] == 0].set_index("frame")
    assert first["x_30"].loc[12] - first["x_30"].loc[2] == pytest.approx(10, abs=1)
    times = table.drop_duplicates("frame")["timestamp"]
    assert np.abs(times - np.arange(FRAMES) / RATE).max() < 1e-3


def test_a_frame_scores_as_a_picture_does(detector, clip, tmp_path):
    """Where the mesh was just fitted anew, as it is on a still: frame 1."""
    frame = next(iter(Frames(str(clip)))).image
    cv2.imwrite(str(tmp_path / "frame.png"), frame)
    still = detector.predict(tmp_path / "frame.png")
    moving = detector.predict(clip)
    assert (moving["file"] == str(clip)).all()
    for name in ("x_8", "AU12_p"):
        assert moving[name][0] == pytest.approx(still[name][0], abs=1e-6)
    both = detector.predict(tmp_path / "frame.png", clip)
    assert len(both) == len(still) + len(moving)


class KilledError(Exception):
    pass


def test_a_killed_run_goes_on(detector, clip, tmp_path, short_chunks):
    analyse(detector, str(clip), tmp_path / "whole.csv")
    done, csv = [], tmp_path / "killed.csv"

    def kill(frames):
        done.append(frames)
        if sum(done) == 16:
            raise KilledError

    with pytest.raises(KilledError):
        analyse(detector, str(clip), csv, kill)
    assert not csv.exists()
    with (tmp_path / ".killed.csv.part").open("ab") as part:
        part.write(b"17,0,0.64,half a li")  # what a kill may leave
    done.clear()
    analyse(detector, str(clip), csv, done.append)
    assert done == [16, 8]
    assert csv.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    done.clear()
    analyse(detector, str(clip), csv, done.append)  # there is nothing left to do
    assert done == []


def test_another_net_begins_anew(detector, clip, tmp_path, short_chunks):
    csv = tmp_path / "clip.csv"
    analyse(detector, str(clip), csv)
    record = tmp_path / ".clip.json"
    about = read_json(record, "")
    about["made with"]["AUs"] = [1]
    write_json(record, about)
    done = []
    analyse(detector, str(clip), csv, done.append)
    assert done == [0, 8, 8, 8]


# ---- What files say of themselves


def with_box(content: bytes, kind: bytes, change) -> bytes:
    """Change the content of an MP4's box, and the sizes of those that it lies in."""
    at = content.index(kind) - 4
    (size,) = struct.unpack(">I", content[at : at + 4])
    new = change(content[at + 8 : at + size])
    result = content[:at] + struct.pack(">I", len(new) + 8) + kind + new
    result += content[at + size :]
    for outer in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        start = result.index(outer) - 4
        (length,) = struct.unpack(">I", result[start : start + 4])
        if start < at < start + length:
            longer = struct.pack(">I", length + len(new) + 8 - size)
            result = result[:start] + longer + result[start + 4 :]
    return result


def test_time_stamps_of_a_rate_that_varies(clip, tmp_path):
    """The second half at four times the rate."""

    def faster(times: bytes) -> bytes:
        version, _, count, delta = struct.unpack(">IIII", times)
        half = count // 2
        return struct.pack(">IIIIII", version, 2, half, delta, count - half, delta // 4)

    varied = tmp_path / "varied.mp4"
    varied.write_bytes(with_box(clip.read_bytes(), b"stts", faster))
    times = [frame.timestamp for frame in Frames(str(varied))]
    half = FRAMES // 2
    wanted = [*range(half), *(half + np.arange(half) / 4)]
    assert np.abs(np.array(times) - np.array(wanted) / RATE).max() < 2e-3


def test_a_turned_video_lies_as_its_file_says(detector, clip, tmp_path):
    def turned(header: bytes) -> bytes:
        quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
        return header[:40] + quarter + header[76:]

    file = tmp_path / "turned.mp4"
    file.write_bytes(with_box(clip.read_bytes(), b"tkhd", turned))
    frame = next(iter(Frames(str(file)))).image
    assert frame.shape[:2] == (SIZE[0], SIZE[1])  # upright now
    plain = next(iter(Frames(str(clip)))).image
    assert np.abs(cv2.rotate(plain, cv2.ROTATE_90_CLOCKWISE) - 1.0 * frame).mean() < 1


# ---- The command


def test_the_command_writes_tables_a_report_and_a_film(place, weights, clip, tmp_path):
    record = weights.parent / "net_model.json"
    write_json(record, read_json(record, "") | {"generated": True})
    photo, out = place / "pictures" / "astronaut.png", tmp_path / "out"
    result = ran(
        "predict", photo, clip, "--weights", weights, "--out", out,
        "--annotate", "--format", "fex",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    name = f"{clip.parent.name}-clip"
    table, fex = (pd.read_csv(out / f"{name}.{kind}") for kind in ("csv", "fex.csv"))
    assert (fex["frame"] == table["frame"] - 1).all()
    assert (fex["face_id"] == table["face_id"]).all()
    assert (table["trained_on"] == NOTICE).all()

    film = out / f"{name}.mp4"
    assert b"avc1" in film.read_bytes()  # H.264
    assert_annotated(film)

    report = (out / "report.html").read_text()
    assert NOTICE in report
    assert "face 1" not in report.split("<svg")[0]
    for said in ("clip.mp4", f"<td>{FRAMES}, 0.9 s</td>", "data:image/svg+xml"):
        assert said in report
    assert 'src="http' not in report


def test_some_annotated_frames_are_those_of_all(detector, clip, tmp_path):
    csv, aus = tmp_path / "clip.csv", detector.aus
    analyse(detector, str(clip), csv)
    every = {n: image for n, _, image in annotated_frames(str(clip), csv, aus, "")}
    some = {n: i for n, _, i in annotated_frames(str(clip), csv, aus, "", {2, 15, 24})}
    assert list(some) == [2, 15, 24]
    assert all((image == every[n]).all() for n, image in some.items())


def assert_annotated(film):
    frames = list(Frames(str(film)))
    assert len(frames) == FRAMES
    times = np.array([frame.timestamp for frame in frames])
    assert np.abs(times - np.arange(FRAMES) / RATE).max() < 2e-3
    panels = frames[20].image[:, -400:]  # of both faces
    assert (panels[:40].min(axis=2) < 120).any()
    assert (frames[20].image[-10:, :, 2] > 150).mean() > 0.8  # the notice's strip


def test_an_annotated_video_without_pyav(detector, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(annotate, "av", None)
    csv = tmp_path / "clip.csv"
    analyse(detector, str(clip), csv)
    film = write_video(str(clip), csv, detector.aus, NOTICE, lambda frames: None)
    assert film == tmp_path / "clip.webm"
    assert_annotated(film)


def test_a_video_that_is_cut_off(weights, tmp_path):
    file = film(tmp_path / "clip.avi", "MJPG", 10)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    options = ("--weights", weights, "--out", tmp_path / "out")
    result = ran("predict", file, *options)
    assert result.returncode == 0, result.stderr
    assert "of 10 frames: is it cut off?" in result.stderr
    file.write_bytes(file.read_bytes()[:100])
    result = ran("predict", file, "--weights", weights, "--out", tmp_path / "none")
    assert result.returncode == 1
    assert f"{file} is no video that OpenCV reads" in result.stderr


def test_a_video_without_a_face(weights, tmp_path):
    file = str(tmp_path / "grey.avi")
    writer = cv2.VideoWriter(file, cv2.VideoWriter_fourcc(*"MJPG"), RATE, SIZE)
    for _ in range(3):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
    writer.release()
    options = ("--weights", weights, "--out", tmp_path / "out")
    assert status_of("predict", file, *options) == 0
    assert "No face was found in" in (tmp_path / "out" / "report.html").read_text()


def test_no_camera(detector):
    with pytest.raises(UserError, match="camera 77 cannot be opened"):
        detector.predict("77")
    assert not Path("77").exists()
