"""Registration: a face's 49 landmarks go onto a mean shape by a similarity transform.

The paper registers faces "to 200x200 using similarity transform" (section 4) and
names no reference shape, so this one is our own. The landmarks are the 49 of BP4D and
DISFA: brows, nose, eyes, mouth, each from the left of the image to the right.
"""

import math

import cv2
import numpy as np

VERSION = 3  # of a face's pixels: raise it when the same frame comes out otherwise

# The left half of the reference and its middle, in thousandths of the image side; the
# right half is its mirror image, so that a mirrored face stays registered. Spacings are
# an adult's (a pupil distance of 62 mm is 320, from there to the mouth 350 and to the
# chin 570): brows from 214, mouth at 690 and chin at about 910 all lie inside a centred
# 85% crop (75 to 925), which is the 170x170 crop of a 200x200 face.
_LEFT_HALF = {
    # brow, outer to inner end
    0: (210, 262), 1: (262, 226), 2: (322, 214), 3: (385, 222), 4: (443, 242),
    # nose: bridge down to the tip, then its underside to the middle
    10: (500, 335), 11: (500, 405), 12: (500, 475), 13: (500, 545),
    14: (430, 580), 15: (464, 594), 16: (500, 604),
    # eye: outer corner, upper lid, inner corner, lower lid back
    19: (265, 344), 20: (312, 318), 21: (368, 318),
    22: (415, 348), 23: (368, 362), 24: (312, 362),
    # outer lips: corner, upper to the middle, lower from the middle back
    31: (369, 690), 32: (412, 668), 33: (466, 650), 34: (500, 657),
    40: (500, 743), 41: (460, 739), 42: (415, 722),
    # inner lips: upper to the middle, lower from the middle back
    43: (455, 686), 44: (500, 690), 47: (500, 698), 48: (455, 694),
}  # fmt: skip

# MIRROR[i] is the landmark that takes landmark i's place in a mirrored image.
MIRROR = np.array([
    9, 8, 7, 6, 5, 4, 3, 2, 1, 0,  # brows
    10, 11, 12, 13, 18, 17, 16, 15, 14,  # nose
    28, 27, 26, 25, 30, 29, 22, 21, 20, 19, 24, 23,  # eyes
    37, 36, 35, 34, 33, 32, 31, 42, 41, 40, 39, 38,  # outer lips
    45, 44, 43, 48, 47, 46,  # inner lips
])  # fmt: skip


def _whole_shape() -> np.ndarray:
    shape = np.zeros((49, 2), np.int64)
    for i, (x, y) in _LEFT_HALF.items():
        shape[MIRROR[i]] = 1000 - x, y
        shape[i] = x, y
    return shape


MEAN_SHAPE = _whole_shape()  # 49 x 2, (x, y) in thousandths of the image side


def mean_shape(size: int) -> np.ndarray:
    """Return the reference (49, 2) float64 in pixels (x, y) of a size x size image.

    Pixel centres lie at whole numbers, so mirroring is x -> size - 1 - x.
    """
    return MEAN_SHAPE * (size / 1000) - 0.5


def similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the 2 x 3 rotation, scale and shift that best map points to target.

    Both (n, 2); least squares (Umeyama 1991, in the plane): with points z and targets
    w as complex numbers a similarity is w = a z + b, and a = <z, w> / <z, z> about
    the centroids. The points must not all coincide.
    """
    z, w = points @ (1, 1j), target @ (1, 1j)
    z0, w0 = z.mean(), w.mean()
    a = np.vdot(z - z0, w - w0) / np.vdot(z - z0, z - z0)
    b = w0 - a * z0
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def registered(points: np.ndarray, size: int) -> np.ndarray:
    """Return where register() puts the 49 landmarks: (49, 2) float32 pixels (x, y)."""
    warp = similarity(points, mean_shape(size))
    return (points @ warp[:, :2].T + warp[:, 2]).astype(np.float32)


DETAIL = 2


def shrinking(points: np.ndarray, size: int) -> int:
    """Return the power of 2, at most 8, by which the frame may be shrunk before.

    The face in it stays at least DETAIL times as large as it will be: a JPEG that is
    decoded smaller is blurred (its high frequencies are left out), and how much would
    hang on a face's distance to the camera.
    """
    scale = DETAIL * _scale(similarity(points, mean_shape(size)))
    return next(times for times in (8, 4, 2, 1) if times * scale <= 1 or times == 1)


def shrunk(points: np.ndarray, times: int) -> np.ndarray:
    """Return pixels (x, y) in an image whose pixels are times x times of before."""
    return (points + 0.5) / times - 0.5


def _scale(warp: np.ndarray) -> float:
    return math.hypot(*warp[:, 0])


MAX_OVERSAMPLING = 8  # bounds memory where landmarks are absurdly far apart


def register(image: np.ndarray, points: np.ndarray, size: int) -> np.ndarray:
    """Return the face as size x size x 3 uint8, its landmarks on the mean shape.

    image is H x W x 3 uint8; points are 49 landmarks in its pixels.
    What lies outside the frame is black. A frame larger than the target is warped at a
    whole multiple of `size` and then averaged down, since bilinear sampling alone
    would alias.
    """
    scale = _scale(similarity(points, mean_shape(size)))
    times = min(max(1, math.ceil(1 / scale)), MAX_OVERSAMPLING)
    large = size * times
    warp = similarity(points, mean_shape(large))
    face = cv2.warpAffine(image, warp, (large, large), flags=cv2.INTER_LINEAR)
    return cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
