"""Where in a registered face an AU shows: the regions that saliency is measured by.

A region is the convex hull of some of the mean shape's landmarks (numbers, see
data_prep/registration.py) and of points of the skin beside them that no landmark
marks, widened all round by MARGIN; left half only, the right is its mirror image.
Which parts of the face an AU moves is FACS's; the outlines are our own.
"""

import cv2
import numpy as np

from data_prep.registration import MEAN_SHAPE

MARGIN = 35  # thousandths of the image side, as the points are

_FOREHEAD = [(500, 150), (385, 150)]  # above the inner brows
_TEMPLE = [(322, 150), (210, 190)]  # above the outer brows
_CHEEK = [(400, 450), (265, 480)]
_TRIANGLE = [(400, 480)]  # inner corner of the infraorbital triangle, beside the nose
_FURROW = [(300, 580)]  # beside the nasolabial furrow
_CHIN = [(500, 880), (430, 860)]
_MOUTH = [31, 32, 33, 34, 40, 41, 42]
_EYE = [19, 20, 21, 22, 23, 24]

# The AUs of BP4D and DISFA.
_LEFT_HALF = {
    1: [3, 4, (500, 242), *_FOREHEAD],
    2: [0, 1, 2, *_TEMPLE],
    4: [0, 1, 2, 3, 4, 10, (500, 242)],
    5: [19, 20, 21, 22],
    6: [19, 23, 24, *_CHEEK],
    7: _EYE,
    9: [10, 13, 14, 22],
    10: [14, 15, 16, 31, 32, 33, 34, *_TRIANGLE],
    12: [14, 31, 32, 42, *_FURROW],
    14: [31, 32, 42, (330, 690)],
    15: [31, 41, 42, (369, 780)],
    17: [40, 41, 42, *_CHIN],
    20: [*_MOUTH, (330, 710)],
    23: _MOUTH,
    24: _MOUTH,
    25: _MOUTH,
    26: [*_MOUTH, *_CHIN],
}


def region_mask(au: int, size: int) -> np.ndarray:
    """Return (size, size) bool: an AU's region in a registered face of that side.

    An AU that has no region here gets an empty one.
    """
    if au not in _LEFT_HALF:
        return np.zeros((size, size), bool)
    points = [MEAN_SHAPE[p] if isinstance(p, int) else p for p in _LEFT_HALF[au]]
    pixels = np.array(points) * (size / 1000) - 0.5  # as mean_shape() has them
    hull = cv2.convexHull(np.round(pixels).astype(np.int32))
    mask = cv2.fillConvexPoly(np.zeros((size, size), np.uint8), hull, 1)
    side = 2 * round(MARGIN * size / 1000) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    mask = cv2.dilate(mask, disc).astype(bool)
    return mask | mask[:, ::-1]
