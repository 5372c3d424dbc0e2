"""The 49 facial landmarks that all datasets are brought to.

Order: brows 1-10, nose 11-19, eyes 20-25 and 26-31, mouth 32-49, each from the left of
the image to the right. DISFA's 66 points are a jaw of 17 and these; the 68 of iBUG's
annotations have two more, the corners of the inner lips.
"""

import numpy as np

POINTS = 49
JAW = 17
_INNER_LIP_CORNERS = (60, 64)  # of 68
FARTHEST = 1e5  # pixels from the image's corner
COUNTS = (POINTS, 66, 68)


def to_49(points: np.ndarray) -> np.ndarray:
    """Return (49, 2) float32 of 49, 66 or 68 points (COUNTS)."""
    if len(points) == 68:
        points = np.delete(points, _INNER_LIP_CORNERS, axis=0)
    if len(points) == 66:
        points = points[JAW:]
    return np.asarray(points, np.float32)


def tracked(points: np.ndarray) -> bool:
    """Whether the points can be a face's: near the image and not all the same.

    Both hold of the float32 points that are kept; NaN is not near.
    """
    if not (np.abs(points) < FARTHEST).all():
        return False
    return bool(np.ptp(points.astype(np.float32), axis=0).any())
