"""A subject's bones: the head's outline, and where jaw, brows and nose stand."""

import numpy as np

from data_prep.faces.canvas import spline


def outline(s) -> np.ndarray:
    """(P, 2) closed outline of skull and jaw."""
    w = s.face_w
    jaw = w * s.jaw_w
    top = (0.55, s.crown_y + 0.16)
    chin = (s.chin_w, s.chin_y - 0.07)
    right = [
        (0, s.crown_y),
        top,
        (0.96, -1.0),
        (1.09 * w, -0.35),
        (1.08 * w, 0.25),
        (0.53 * w + 0.50 * jaw, 0.75),
        (0.93 * jaw, 1.12),
        (0.56 * jaw + 0.44 * s.chin_w, s.chin_y - 0.34),
        chin,
        (0, s.chin_y + 0.03),
    ]
    mirror = np.array((-1, 1))  # one knot beyond each end keeps the crown round
    half = spline([mirror * top, *right, mirror * chin], 240)
    half = half[half[:, 0] >= 0]
    return np.r_[half, half[::-1] * mirror]


def jaw_points(s) -> np.ndarray:
    """(17, 2) landmarks from ear to ear, evenly spaced, left in the picture first."""
    half = outline(s)
    half = half[(half[:, 0] > 0) & (half[:, 1] > 0)]  # down from the eyes' height
    run = np.r_[0, np.cumsum(np.hypot(*np.diff(half, axis=0).T))]
    at = np.linspace(0, run[-1], 9)
    right = np.c_[np.interp(at, run, half[:, 0]), np.interp(at, run, half[:, 1])]
    right[-1, 0] = 0  # the chin
    return np.r_[right * (-1, 1), right[-2::-1]]


def brow_points(s) -> np.ndarray:
    """(10, 2) brow landmarks from left to right in the picture."""
    rise = s.brow_arch * np.array([0.0, 0.55, 0.95, 1.0, 0.15])
    xs = np.array([0.20, 0.345, 0.50, 0.65, 0.775]) * (0.5 + s.eye_x)
    right = np.c_[xs, s.brow_y + 0.03 - rise]
    return np.r_[right[::-1] * (-1, 1), right]


def nose_points(s) -> np.ndarray:
    """(9, 2): four down the bridge, then five under the tip from left to right."""
    tip = s.nose_y - 0.09
    bridge = [(0, y) for y in np.linspace(-0.04, tip, 4)]
    half = s.nose_w * 0.55
    base = [(-s.nose_w, -0.0), (-half, 0.035), (0, 0.055), (half, 0.035), (s.nose_w, 0)]
    return np.array([*bridge, *((x, s.nose_y + y) for x, y in base)])
