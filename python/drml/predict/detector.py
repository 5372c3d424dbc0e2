"""The front door: a trained net that takes pictures and videos.

from drml.predict import Detector

table = Detector(weights="out/drml_iter_16000.caffemodel").predict("photos")
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from data_prep.base import DamagedFileError, UserError
from data_prep.detection import Face, find_faces
from data_prep.images import decode_jpeg, encode_jpeg
from data_prep.network_input import read_mean
from data_prep.registration import register
from drml.evaluate.scoring import score_faces
from drml.nets.deploy import INPUT, OUTPUT, listed, load_net
from drml.predict import tables
from drml.predict.sources import Source, find_sources, read_picture
from drml.predict.tracking import Tracker
from drml.predict.trained import find_trained

BATCH = 16


class Seen(NamedTuple):
    """A face of a picture."""

    face: Face
    scores: np.ndarray  # (C,) float32, 0 to 1: AUs' probabilities
    number: int  # in the picture, from 0


class Detector:
    """Faces, landmarks and AUs of pictures and videos, by one trained net.

    net: deploy prototxt; weights: .caffemodel; mean: the mean image of its training
    faces; aus: of its outputs, in order. Weights of `drml train` find the other three.
    Faces are found by MediaPipe's networks, and registered and fed to the net by the
    functions that import and evaluation use, JPEG coding included, so that all three
    give a face the same scores. Raises UserError where files are missing or do not fit.
    """

    def __init__(
        self,
        net: str | Path | None = None,
        weights: str | Path | None = None,
        mean: str | Path | None = None,
        aus: Sequence[int] | None = None,
    ):
        if weights is None:
            raise UserError("there are no weights; give those of a trained net")
        self.trained = find_trained(
            Path(weights), net and Path(net), mean and Path(mean), aus
        )
        self.mean = read_mean(self.trained.mean)  # (3, S, S)
        self.net = load_net(self.trained.net, self.trained.weights)
        self._check()

    def _check(self) -> None:
        trained = self.trained
        outputs = self.net.blobs[OUTPUT].data[0].size
        if outputs != len(self.aus):
            raise UserError(
                f"{trained.net} has {outputs} outputs, and there are {len(self.aus)} "
                f"AUs ({listed(self.aus)}): give --aus, one for each output"
            )
        height, width = self.net.blobs[INPUT].data.shape[2:]
        channels, *side = self.mean.shape
        if channels != 3 or side[0] != side[1] or side[0] < max(height, width):
            raise UserError(
                f"{trained.mean} has shape {self.mean.shape}, where {trained.net} sees "
                f"{height} x {width} pixels of a square face: give its own --mean"
            )

    @property
    def aus(self) -> tuple[int, ...]:
        return self.trained.aus

    @property
    def notice(self) -> str:
        """What is to be said with every result, of a net trained on drawings."""
        return self.trained.notice

    def registered(self, image: np.ndarray, face: Face) -> np.ndarray:
        """Return a face as an import would keep it: (S, S, 3) uint8 BGR."""
        face_image = register(image, face.landmarks, self.mean.shape[1])
        return decode_jpeg(encode_jpeg(face_image))

    def score(self, registered: Sequence[np.ndarray]) -> np.ndarray:
        """Return AUs' probabilities (n, C) float32 of registered faces (S, S, 3)."""
        if not registered:
            return np.empty((0, len(self.aus)), np.float32)
        unknown = np.zeros(len(self.aus), np.int8)
        faces = [(str(i), image, unknown) for i, image in enumerate(registered)]
        return score_faces(self.net, faces, self.mean, BATCH)[1]

    def look(self, image: np.ndarray) -> list[Seen]:
        """Return the faces of a picture (H, W, 3) uint8 BGR, the largest first."""
        faces = find_faces(image)
        scores = self.score([self.registered(image, face) for face in faces])
        both = zip(faces, scores, strict=True)
        return [Seen(face, own, i) for i, (face, own) in enumerate(both)]

    def pictures(
        self, paths: Iterable[str]
    ) -> Iterator[tuple[str, list[Seen] | DamagedFileError]]:
        """Yield each picture's path and its faces, or what is wrong with the file."""
        for path in paths:
            try:
                yield path, self.look(read_picture(path))
            except DamagedFileError as damage:
                yield path, damage

    def rows(self, path: str, seen: Sequence[Seen]) -> list[dict]:
        """Return the rows of a picture."""
        heads = [{"file": path, "face": face.number} for face in seen]
        return [
            tables.row(head, face.face, face.scores, self.aus, self.notice)
            for head, face in zip(heads, seen, strict=True)
        ] or [tables.no_face({"file": path, "face": 0}, self.notice)]

    def predict(self, *names: str | Path) -> pd.DataFrame:
        """Return a table with a row a face; tables.py says what its columns are.

        names: pictures, folders, patterns, videos, or CSVs of paths; of a video the
        table has its columns behind `file`. A picture or frame without a face has a row
        with success 0. Raises UserError where one cannot be read.
        """
        found = {"picture": [], "video": []}
        for source in find_sources(names):
            found[source.kind] += self._rows_of(source)
        heads = {"picture": tables.PICTURE, "video": ("file", *tables.VIDEO)}
        parts = [
            tables.table_of(rows, heads[kind], self.aus, self.notice)
            for kind, rows in found.items()
            if rows
        ]
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def _rows_of(self, source: Source) -> list[dict]:
        from drml.predict.video import Frames, chunks  # which needs this module

        if source.kind == "video":
            chunk_rows = (rows for rows in chunks(self, Tracker(), Frames(source.path)))
            return [{"file": source.path} | row for rows in chunk_rows for row in rows]
        return self.rows(source.path, self.look(read_picture(source.path)))
