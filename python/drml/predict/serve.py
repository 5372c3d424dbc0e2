"""A page on this machine that shows the AUs of a webcam, a picture or a video, live.

The browser sends frames to this server, at 127.0.0.1, and draws what it answers:

    GET  /       the page (serve.html)
    GET  /about  {"aus": [[1, "inner brow raiser"], ...], "net": ..., "notice": ...}
    POST /look   a JPEG or PNG -> {"faces": [{"number", "points", "scores"}, ...]};
                 /look?stream=NAME follows faces from frame to frame

Requests are answered one after another: a net takes one at a time.
"""

import json
from collections import OrderedDict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.base import UserError
from data_prep.detection import Face
from data_prep.images import decode_jpeg
from drml.nets.deploy import net_title
from drml.predict.detector import Detector
from drml.predict.tracking import Tracker

HOST = "127.0.0.1"
LARGEST = 32 * 2**20  # bytes of a picture
STREAMS = 4  # whose faces are remembered
PAGE = Path(__file__).with_name("serve.html")


class Server(HTTPServer):
    """Answers for one detector; UserError where the port is taken."""

    def __init__(self, detector: Detector, port: int):
        self.detector = detector
        self.streams: OrderedDict[str, Tracker] = OrderedDict()
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            raise UserError(
                f"port {port} of {HOST} cannot be used ({error.strerror}): give --port"
            ) from None

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/"

    def about(self) -> dict:
        detector = self.detector
        return {
            "aus": [[au, AU_NAMES[au]] for au in detector.aus],
            "net": net_title(detector.trained.net),
            "notice": detector.notice,
        }

    def look(self, image: np.ndarray, stream: str | None) -> dict:
        """Return the faces of a picture, or of the next frame of a stream."""
        if stream is None:
            seen = self.detector.look(image)
            return {"faces": [_face(s.number, s.face, s.scores) for s in seen]}
        tracker = self.streams.pop(stream, None) or Tracker()
        self.streams[stream] = tracker
        while len(self.streams) > STREAMS:
            self.streams.popitem(last=False)
        faces = tracker.follow(image)
        scores = self.detector.score(
            [self.detector.registered(image, face) for _, face in faces]
        )
        both = zip(faces, scores, strict=True)
        return {"faces": [_face(number, face, own) for (number, face), own in both]}


def _face(number: int, face: Face, scores: np.ndarray) -> dict:
    return {
        "number": number,
        "points": face.landmarks_68.round(1).tolist(),
        "scores": [round(float(score), 4) for score in scores],
    }


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:  # noqa: N802 (http.server's name)
        if not self._is_ours():
            return
        path = urlsplit(self.path).path
        if path == "/":
            self._answer(PAGE.read_bytes(), "text/html; charset=utf-8")
        elif path == "/about":
            self._answer_json(self.server.about())
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:  # noqa: N802
        if not self._is_ours():
            return
        where = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if where.path != "/look":
            self.send_error(HTTPStatus.NOT_FOUND)
        elif not 0 < length <= LARGEST:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif (image := decode_jpeg(self.rfile.read(length))) is None:
            self.send_error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no JPEG or PNG")
        else:
            stream = parse_qs(where.query).get("stream", [None])[0]
            self._answer_json(self.server.look(image, stream))

    def _is_ours(self) -> bool:
        """Refuse other sites' pages, whose scripts may reach this port, too."""
        host = f"{HOST}:{self.server.server_port}"
        names = {host, host.replace(HOST, "localhost")}
        origin = self.headers.get("Origin")
        same = origin is None or origin.removeprefix("http://") in names
        if self.headers.get("Host") in names and same:
            return True
        self.send_error(HTTPStatus.FORBIDDEN)
        return False

    def _answer_json(self, content: dict) -> None:
        self._answer(json.dumps(content).encode(), "application/json")

    def _answer(self, content: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        """Say nothing of each frame."""
