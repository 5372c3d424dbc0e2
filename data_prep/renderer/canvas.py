"""The head's own picture plane, where everything about a face is drawn.

Units are distances between the pupils of an average face; x points right, y down,
z towards the viewer; the origin lies between the eyes. A plane holds (H, W) pixels.
"""

from itertools import pairwise

import cv2
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.sparse import diags
from scipy.sparse.linalg import spsolve

PER_UNIT = 120  # pixels
LEFT, TOP = -1.75, -2.2
W, H = 420, 600
CELL = 4  # pixels: what is smooth is computed on cells of 4 x 4

X, Y = np.meshgrid(
    (LEFT + np.arange(W) / PER_UNIT).astype(np.float32),
    (TOP + np.arange(H) / PER_UNIT).astype(np.float32),
)


def coarse_grid(width: int, height: int) -> np.ndarray:
    """(height / 4, width / 4, 2) float32 pixels at the middles of 4 x 4 cells."""
    half = (CELL - 1) / 2
    axes = np.arange(half, width, CELL), np.arange(half, height, CELL)
    return np.dstack(np.meshgrid(*axes)).astype(np.float32)


def pixels(points: np.ndarray) -> np.ndarray:
    """(..., 2) points in units to (..., 2) pixel centres of the plane, float."""
    return (np.asarray(points) - (LEFT, TOP)) * PER_UNIT


def window(x0: float, y0: float, x1: float, y1: float) -> tuple[slice, slice]:
    """The rows and columns that hold the box of two corners in units."""
    (c0, r0), (c1, r1) = np.rint(pixels([(x0, y0), (x1, y1)])).astype(int)
    return slice(max(r0, 0), min(r1, H)), slice(max(c0, 0), min(c1, W))


def bump(cx, cy, sx, sy, angle=0.0) -> np.ndarray:
    """(H, W) Gaussian hill of height 1, turned clockwise by an angle in radians."""
    u, v = X[:1] - cx, Y[:, :1] - cy
    if angle:
        c, s = np.cos(angle), np.sin(angle)
        u, v = c * u + s * v, c * v - s * u
    u, v = u / sx, v / sy
    return np.exp(-0.5 * (u * u + v * v)).astype(np.float32)


def pair(cx, cy, sx, sy, angle=0.0) -> np.ndarray:
    """A bump on the right of the picture and its mirror image on the left."""
    return bump(cx, cy, sx, sy, angle) + bump(-cx, cy, sx, sy, -angle)


def step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step from 0 at low to 1 at high (or down, where high < low)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def spline(knots, count=60) -> np.ndarray:
    """(count, 2) points of a smooth curve through (K, 2) knots, evenly in knots."""
    knots = np.asarray(knots, float)
    return CubicSpline(np.arange(len(knots)), knots, bc_type="natural")(
        np.linspace(0, len(knots) - 1, count)
    )


def stroke(knots, width: float, depth=1.0) -> np.ndarray:
    """(H, W) soft line through knots, its ends tapered, width and depth in units."""
    points = spline(knots, 40)
    taper = np.sin(np.linspace(0.15, np.pi - 0.15, 39)) ** 0.7
    line = np.zeros((H, W), np.float32)
    at = np.rint(pixels(points) * 16).astype(int)
    for (a, b), t in zip(pairwise(at), taper, strict=True):
        cv2.line(line, a, b, float(t), 2, cv2.LINE_8, 4)
    reach = 4 * width + 0.03  # beyond it the blurred line is zero
    box = window(*(points.min(0) - reach), *(points.max(0) + reach))
    line[box] = cv2.GaussianBlur(line[box], (0, 0), width * PER_UNIT)
    return line * (depth / float(line[box].max()))


def fill(outline: np.ndarray) -> np.ndarray:
    """(H, W) float32 coverage 0..1 of a closed outline given in units."""
    mask = np.zeros((H, W), np.uint8)
    at = np.rint(pixels(outline) * 16).astype(np.int32)
    cv2.fillPoly(mask, [at], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def inflate(mask: np.ndarray, cell=5) -> np.ndarray:
    """(H, W) balloon over a mask, 0 at its rim and 1 at its highest point.

    The square root of Poisson's equation with zero rim is a ball for a disc, and
    smooth for any outline. It is solved on cells of a few pixels.
    """
    h, w = mask.shape[0] // cell, mask.shape[1] // cell
    inside = cv2.resize(mask, (w, h), interpolation=cv2.INTER_AREA).ravel() > 0.02
    keep = np.flatnonzero(inside)
    n = h * w
    grid = diags([4.0, -1.0, -1.0, -1.0, -1.0], [0, 1, -1, w, -w], (n, n), format="csr")
    u = np.zeros(n)
    u[keep] = spsolve(grid[keep][:, keep].tocsc(), np.ones(len(keep)))
    u = u.reshape(h, w).astype(np.float32)
    u = cv2.resize(u, mask.shape[::-1], interpolation=cv2.INTER_CUBIC)
    u = np.maximum(cv2.GaussianBlur(u, (0, 0), 3), 0)
    rim = cv2.GaussianBlur(mask, (0, 0), 6)  # 0.5 at the mask's own, finer rim
    u *= np.clip(2 * rim - 1, 0, 1)
    return np.sqrt(u / u.max())


def noise(rng, grain: float, shape=(H, W)) -> np.ndarray:
    """Smooth noise of about unit variance, a grain some pixels wide."""
    small = tuple(max(4, round(n / grain) + 3) for n in shape)
    field = rng.standard_normal(small).astype(np.float32)
    return cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC)
