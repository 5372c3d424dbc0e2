"""A picture of a split, so that a look tells whether alignment and labels are right.

For each AU some faces that show it and some that don't, at random, cropped as the
network will see them.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.base import write
from data_prep.dataset import FaceFrame
from data_prep.images import decode_jpeg
from data_prep.network_input import centre_crop
from data_prep.registered_faces import RegisteredFaces

FACES = 6  # of each kind
SIDE = 128  # of a face on the sheet
TEXT = 18  # height of a line of text
MARGIN = 150  # width of the AU's name
GAP = 12  # between those that show an AU and those that don't
PAPER, INK = 250, (40, 40, 40)


def write_sheet(
    file: Path,
    title: str,
    aus: Sequence[int],
    faces: Sequence[tuple[bytes, FaceFrame]],
    store: RegisteredFaces,
    crop: int,
) -> None:
    """Write the sheet of faces' centre crops as a PNG; faces: with their store keys."""
    labels = np.stack([face.labels for _, face in faces])  # (N, AUs)
    rng = np.random.default_rng(0)  # the same faces in every run
    rows = [_bar(title)]
    for au, column in zip(aus, labels.T, strict=True):
        chosen = [_choose(np.flatnonzero(column == kind), rng) for kind in (1, -1)]
        cells = [[_cell(*faces[i], store, crop) for i in kind] for kind in chosen]
        rows.append(_row(au, *cells))
    _, png = cv2.imencode(".png", np.vstack(rows))
    write(file, png.tobytes())


def _choose(places: np.ndarray, rng: np.random.Generator) -> list[int]:
    return rng.permutation(places)[:FACES].tolist()


def _cell(key: bytes, face: FaceFrame, store: RegisteredFaces, crop: int) -> np.ndarray:
    """Return a face with its name below, (SIDE + TEXT) x SIDE x 3."""
    (content,) = store.images([key])
    image = decode_jpeg(content)
    middle = centre_crop(image.transpose(2, 0, 1), crop, crop).transpose(1, 2, 0)
    way = cv2.INTER_AREA if crop > SIDE else cv2.INTER_CUBIC
    cell = _paper(SIDE + TEXT, SIDE)
    cell[:SIDE] = cv2.resize(middle, (SIDE, SIDE), interpolation=way)
    _write(cell, face.name[-20:], (1, SIDE + 13), 0.33)
    return cell


def _row(au: int, present: list[np.ndarray], absent: list[np.ndarray]) -> np.ndarray:
    blank = _paper(SIDE + TEXT, SIDE)
    name = _paper(SIDE + TEXT, MARGIN)
    _write(name, f"AU {au}", (8, SIDE // 2), 0.6)
    _write(name, AU_NAMES[au], (8, SIDE // 2 + TEXT), 0.38)
    cells = [
        cell
        for kind in (present, absent)
        for cell in (*kind, *[blank] * (FACES - len(kind)), _paper(SIDE + TEXT, GAP))
    ]
    return np.hstack([name, *cells])


def _bar(title: str) -> np.ndarray:
    half = FACES * SIDE + GAP
    bar = _paper(3 * TEXT, MARGIN + 2 * half)
    _write(bar, title, (8, TEXT), 0.55)
    _write(bar, "present", (MARGIN, 3 * TEXT - 6), 0.5)
    _write(bar, "absent", (MARGIN + half, 3 * TEXT - 6), 0.5)
    return bar


def _paper(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), PAPER, np.uint8)


def _write(image: np.ndarray, text: str, at: tuple[int, int], size: float) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(image, text, at, font, size, INK, 1, cv2.LINE_AA)
