"""Rows of results, in OpenFace 2's columns or in py-feat's (Fex).

OpenFace's: face (of a picture, from 0; the largest first), confidence (0 to 1, that it
is a face), success (1, or 0 where there is none: the columns behind it are empty then),
x_0 to x_67 and y_0 to y_67 (iBUG's 68 points in pixels), AUxx_p, our probabilities, and
AUxx_c, 1 where that is 0.5 or more. AUxx_r, OpenFace's intensities of 0 to 5, are not
there: a probability is none. `file` stands before them, and behind them `trained_on`
where the net was trained on drawings.

Fex: frame, FaceRectX, FaceRectY, FaceRectWidth, FaceRectHeight, FaceScore, x_0 to y_67,
AU01, ... (probabilities), input.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

FORMATS = ("openface", "fex")
POINTS = 68
THRESHOLD = 0.5
TRAINED_ON = "trained_on"
_XY = [f"{axis}_{i}" for axis in "xy" for i in range(POINTS)]


def columns(aus: Sequence[int], notice: str) -> list[str]:
    """Name the columns of a table of pictures, as OpenFace does."""
    head = ["file", "face", "confidence", "success"]
    own = [f"AU{au:02d}_{kind}" for kind in "pc" for au in aus]
    return [*head, *_XY, *own, *([TRAINED_ON] if notice else [])]


def rows(path: str, seen: Iterable, aus: Sequence[int], notice: str) -> list[dict]:
    """Return a row for each face of a picture, or one that there is none."""
    found = [_row(path, face, aus) for face in seen]
    found = found or [{"file": path, "face": 0, "confidence": 0.0, "success": 0}]
    return [row | ({TRAINED_ON: notice} if notice else {}) for row in found]


def _row(path: str, seen, aus: Sequence[int]) -> dict:
    row = {"file": path, "face": seen.number}
    row |= {"confidence": seen.face.presence, "success": 1}
    row |= zip(_XY, seen.face.landmarks_68.T.ravel().tolist(), strict=True)
    for au, score in zip(aus, seen.scores.tolist(), strict=True):
        row[f"AU{au:02d}_p"] = score
        row[f"AU{au:02d}_c"] = int(score >= THRESHOLD)
    return row


def frame_of(found: list[dict], aus: Sequence[int], notice: str) -> pd.DataFrame:
    """Return rows as a table."""
    table = pd.DataFrame(found, columns=columns(aus, notice))
    whole = [name for name in table if name.endswith("_c")]
    return table.astype(dict.fromkeys(whole, "Int64"))


def as_fex(table: pd.DataFrame, aus: Sequence[int]) -> pd.DataFrame:
    """Return a table of pictures in py-feat's columns; the rectangle is the points'."""
    x, y = (table[_XY[i : i + POINTS]] for i in (0, POINTS))
    frames = table["file"].ne(table["file"].shift()).cumsum() - 1
    fex = {
        "frame": frames,
        "FaceRectX": x.min(axis=1),
        "FaceRectY": y.min(axis=1),
        "FaceRectWidth": x.max(axis=1) - x.min(axis=1),
        "FaceRectHeight": y.max(axis=1) - y.min(axis=1),
        "FaceScore": table["confidence"].where(table["success"] == 1, np.nan),
        **{name: table[name] for name in _XY},
        **{f"AU{au:02d}": table[f"AU{au:02d}_p"] for au in aus},
        "input": table["file"],
        **({TRAINED_ON: table[TRAINED_ON]} if TRAINED_ON in table else {}),
    }
    return pd.DataFrame(fex)


def csv(table: pd.DataFrame) -> str:
    """Return a table as CSV: pixels with 2 digits behind the point, scores with 6."""
    digits = {n: 2 if n[0] in "xyF" else 6 for n in table if table[n].dtype == float}
    return table.round(digits).to_csv(index=False)
