"""Pictures with their faces' landmarks and AUs drawn in."""

from collections.abc import Sequence

import cv2
import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.images import encode_jpeg

BLUE, WHITE, INK, GREY = (148, 90, 31), (255, 255, 255), (48, 36, 29), (150, 143, 138)
FONT = cv2.FONT_HERSHEY_SIMPLEX
LEAST_WIDTH = 480  # of what is drawn on: text would not be read on less
ROW = 20  # pixels of a line of text


def annotated(
    image: np.ndarray, seen: Sequence, aus: Sequence[int], notice: str
) -> bytes:
    """Return a picture as JPEG: faces outlined, their AUs as bars beside it."""
    return encode_jpeg(draw(image, seen, aus, notice))


def draw(
    image: np.ndarray, seen: Sequence, aus: Sequence[int], notice: str
) -> np.ndarray:
    """Return a copy with a column of bars for each face on its right, up to three.

    image: (H, W, 3) uint8 BGR; it is enlarged where it is too small to draw on.
    """
    least = (len(aus) + 4) * ROW
    scale = max(1.0, LEAST_WIDTH / image.shape[1], least / image.shape[0])
    canvas = cv2.resize(image, None, fx=scale, fy=scale) if scale > 1 else image.copy()
    for face in seen:
        _outline(canvas, face, scale)
    panels = [_panel(face, aus, canvas.shape[0]) for face in seen[:3]]
    canvas = np.hstack([canvas, *panels])
    return _strip(canvas, notice) if notice else canvas


def _outline(canvas: np.ndarray, seen, scale: float) -> None:
    left, top, right, bottom = np.round(seen.face.box * scale).astype(int)
    width = max(1, round(canvas.shape[1] / 500))
    cv2.rectangle(canvas, (left, top), (right, bottom), BLUE, width, cv2.LINE_AA)
    for x, y in np.round(seen.face.landmarks * scale).astype(int):
        cv2.circle(canvas, (int(x), int(y)), width, WHITE, -1, cv2.LINE_AA)
    _text(canvas, str(seen.number), (left, max(top - 4, 14)), BLUE, 0.6)


def _panel(seen, aus: Sequence[int], height: int) -> np.ndarray:
    """Bars of a face's AUs, 0 to 1; a line at 0.5."""
    panel = np.full((height, 250, 3), 255, np.uint8)
    _text(panel, f"face {seen.number}", (10, ROW), INK)
    for row, (au, score) in enumerate(zip(aus, seen.scores, strict=True), 2):
        y = row * ROW
        colour = BLUE if score >= 0.5 else GREY
        _text(panel, f"{au:2d} {AU_NAMES[au]}", (10, y), INK, 0.38)
        end = 170 + round(70 * float(score))
        cv2.rectangle(panel, (170, y - 10), (end, y), colour, -1)
    bottom = (len(aus) + 1) * ROW + 4
    cv2.line(panel, (205, ROW + 6), (205, bottom), GREY, 1)
    return panel


def _strip(canvas: np.ndarray, text: str) -> np.ndarray:
    strip = np.full((ROW + 6, canvas.shape[1], 3), (27, 100, 200), np.uint8)
    _text(strip, text, (8, ROW), WHITE, min(0.5, canvas.shape[1] / 1400))
    return np.vstack([canvas, strip])


def _text(canvas: np.ndarray, text: str, at, colour, size: float = 0.45) -> None:
    cv2.putText(canvas, text, at, FONT, size, colour, 1, cv2.LINE_AA)
