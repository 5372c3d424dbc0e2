"""Light on a relief: soft shadows, occlusion, skin's red bleed, and shine."""

from dataclasses import dataclass

import cv2
import numpy as np

from data_prep.renderer.canvas import PER_UNIT

WRAP = np.float32((0.10, 0.16, 0.34))  # BGR: light that skin scatters past the edge
COARSE = 4


@dataclass
class Light:
    """A lamp at (x, y, 1), seen from the face; its strength and the room's."""

    x: float
    y: float
    key: float
    room: float
    warmth: float  # -1 bluish .. 1 yellowish

    def direction(self):
        """Unit vector (3,) towards the lamp."""
        d = np.array([self.x, self.y, 1.0])
        return d / np.linalg.norm(d)


def shade(relief, colour, gloss, light) -> np.ndarray:
    """Light a relief (H, W) of colour BGRA uint8: BGR (H, W, 3) float32 from 0 up."""
    # 1. normals
    gx = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3, scale=PER_UNIT / 8)
    gy = cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3, scale=PER_UNIT / 8)
    nz = 1 / np.sqrt(gx * gx + gy * gy + 1)
    lx, ly, lz = (float(c) for c in light.direction())
    facing = (lz - gx * lx - gy * ly) * nz
    # 2. light that arrives
    hidden = _occlusion(relief)
    sun = facing * _shadow(relief, light)
    up = (0.80 + 0.20 * gy * nz) * hidden  # the room is brighter above
    # 3. colour by colour, in linear light
    tint = 1 + 0.08 * light.warmth * np.float32((-1, 0, 1))
    planes = []
    shine = _shine(gx, gy, nz, light) * gloss * hidden
    for c, plane in enumerate(cv2.split(colour)[:3]):
        w = float(WRAP[c])
        ray = np.maximum(sun + w, 0) * (light.key * float(tint[c]) / (1 + w))
        ray += light.room * up
        ray *= cv2.LUT(plane, LINEAR)
        ray += shine
        planes.append(np.sqrt(ray, ray))
    return cv2.merge(planes)


LINEAR = ((np.arange(256, dtype=np.float32) / 255) ** 2).reshape(1, 256)


def _shine(gx, gy, nz, light):
    half = light.direction() + np.array((0, 0, 1))
    half = half / np.linalg.norm(half)
    h = np.maximum((float(half[2]) - gx * float(half[0]) - gy * float(half[1])) * nz, 0)
    h2 = h * h
    h4 = h2 * h2
    h8 = h4 * h4
    return (0.05 * h8 + 0.11 * h8 * h8 * h8) * (light.key)


def _occlusion(relief):
    """Hollows are darker: compare the relief with its own blur at two sizes."""
    small = cv2.resize(relief, None, None, 1 / COARSE, 1 / COARSE, cv2.INTER_AREA)
    wide = cv2.blur(cv2.blur(small, (17, 17)), (17, 17))
    near = cv2.blur(small, (5, 5))
    hollow = np.clip(1.0 + 1.5 * (small - wide) + 4.0 * (small - near), 0.45, 1.12)
    hollow = cv2.resize(hollow, relief.shape[::-1], interpolation=cv2.INTER_LINEAR)
    fine = cv2.blur(relief, (9, 9))
    return np.clip(hollow + 9 * (relief - fine), 0.25, 1.15)


def _shadow(relief, light):
    """March from each cell towards the lamp; what rises above the ray casts shadow."""
    small = cv2.resize(relief, None, None, 1 / COARSE, 1 / COARSE, cv2.INTER_AREA)
    h, w = small.shape
    above = np.zeros_like(small)
    reach = np.hypot(light.x, light.y)
    for k in (2, 4, 6, 9, 13, 18):
        dx, dy = k * light.x / reach, k * light.y / reach
        move = np.float32([[1, 0, dx], [0, 1, dy]])
        seen = cv2.warpAffine(
            small, move, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        ray = small + k * COARSE / PER_UNIT / reach
        above = np.maximum(above, seen - ray)
    dark = cv2.GaussianBlur(np.clip(above / 0.10, 0, 1), (0, 0), 1.2)
    dark = cv2.resize(dark, relief.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return 1 - 0.6 * dark
