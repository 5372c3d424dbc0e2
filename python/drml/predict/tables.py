"""Rows of results, in OpenFace 2's columns or in py-feat's (Fex).

OpenFace's, of a picture: file, face (from 0; the largest first); of a video: frame
(from 1), face_id (kept from frame to frame), timestamp (seconds). Then confidence (0 to
1, that it is a face), success (1, or 0 where there is none: what follows is empty),
x_0 to x_67 and y_0 to y_67 (iBUG's 68 points in pixels), AUxx_p, our probabilities, and
AUxx_c, 1 where that is 0.5 or more. AUxx_r, OpenFace's intensities of 0 to 5, are not
there: a probability is none. At the end stands `trained_on` where the net was trained
on drawings.

Fex: frame, FaceRectX, FaceRectY, FaceRectWidth, FaceRectHeight, FaceScore, x_0 to y_67,
AU01, ... (probabilities), input; of a video also face_id and timestamp.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.base import replacing
from data_prep.detection import Face

POINTS = 68
ROWS = 5000  # that are held at a time
THRESHOLD = 0.5
TRAINED_ON = "trained_on"
_XY = [f"{axis}_{i}" for axis in "xy" for i in range(POINTS)]


PICTURE = ("file", "face")
VIDEO = ("frame", "face_id", "timestamp")


def columns(head: Sequence[str], aus: Sequence[int], notice: str) -> list[str]:
    """Name the columns of a table of pictures or of a video, as OpenFace does."""
    own = [f"AU{au:02d}_{kind}" for kind in "pc" for au in aus]
    found = [*head, "confidence", "success", *_XY, *own]
    return [*found, *([TRAINED_ON] if notice else [])]


def row(
    head: dict, face: Face, scores: np.ndarray, aus: Sequence[int], notice: str
) -> dict:
    """Return a face's row; head: its values of PICTURE or VIDEO."""
    row = head | {"confidence": face.presence, "success": 1}
    row |= zip(_XY, face.landmarks_68.T.ravel().tolist(), strict=True)
    for au, score in zip(aus, scores.tolist(), strict=True):
        row[f"AU{au:02d}_p"] = score
        row[f"AU{au:02d}_c"] = int(score >= THRESHOLD)
    return row | ({TRAINED_ON: notice} if notice else {})


def no_face(head: dict, notice: str) -> dict:
    """Return the row of a picture or frame without a face."""
    row = head | {"confidence": 0.0, "success": 0}
    return row | ({TRAINED_ON: notice} if notice else {})


def table_of(
    rows: list[dict], head: Sequence[str], aus: Sequence[int], notice: str
) -> pd.DataFrame:
    """Return rows as a table."""
    table = pd.DataFrame(rows, columns=columns(head, aus, notice))
    whole = [name for name in table if name.endswith("_c")]
    return table.astype(dict.fromkeys(whole, "Int64"))


def as_fex(table: pd.DataFrame, aus: Sequence[int], path: str = "") -> pd.DataFrame:
    """Return a table in py-feat's columns; the rectangle is the points'.

    path: of the video, if the table is one's. Frames count from 0.
    """
    x, y = (table[_XY[i : i + POINTS]] for i in (0, POINTS))
    video = "frame" in table
    fex = {
        "frame": table["frame"] - 1
        if video
        else table["file"].ne(table["file"].shift()).cumsum() - 1,
        "FaceRectX": x.min(axis=1),
        "FaceRectY": y.min(axis=1),
        "FaceRectWidth": x.max(axis=1) - x.min(axis=1),
        "FaceRectHeight": y.max(axis=1) - y.min(axis=1),
        "FaceScore": table["confidence"].where(table["success"] == 1, np.nan),
        **{name: table[name] for name in _XY},
        **{f"AU{au:02d}": table[f"AU{au:02d}_p"] for au in aus},
        "input": path if video else table["file"],
        **({name: table[name] for name in ("face_id", "timestamp")} if video else {}),
        **({TRAINED_ON: table[TRAINED_ON]} if TRAINED_ON in table else {}),
    }
    return pd.DataFrame(fex)


def csv(table: pd.DataFrame, header: bool = True) -> str:
    """Return a table as CSV: pixels with 2 digits behind the point, scores with 6."""
    digits = {n: 2 if n[0] in "xyF" else 6 for n in table if table[n].dtype == float}
    return table.round(digits).to_csv(index=False, header=header)


def write_fex(csv_file: Path, aus: Sequence[int], path: str = "") -> Path:
    """Write NAME.fex.csv of a table that lies in NAME.csv; path: of the video.

    A video's rows are read some at a time.
    """
    file = csv_file.with_suffix(".fex.csv")
    parts = pd.read_csv(csv_file, chunksize=ROWS) if path else [pd.read_csv(csv_file)]
    with replacing(file) as unfinished, unfinished.open("w") as text:
        for part in parts:
            text.write(csv(as_fex(part, aus, path), header=not text.tell()))
    return file
