"""What each action unit (AU) does to skin: where it moves, and where it folds.

After FACS (Ekman, Friesen and Hager, 2002). Lids and lips are shaped by `eyes` and
`mouth`; here stands what they pull along.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np

from data_prep.renderer import canvas
from data_prep.renderer.canvas import CELL, stroke

AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26)

# AU: pushes (x, y, spread x, spread y, dx, dy) of the right half of the picture;
# the left half mirrors them. A push on the midline has x = 0 and acts once.
PUSHES: Mapping[int, tuple] = {
    1: ((0.24, -0.44, 0.19, 0.20, -0.01, -0.150), (0.15, -0.8, 0.3, 0.2, 0, -0.06)),
    2: ((0.74, -0.42, 0.22, 0.20, 0.0, -0.150), (0.7, -0.75, 0.25, 0.2, 0, -0.05)),
    4: (
        (0.24, -0.38, 0.24, 0.17, -0.085, 0.115),
        (0.6, -0.36, 0.2, 0.15, -0.03, 0.065),
    ),
    5: ((0.50, -0.40, 0.30, 0.10, 0, -0.02),),
    6: ((0.62, 0.42, 0.28, 0.20, -0.01, -0.095), (0.9, 0.0, 0.12, 0.12, -0.03, 0)),
    7: ((0.50, 0.16, 0.26, 0.08, 0, -0.03),),
    9: (
        (0.18, 0.55, 0.14, 0.16, 0.015, -0.085),
        (0.22, -0.36, 0.2, 0.14, -0.03, 0.05),
        (0.33, 0.42, 0.2, 0.2, -0.02, -0.06),
    ),
    10: ((0.24, 0.80, 0.16, 0.16, 0.02, -0.085), (0.5, 0.62, 0.2, 0.2, 0, -0.05)),
    12: ((0.62, 0.72, 0.26, 0.24, 0.05, -0.10), (0.45, 1.05, 0.15, 0.15, 0.07, -0.07)),
    14: ((0.55, 1.12, 0.12, 0.14, -0.035, -0.01),),
    15: ((0.44, 1.25, 0.14, 0.16, 0.0, 0.075), (0.5, 1.0, 0.15, 0.2, 0, 0.03)),
    17: ((0, 1.58, 0.28, 0.16, 0, -0.100),),
    20: ((0.52, 1.15, 0.18, 0.20, 0.095, 0.015), (0.6, 1.5, 0.2, 0.2, 0.03, 0.02)),
    23: ((0.42, 1.13, 0.14, 0.12, -0.045, 0),),
    24: ((0.42, 1.13, 0.14, 0.12, -0.03, 0),),
    26: ((0, 1.68, 0.75, 0.34, 0, 0.21),),
}


def _both(knots, width, depth):
    """A groove and its mirror image: negative relief."""
    mirrored = [(-x, y) for x, y in knots]
    return -stroke(knots, width, depth) - stroke(mirrored, width, depth)


def _forehead(low, high, rng, depth):
    """Horizontal lines over the brows, from x = low to x = high."""
    fold = 0
    for y in (-0.62, -0.74, -0.86):
        y += rng.normal(0, 0.012)
        xs = np.linspace(low, high, 5)
        arch = 0.05 * np.sin(np.linspace(0, np.pi, 5))
        fold = fold + _both(np.c_[xs, y - arch], 0.016, depth)
        fold = fold + _both(np.c_[xs, y - arch - 0.055], 0.03, -0.55 * depth)
    return fold


def _crows_feet(rng):
    fold = 0
    for angle in (-0.55, -0.15, 0.22, 0.6):
        angle += rng.normal(0, 0.06)
        r = np.linspace(0.30, 0.52, 4)
        xs, ys = 0.5 + r * np.cos(angle), 0.0 + 0.9 * r * np.sin(angle)
        fold = fold + _both(np.c_[xs, ys], 0.013, 0.022)
    return fold


@cache
def _cheeks():
    lower_lid = [(0.30, 0.17), (0.45, 0.23), (0.62, 0.20), (0.76, 0.10)]
    pouch = [(0.28, 0.12), (0.48, 0.155), (0.70, 0.09)]
    return (
        _both(lower_lid, 0.022, 0.035)
        - _both(pouch, 0.03, 0.03)
        + 0.11 * canvas.pair(0.62, 0.40, 0.22, 0.14)
    )


@cache
def _nasolabial(bend, depth, width=0.03):
    knots = [(0.24, 0.60), (0.36, 0.76), (0.50 + bend, 0.95), (0.57 + bend, 1.14)]
    outer = [(x + 0.09, y - 0.04) for x, y in knots]
    return _both(knots, width, depth) - _both(outer, 0.06, 0.6 * depth)


def _glabella(rng):
    fold = 0
    for x in (0.075, 0.145):
        x += rng.normal(0, 0.008)
        knots = [(x * 0.8, -0.20), (x, -0.34), (x * 1.5, -0.50)]
        fold = fold + _both(knots, 0.019, 0.042)
    return fold + 0.035 * canvas.pair(0.22, -0.34, 0.12, 0.07)


@cache
def _nose_wrinkles():
    fold = 0
    for y in (-0.10, -0.02, 0.06, 0.14):
        knots = [(-0.13, y - 0.03), (0, y), (0.13, y - 0.03)]
        fold = fold - stroke(knots, 0.013, 0.032)
    for y in (0.10, 0.20):
        fold = fold + _both([(0.10, y), (0.19, y + 0.07)], 0.013, 0.03)
    return fold + _nasolabial(-0.04, 0.05) * canvas.step(canvas.Y, 1.1, 0.85)


@cache
def _dimples():
    pit = [(0.545, 1.00), (0.575, 1.11), (0.55, 1.22)]
    return _both(pit, 0.034, 0.10) + 0.065 * (
        canvas.pair(0.66, 1.1, 0.06, 0.12) + canvas.pair(0.46, 1.12, 0.035, 0.07)
    )


def _chin(rng):
    pebbles = canvas.noise(rng, 6) * canvas.bump(0, 1.56, 0.17, 0.11)
    boss = 0.08 * canvas.bump(0, 1.52, 0.20, 0.11)
    groove = stroke([(-0.26, 1.43), (0, 1.375), (0.26, 1.43)], 0.025, 0.06)
    return 0.016 * pebbles + boss - groove


@cache
def _sad_corners():
    below = [(0.45, 1.22), (0.50, 1.32), (0.50, 1.44)]
    return _both(below, 0.028, 0.05) + 0.05 * canvas.pair(0.40, 1.36, 0.09, 0.07)


@cache
def _stretch():
    sides = [(0.62, 0.98), (0.67, 1.14), (0.64, 1.32)]
    neck = -0.04 * canvas.bump(0, 1.43, 0.35, 0.06)
    return _both(sides, 0.03, 0.045) + neck


def _pursed(rng):
    lines = 0
    for x in np.linspace(0.06, 0.26, 4):
        x += rng.normal(0, 0.01)
        lines = lines + _both([(x, 0.93), (x * 0.97, 1.03)], 0.011, 0.009)
        lines = lines + _both([(x, 1.24), (x * 1.03, 1.36)], 0.011, 0.008)
    return lines


@cache
def _pressed():
    over = 0.055 * canvas.bump(0, 1.00, 0.26, 0.045)
    under = 0.06 * canvas.bump(0, 1.30, 0.24, 0.05)
    ends = _both([(0.40, 1.05), (0.425, 1.13), (0.40, 1.21)], 0.03, 0.04)
    return over + under + ends


@cache
def _jaw():
    return -0.06 * canvas.pair(0.62, 1.05, 0.16, 0.32)


def folds(rng) -> dict[int, tuple[tuple[slice, slice], np.ndarray]]:
    """Relief that each AU adds at full strength: AU to (window, relief in units)."""
    relief = {
        1: _forehead(-0.02, 0.36, rng, 0.020),
        2: _forehead(0.42, 0.86, rng, 0.020),
        4: _glabella(rng),
        6: _crows_feet(rng) + _cheeks(),
        7: 0.03 * canvas.pair(0.5, 0.13, 0.16, 0.035),
        9: _nose_wrinkles(),
        10: _nasolabial(-0.06, 0.075, 0.028),
        12: _nasolabial(0.04, 0.075) + 0.09 * canvas.pair(0.66, 0.62, 0.18, 0.15),
        14: _dimples(),
        15: _sad_corners(),
        17: _chin(rng),
        20: _stretch(),
        23: _pursed(rng),
        24: _pressed(),
        26: _jaw(),
    }
    return {au: _trimmed(fold) for au, fold in relief.items()}


def _trimmed(fold):
    rows = np.flatnonzero(np.abs(fold).max(1) > 5e-4)
    cols = np.flatnonzero(np.abs(fold).max(0) > 5e-4)
    box = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    return box, np.ascontiguousarray(fold[box], np.float32)


def motions(lean: Mapping[int, float]) -> dict[int, np.ndarray]:
    """(H/4, W/4, 2) movement in units that each AU causes at full strength.

    lean[au] > 0 makes the picture's right side move more than its left.
    """
    xs, ys = canvas.X[::CELL, ::CELL], canvas.Y[::CELL, ::CELL]
    fields = {}
    for au, pushes in PUSHES.items():
        field = np.zeros((*xs.shape, 2), np.float32)
        for cx, cy, sx, sy, dx, dy in pushes:
            for side in (-1, 1) if cx else (1,):
                u, v = (xs - side * cx) / sx, (ys - cy) / sy
                weight = np.exp(-0.5 * (u * u + v * v))
                if cx:
                    weight *= 1 + side * lean[au]
                field += weight[..., None] * (side * dx, dy)
        fields[au] = field
    return fields
