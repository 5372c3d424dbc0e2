"""A subject's bones: the head's outline, and where brows and nose stand at rest."""

import numpy as np

from data_prep.faces.canvas import spline


def outline(s, grow=0.0) -> np.ndarray:
    """(P, 2) closed outline of skull and jaw, optionally grown at the skull."""
    right = [
        (0, s.crown_y - grow),
        (0.55 + grow, s.crown_y + 0.16 - grow),
        (0.96 + grow, -1.0),
        (1.09 * s.face_w + grow, -0.35),
        (1.08 * s.face_w, 0.25),
        (1.01 * s.face_w * (0.5 + s.jaw_w / 1.8), 0.75),
        (s.jaw_w * 0.93, 1.12),
        (0.5 * (s.jaw_w + s.chin_w), s.chin_y - 0.34),
        (s.chin_w, s.chin_y - 0.07),
        (0, s.chin_y + 0.03),
    ]
    half = spline([(-right[1][0], right[1][1]), *right, (-s.chin_w, right[-2][1])], 240)
    half = half[20:-20]
    half = half[(half[:, 0] >= 0)]
    return np.r_[half, half[::-1] * (-1, 1)]


def brow_points(s) -> np.ndarray:
    """(10, 2) brow landmarks from left to right in the picture."""
    rise = s.brow_arch * np.array([0.0, 0.55, 0.95, 1.0, 0.15])
    xs = np.array([0.20, 0.36, 0.53, 0.70, 0.84]) * (0.5 + s.eye_x)
    right = np.c_[xs, s.brow_y + 0.03 - rise]
    return np.r_[right[::-1] * (-1, 1), right]


def nose_points(s) -> np.ndarray:
    """(9, 2): four down the bridge, then five under the tip from left to right."""
    tip = s.nose_y - 0.09
    bridge = [(0, y) for y in np.linspace(-0.04, tip, 4)]
    half = s.nose_w * 0.55
    base = [(-s.nose_w, -0.0), (-half, 0.035), (0, 0.055), (half, 0.035), (s.nose_w, 0)]
    return np.array([*bridge, *((x, s.nose_y + y) for x, y in base)])
