"""A page on this machine that shows the AUs of a webcam, a picture or a video, live.

The browser sends frames to this server, at 127.0.0.1, and draws what it answers:

    GET  /       the page (serve.html)
    GET  /about  {"aus": [[1, "inner brow raiser"], ...], "net": ..., "notice": ...}
    POST /look   a JPEG or PNG -> {"faces": [{"number", "points", "scores"}, ...]};
                 /look?stream=NAME follows faces from frame to frame

Requests are answered one after another: a net takes one at a time.
"""

import io
import json
import warnings
from collections import OrderedDict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from data_prep.aus import AU_NAMES
from data_prep.base import UserError
from data_prep.detection import Face
from data_prep.images import decode_jpeg
from drml.nets.deploy import net_title
from drml.predict.detector import Detector
from drml.predict.tracking import Tracker

HOST = "127.0.0.1"
LARGEST = 32 * 2**20  # bytes of a picture
PIXELS = 50_000_000  # of a picture: few bytes can unfold to as many as they like
PATIENCE = 10  # seconds without a byte after which a request is dropped
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


def pixels_of(content: bytes) -> int:
    """Return how many pixels a JPEG or PNG says it has; 0: it is neither."""
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow's, of many pixels
            image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
    except Image.DecompressionBombError:
        return PIXELS + 1
    except Exception:  # as Pillow raises it, of any kind, at what is damaged
        return 0
    return image.width * image.height


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    timeout = PATIENCE  # a browser opens connections that it may never use

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
        where, length = urlsplit(self.path), self.headers.get("Content-Length", "")
        if where.path != "/look":
            self.send_error(HTTPStatus.NOT_FOUND)
        elif not length.isdecimal():
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif len(length) > 9 or not 0 < int(length) <= LARGEST:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            stream = parse_qs(where.query).get("stream", [None])[0]
            self._look(self.rfile.read(int(length)), stream)

    def _look(self, content: bytes, stream: str | None) -> None:
        pixels = pixels_of(content)
        if pixels > PIXELS:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif not pixels or (image := decode_jpeg(content)) is None:
            self.send_error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no JPEG or PNG")
        else:
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
