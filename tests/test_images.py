"""Reading frames: images, shrunk or whole, and videos."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_bp4d as tiny
import tiny_disfa

from data_prep import registered_faces
from data_prep.base import DamagedFileError, HeldBackError
from data_prep.dataset import FaceFrame, Frame
from data_prep.images import FrameReader, Video, encode_jpeg, read_image
from data_prep.registration import (
    mean_shape,
    register,
    shrinking,
    shrunk,
    similarity,
)

XVID = Path(__file__).parent / "data" / "xvid_b_frames.avi"  # see test_disfa.py


@pytest.fixture
def video(tmp_path) -> Path:
    """Twelve frames, each of a grey of its own."""
    grey = [np.full((48, 64, 3), 20 * k, np.uint8) for k in range(12)]
    tiny_disfa.write_video(tmp_path / "video.avi", grey)
    return tmp_path / "video.avi"


def level(image: np.ndarray) -> int:
    return round(image.mean() / 20)


def test_every_frame_of_a_video_is_the_one_asked_for(video):
    reader = Video(str(video))
    assert [level(reader.read(k)) for k in (0, 1, 4, 5, 11)] == [0, 1, 4, 5, 11]


def test_going_back_in_a_video_is_a_fault(video):
    reader = Video(str(video))
    reader.read(3)
    with pytest.raises(AssertionError, match="in order"):
        reader.read(3)


def test_a_video_that_ends_is_named(video):
    with pytest.raises(DamagedFileError, match="frame 14 cannot .* only 12 can"):
        Video(str(video)).read(13)


@pytest.mark.parametrize("lost", [0, 1, 7, 11])
@pytest.mark.parametrize("spoil", ["emptied", "overwritten"])
def test_a_lost_frame_is_not_replaced_by_the_next(video, lost, spoil):
    tiny_disfa.lose_frame(video, lost, spoil)
    reader = Video(str(video))
    assert [level(reader.read(k)) for k in range(lost)] == list(range(lost))
    with pytest.raises(DamagedFileError, match=f"frame {lost + 1} cannot"):
        reader.read(lost)


@pytest.mark.parametrize("codec", ["XVID", "mpg2"])  # mpg2 looks a frame ahead
def test_whole_videos_of_other_codecs_are_read(tmp_path, codec):
    grey = [np.full((48, 64, 3), 20 * k, np.uint8) for k in range(12)]
    file = tmp_path / "video.avi"
    tiny_disfa.write_video(file, grey, codec)
    reader = Video(str(file))
    assert [level(reader.read(k)) for k in range(12)] == list(range(12))


def test_a_video_with_b_frames_keeps_its_numbers_and_its_last_frames(tmp_path):
    """XviD's is some frames late and lacks some at its end, none at its start."""
    reader = Video(str(XVID))
    rng = np.random.default_rng([*b"SN001"])
    for number in range(5):
        x, y = np.rint(tiny.landmarks(rng)[tiny.MARKER]).astype(int)
        image = reader.read(number)
        assert image[y, x].min() > 200
        assert image[y - 30, x].max() < 100
    with pytest.raises(HeldBackError, match="holds back the last 1 of 6 frames"):
        reader.read(5)
    damaged = tmp_path / "damaged.avi"
    shutil.copy(XVID, damaged)
    tiny_disfa.lose_frame(damaged, 0, "emptied")
    with pytest.raises(DamagedFileError, match="frame 1 cannot be decoded"):
        Video(str(damaged)).read(0)


def test_a_reader_goes_from_video_to_video_and_image(video, tmp_path):
    other = video.with_name("other.avi")
    other.write_bytes(video.read_bytes())
    cv2.imwrite(str(tmp_path / "x.png"), np.full((8, 8, 3), 200, np.uint8))
    reader = FrameReader()
    frames = [Frame(str(video), 2), Frame(str(video), 3), Frame(str(other), 1)]
    assert [level(reader.read(frame, 1)) for frame in frames] == [2, 3, 1]
    assert reader.read(Frame(str(tmp_path / "x.png")), 1).mean() == 200


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("content", [b"", b"\xff\xd8", None])
def test_what_is_no_whole_image_is_refused(tmp_path, suffix, content):
    file = tmp_path / f"face.{suffix}"
    tiny.write_image(file, mean_shape(200))
    whole = file.read_bytes()
    assert read_image(str(file)).shape == (tiny.HEIGHT, tiny.WIDTH, 3)
    file.write_bytes(whole[:-60] if content is None else content)
    with pytest.raises(DamagedFileError, match="is not a whole JPEG or PNG image"):
        read_image(str(file))


@pytest.mark.parametrize(
    ("times", "shrink"), [(0.5, 1), (1.9, 1), (3.9, 1), (4.1, 2), (8.5, 4), (40, 8)]
)
def test_frames_are_shrunk_no_further_than_the_face_needs(times, shrink):
    assert shrinking(mean_shape(100) * times, 100) == shrink


def test_a_shrunk_frame_gives_the_same_face(tmp_path):
    """Not exactly; a quarter of a pixel of shift would make three times the change."""
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (87, 65, 3)).astype(np.uint8)
    image = cv2.resize(noise, (1040, 1392), interpolation=cv2.INTER_CUBIC)
    points = (4 * tiny.landmarks(rng)).astype(np.float32)
    file = str(tmp_path / "large.jpg")
    cv2.imwrite(file, image, [cv2.IMWRITE_JPEG_QUALITY, 98])
    whole = register(read_image(file), points, 100)
    assert shrinking(points, 50) == 4
    for times in (2, 4):
        frame, marks = read_image(file, times), shrunk(points, times)
        small = difference(register(frame, marks, 100), whole)
        scale = np.hypot(*similarity(marks, mean_shape(100))[:, 0])
        moved = np.add(marks, (0.25 / scale, 0))
        assert 3 * small < difference(register(frame, moved, 100), whole)


@pytest.mark.parametrize(("scale", "times"), [(0.249, 2), (0.124, 4)])
def test_a_shrunk_frame_keeps_the_detail_of_the_face(tmp_path, scale, times):
    """Blur must not depend on how far a face is from the camera.

    Detail of all sizes, as skin and hair have it (amplitude 1 / frequency), which the
    enlarged noise above has not: of decoding at a quarter 57% is left at 0.249.
    """
    rng = np.random.default_rng(2)
    waves = np.fft.rfft2(rng.normal(0, 1, (1392, 1040)))
    waves /= np.hypot(np.fft.fftfreq(1392)[:, None], np.fft.rfftfreq(1040)) + 1e-3
    grey = np.fft.irfft2(waves)
    grey = np.clip(127 + 40 * grey / grey.std(), 0, 255).astype(np.uint8)
    file = str(tmp_path / "skin.jpg")
    cv2.imwrite(file, cv2.merge([grey] * 3), [cv2.IMWRITE_JPEG_QUALITY, 95])
    points = mean_shape(100) / scale + (100, 200)
    shrink = shrinking(points, 100)
    assert shrink == times
    frame, marks = read_image(file, shrink), shrunk(points, shrink)
    left = detail(register(frame, marks, 100)) / detail(
        register(read_image(file), points, 100)
    )
    assert left > 0.8


def detail(face: np.ndarray) -> float:
    """Return the spread of the Laplacian."""
    return cv2.Laplacian(face[10:90, 10:90, 0], cv2.CV_64F).std()


def test_a_png_is_averaged_not_sampled(tmp_path):
    """Stripes finer than the face can show alias where pixels are skipped."""
    rng = np.random.default_rng(1)
    points = (4 * tiny.landmarks(rng)).astype(np.float32)
    image = np.zeros((1391, 1039, 3), np.uint8)
    image[:, ::8] = image[:, 3::8] = 255
    cv2.imwrite(str(tmp_path / "large.png"), image)
    face = FaceFrame("s", "s_1", Frame(str(tmp_path / "large.png")), points, np.ones(1))
    assert shrinking(points, 50) == 4
    ((_, content, detected),) = registered_faces.register_faces(
        [(b"k", face)], 50, jobs=1
    )
    assert detected is None
    assert content == encode_jpeg(register(image, points, 50))


@pytest.mark.parametrize("shrink", [1, 2])
def test_a_jpeg_is_turned_upright_by_its_exif_tag(tmp_path, shrink):
    """Orientation 6: the first row is the right side; shrunk or not alike."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[:16] = 255
    plain = encode_jpeg(image)
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + tag + bytes(4)
    app1 = b"Exif\0\0" + tiff
    head = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(app1) + 2)
    (tmp_path / "face.jpg").write_bytes(head + app1 + plain[2:])
    upright = read_image(str(tmp_path / "face.jpg"), shrink)
    assert upright.shape == (64 // shrink, 32 // shrink, 3)
    assert upright[:, 20 // shrink :].min() > 200


def difference(face: np.ndarray, other: np.ndarray) -> float:
    """Return the mean difference in grey levels."""
    return np.abs(face.astype(int) - other)[10:90, 10:90].mean()


def test_videos_are_read_in_order_however_faces_come(video):
    points = np.add(mean_shape(40), (12, 4)).astype(np.float32)
    labels = np.zeros(1, np.int8)
    order = np.random.default_rng(0).permutation(12)
    faces = [
        (
            bytes([k]),
            FaceFrame("s", f"s_{k}", Frame(str(video), int(k)), points, labels),
        )
        for k in order
    ]
    found = registered_faces.register_faces(faces, 40, jobs=1)
    results = {key: image for key, image, _ in found}
    for k in range(12):
        image = cv2.imdecode(np.frombuffer(results[bytes([k])], np.uint8), 1)
        assert level(image[15:25, 15:25]) == k


def test_a_picture_that_claims_a_billion_pixels_is_refused_at_once(tmp_path):
    """A JPEG of a few hundred bytes took 3 GB and many seconds."""
    content = bytearray(encode_jpeg(np.zeros((8, 8, 3), np.uint8)))
    size = content.index(b"\xff\xc0") + 5
    content[size : size + 4] = struct.pack(">HH", 60_000, 16_000)
    (tmp_path / "large.jpg").write_bytes(content)
    script = "from data_prep.images import read_image; read_image('large.jpg')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "is not a whole JPEG or PNG image (of 268,435,456 pixels" in done.stderr
