"""What stands behind the head: a studio wall, neck, shoulders and a shirt."""

import cv2
import numpy as np

from data_prep.renderer.canvas import PER_UNIT, spline, step

MARGIN = 40  # pixels around the frame, for movement


def build(s, frame) -> np.ndarray:
    """(height + 2 MARGIN, width + 2 MARGIN, 3) uint8 BGR."""
    rng = s.rng
    h, w = frame.height + 2 * MARGIN, frame.width + 2 * MARGIN
    px, py = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    eyes = frame.eyes + MARGIN
    x = (px - eyes[0]) / PER_UNIT
    y = (py - eyes[1]) / PER_UNIT
    image = _wall(s, x, y, rng)
    image = _put(image, *_body(s, x, y, eyes, rng))
    return image.clip(0, 255).astype(np.uint8)


def _wall(s, x, y, rng):
    side = np.sign(s.light[0]) or 1.0
    glow = np.exp(-(((x + 1.2 * side) / 2.6) ** 2 + ((y + 1.0) / 3.2) ** 2))
    return s.wall * (0.62 + 0.38 * glow)[..., None]


def _put(image, colour, mask):
    return image + mask[..., None] * (colour - image)


def _fill(points, eyes, shape):
    mask = np.zeros(shape, np.uint8)
    at = (points * PER_UNIT + eyes) * 16
    cv2.fillPoly(mask, [np.rint(at).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _body(s, x, y, eyes, rng):
    """Neck and trunk as two rounded surfaces, lit once by the subject's lamp."""
    broad = 1.0 if s.female else 1.15
    neck_w = (0.60 if s.female else 0.74) * s.face_w
    collar = s.chin_y + 0.62
    side = [
        (neck_w * 0.7, 1.0),  # hidden behind the jaw
        (neck_w * 0.97, 1.6),
        (neck_w * 1.05, collar - 0.22),
        (neck_w * 1.4, collar - 0.02),
        (1.75 * broad, collar + 0.20),
        (2.5 * broad, collar + 0.42),
        (3.0 * broad, collar + 1.6),
    ]
    right = spline(side, 80)
    outline = np.r_[right, right[::-1] * (-1, 1)]
    mask = _fill(outline, eyes, x.shape)
    depth = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    round_ = np.sqrt(np.clip(depth / PER_UNIT, 0, 0.55) / 0.55)
    tendon = np.exp(-(((np.abs(x) - 0.52 + 0.33 * (y - 1.2)) / 0.07) ** 2))
    tendon = tendon * ((y > 1.2) & (y < collar))
    pit = np.exp(-((x / 0.12) ** 2 + ((y - collar) / 0.1) ** 2))
    relief = 0.55 * round_ + 0.035 * tendon - 0.06 * pit
    relief = cv2.GaussianBlur(relief.astype(np.float32), (0, 0), 3)
    neckline = 0.42 * (1 - (x / (neck_w * 1.55)) ** 2)
    cloth = step(y - collar - 0.10 - neckline.clip(-0.5, 1), -0.012, 0.012)
    weave = 1 + 0.025 * rng.standard_normal(x.shape).astype(np.float32)
    crumple = cv2.GaussianBlur(
        rng.standard_normal(x.shape).astype(np.float32), (0, 0), 14
    )
    relief += 0.35 * crumple * cloth
    hem = np.exp(-(((y - collar - 0.13 - neckline.clip(-0.5, 1)) / 0.035) ** 2))
    relief += 0.03 * hem
    light = _lit(relief, s.light)
    under = 1 - 0.62 * np.exp(-((x / 0.95) ** 2)) / (1 + np.exp((y - 2.12) / 0.10))
    skin = s.skin * (light * under)[..., None] * np.float32((0.93, 0.95, 1.0))
    shirt = s.cloth * (light * weave * (1 - 0.25 * hem))[..., None]
    return skin + cloth[..., None] * (shirt - skin), mask


def _lit(relief, lamp):
    gx = cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=PER_UNIT / 8)
    gy = cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=PER_UNIT / 8)
    nz = 1 / np.sqrt(gx * gx + gy * gy + 1)
    norm = np.sqrt(lamp[0] ** 2 + lamp[1] ** 2 + 1)
    facing = (1 - gx * lamp[0] - gy * lamp[1]) * nz / norm
    return np.sqrt(0.25 + 0.75 * np.clip(facing, 0, 1)) * (0.80 + 0.20 * nz)
