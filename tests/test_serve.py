"""`drml serve`: what it answers, and its page in a headless Chromium with a webcam."""

import json
import socket
import threading
import urllib.error
import urllib.request
from zlib import crc32

import cv2
import numpy as np
import pytest
import skimage.data
from browser import CHROMIUM, browsing

from data_prep.aus import BP4D_AUS
from data_prep.base import UserError, read_json, write_json
from drml.predict import Detector, serve
from drml.predict.serve import HOST, Server
from drml.predict.trained import NOTICE

FAKE_CAMERA = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--use-file-for-fake-video-capture",
)


@pytest.fixture
def served(weights):
    """A server at work, of a net that was trained on drawings."""
    record = weights.parent / "net_model.json"
    write_json(record, read_json(record, "") | {"generated": True})
    with Server(Detector(weights=weights), 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(server, path, body=None, **headers):
    request = urllib.request.Request(server.address + path, body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def refused(server, path, body=None, **headers):
    with pytest.raises(urllib.error.HTTPError) as error:
        asked(server, path, body, **headers)
    error.value.close()
    return error.value.code


def png(image):
    return cv2.imencode(".png", image)[1].tobytes()


def photo():
    return skimage.data.astronaut()[:256, 100:356, ::-1]


def test_a_picture_is_answered_as_predict_does(served):
    (face,) = json.loads(asked(served, "look", png(photo())))["faces"]
    (wanted,) = served.detector.look(photo().copy())
    assert np.abs(np.array(face["scores"]) - wanted.scores).max() < 1e-4
    assert np.abs(np.array(face["points"]) - wanted.face.landmarks_68).max() < 0.06
    about = json.loads(asked(served, "about"))
    assert [au for au, _ in about["aus"]] == list(BP4D_AUS)
    assert about["notice"] == NOTICE


def test_a_stream_keeps_a_faces_number(served):
    somebody, nobody = png(photo()), png(np.full((256, 256, 3), 90, np.uint8))

    def numbers(name, body):
        answer = json.loads(asked(served, f"look?stream={name}", body))
        return [face["number"] for face in answer["faces"]]

    assert [numbers("a", frame) for frame in (somebody, nobody, somebody)] == [
        [0], [], [0],
    ]  # fmt: skip
    assert numbers("b", somebody) == [0]
    for name in "cdef":
        assert numbers(name, nobody) == []
    assert list(served.streams) == list("cdef")  # no more are remembered


def test_what_is_refused(served):
    assert refused(served, "other") == 404
    assert refused(served, "other", b"x") == 404
    assert refused(served, "look", b"text") == 415
    assert refused(served, "look", b"") == 413
    body = png(photo())
    assert refused(served, "look", body, Origin="http://elsewhere.example") == 403
    assert refused(served, "", Host="elsewhere.example") == 403
    assert asked(served, "", Host=f"localhost:{served.server_port}")
    assert served.server_address[0] == HOST == "127.0.0.1"


def test_no_more_is_read_than_a_picture(served, monkeypatch):
    """Nor unfolded: a PNG of a megabyte can have a thousand million pixels."""
    monkeypatch.setattr(serve, "LARGEST", 1000)
    assert refused(served, "look", b"x" * 1001) == 413
    monkeypatch.setattr(serve, "LARGEST", 10**6)
    head = (20_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    chunk = b"IHDR" + head
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + crc32(chunk).to_bytes(4, "big")
    assert refused(served, "look", bomb + b"\0\0\0\0IDAT") == 413
    assert refused(served, "look", png(photo())[:40]) == 415  # cut off
    for length, status in {"-1": 411, "x": 411, "9" * 5000: 413}.items():
        assert refused(served, "look", b"x", **{"Content-Length": length}) == status


def test_who_says_nothing_is_dropped(served, monkeypatch):
    """So that a connection that a browser opened ahead holds up nobody for long."""
    monkeypatch.setattr(serve.Handler, "timeout", 0.2)
    head = f"POST /look HTTP/1.0\r\nHost: {HOST}:{served.server_port}\r\n"
    for said in ("", head, f"{head}Content-Length: 9\r\n\r\n12345678"):
        with socket.create_connection(served.server_address) as silent:
            silent.sendall(said.encode())
            assert json.loads(asked(served, "about"))["aus"]


def test_a_port_that_is_taken(served):
    with pytest.raises(UserError, match="cannot be used .*: give --port"):
        Server(served.detector, served.server_port)


def fake_camera(file):
    """Write a Y4M video of the photo, which Chromium takes for a webcam's."""
    image = np.ascontiguousarray(photo())
    frame = b"FRAME\n" + cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).tobytes()
    file.write_bytes(b"YUV4MPEG2 W256 H256 F5:1 Ip A1:1 C420jpeg\n" + 5 * frame)
    return file


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_page_shows_a_webcam_and_a_picture(served, tmp_path):
    camera = fake_camera(tmp_path / "camera.y4m")
    options = (*FAKE_CAMERA[:2], f"{FAKE_CAMERA[2]}={camera}")
    with browsing(tmp_path / "profile", *options) as browser:
        browser.open(served.address)
        said = "document.getElementById('notice').textContent"
        assert NOTICE in browser.until(said)
        browser.value("document.getElementById('camera').click()")
        browser.until("Number(document.body.dataset.frames) >= 3")
        seen = browser.value("document.getElementById('said').textContent")
        assert seen.startswith("1 face, ")
        names = "[...document.querySelectorAll('.au span:first-child')]"
        assert browser.value(f"{names}.length") == len(BP4D_AUS)
        assert "lip corner puller" in browser.value(f"{names}[6].textContent")

        picture = tmp_path / "two.png"
        cv2.imwrite(str(picture), np.hstack([photo(), photo()]))
        root = browser.call("DOM.getDocument")["root"]["nodeId"]
        field = browser.call("DOM.querySelector", nodeId=root, selector="#file")
        browser.call(
            "DOM.setFileInputFiles", files=[str(picture)], nodeId=field["nodeId"]
        )
        browser.until("document.getElementById('said').textContent === '2 faces'")
        assert browser.value("document.getElementById('canvas').width") == 512
        browser.screenshot(tmp_path / "page.png")
        assert cv2.imread(str(tmp_path / "page.png")).std() > 20
