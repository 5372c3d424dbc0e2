"""The neutral head of a subject, eyes closed: bones, relief, colour and gloss."""

from dataclasses import dataclass

import cv2
import numpy as np

from data_prep.renderer import hair
from data_prep.renderer.canvas import (
    PER_UNIT,
    X,
    Y,
    bump,
    fill,
    inflate,
    noise,
    pair,
    pixels,
    spline,
    step,
    stroke,
)


@dataclass
class Head:
    """Layers of the canvas: float32 (H, W), and colour uint8 (H, W, 4) with alpha."""

    relief: np.ndarray  # units, towards the viewer
    colour: np.ndarray  # BGR + alpha
    gloss: np.ndarray  # 0..1
    points: np.ndarray  # (36, 2) landmarks in units: jaw, brows, nose


def build(subject) -> Head:
    """Draw a subject's neutral head; uses up the subject's random numbers."""
    rng = subject.rng
    face = fill(outline(subject))
    ears = _ears(subject)
    skin_alpha = np.maximum(face, ears)
    relief = _relief(subject, face) + 0.15 * ears * (1 - face)
    colour = _skin(subject, rng)
    gloss = _gloss(subject)
    brows = brow_points(subject)
    colour = _brows(subject, colour, brows, rng)
    relief, colour, gloss, alpha = hair.grow(
        subject, relief, colour, gloss, skin_alpha, rng
    )
    bgra = np.dstack([colour, alpha * 255]).clip(0, 255).astype(np.uint8)
    points = np.r_[jaw_points(subject), brows, nose_points(subject)]
    return Head(relief, bgra, gloss, points)


def _ears(s):
    both = 0
    for side in (-1, 1):
        c = np.array([side * 1.10 * s.face_w, 0.10])
        knots = [(0.0, -0.28), (0.1, -0.27), (0.13, -0.05), (0.08, 0.2), (-0.02, 0.34)]
        knots = [(side * x, y) for x, y in knots]
        both = both + fill(c + spline([*knots, (side * -0.1, 0.0), knots[0]]))
    return np.clip(both, 0, 1)


def _relief(s, face):
    z = 1.30 * inflate(face)
    z -= 0.10 * pair(s.eye_x, -0.02, 0.26, 0.13)  # sockets
    z += 0.06 * pair(0.45, -0.30, 0.30, 0.07)  # brow ridge
    z += s.cheek * pair(0.66, 0.40, 0.22, 0.18)
    z -= 0.05 * pair(0.66, 0.98, 0.16, 0.24)  # hollow under the cheekbone
    z += 0.13 * bump(0, s.mouth_y - 0.02, 0.36, 0.26)  # teeth
    z -= 0.02 * bump(0, s.mouth_y - 0.21, 0.035, 0.07)  # philtrum
    z -= 0.06 * bump(0, s.mouth_y + 0.26, 0.26, 0.05)  # under the lip
    z += 0.10 * bump(0, s.chin_y - 0.22, 0.20, 0.14)
    z += _nose(s) + _age(s)
    pores = noise(s.rng, 1.6) + 0.7 * noise(s.rng, 3)
    return (z + (0.0005 + 0.0005 * s.age) * pores).astype(np.float32)


def _nose(s):
    """A ridge from between the eyes to the tip, the tip, and its two wings."""
    tip = s.nose_y - 0.09
    t = np.clip((Y + 0.18) / (tip + 0.18), 0, 1)
    height = s.nose_h * (0.16 + 0.84 * t**1.5)
    under = step(Y, tip + 0.18, tip - 0.05)
    ridge = height * under * step(Y, -0.45, -0.02)
    ridge = ridge * np.exp(-0.5 * (X / (0.072 + 0.032 * t)) ** 2)
    ball = 0.09 * bump(0, tip - 0.01, 0.105, 0.085)
    wing = 0.24 * pair(s.nose_w * 0.84, s.nose_y - 0.065, 0.064, 0.062)
    crease = pair(s.nose_w + 0.065, s.nose_y - 0.04, 0.022, 0.07, 0.2)
    notch = pair(0.105, s.nose_y - 0.075, 0.017, 0.05, -0.35)
    return ridge + ball + wing - 0.045 * crease - 0.035 * notch


def _age(s):
    """The lines that stay when the face is at rest."""
    z = np.zeros_like(X)
    for side in (-1, 1):
        fold = [(0.25, 0.62), (0.37, 0.78), (0.47, 1.0)]
        z -= stroke([(side * x, y) for x, y in fold], 0.035, 0.012 + 0.03 * s.age)
        bag = [(0.30, 0.13), (0.46, 0.20), (0.66, 0.15)]
        z -= stroke([(side * x, y) for x, y in bag], 0.022, 0.004 + 0.016 * s.age)
    for y in (-0.66, -0.80):
        line = [(-0.5, y + 0.02), (0, y), (0.5, y + 0.02)]
        z -= stroke(line, 0.014, 0.008 * s.age)
    return z


def _skin(s, rng):
    """(H, W, 3) colour without light: blotches, blush, lips' surround, freckles."""
    tone = np.broadcast_to(s.skin, (*X.shape, 3)).copy()
    blotch = 0.6 * noise(rng, 14) + 0.4 * noise(rng, 5) + 0.35 * noise(rng, 1.3)
    tone *= 1 + 0.022 * blotch[..., None]
    blush = 0.8 * pair(0.64, 0.42, 0.24, 0.18) + 0.9 * bump(0, 0.6, 0.15, 0.13)
    blush += 0.5 * bump(0, 1.6, 0.2, 0.15) + 0.9 * pair(1.16, 0.1, 0.1, 0.3)
    blush += 0.5 * pair(s.eye_x, -0.02, 0.28, 0.12) + 0.15 * noise(rng, 20)
    tone *= 1 - 0.10 * blush[..., None] * np.array((1.0, 0.85, -0.12), np.float32)
    shadow = pair(s.eye_x * 0.95, 0.13, 0.22, 0.06)
    tone *= 1 - (0.05 + 0.08 * s.age) * shadow[..., None]
    tone = _nostrils(s, tone)
    tone = _freckles(s, tone, rng)
    return _beard(s, tone, rng)


def _nostrils(s, tone):
    dark = pair(s.nose_w * 0.50, s.nose_y + 0.012, 0.046, 0.019, 0.3)
    dark = np.clip(1.3 * dark, 0, 1)[..., None]
    return tone + dark * (tone * (0.24, 0.26, 0.36) - tone)


def _freckles(s, tone, rng):
    count = int(rng.choice([4, 12, 60, 220], p=[0.4, 0.3, 0.2, 0.1]))
    spots = np.zeros(X.shape, np.float32)
    at = rng.normal((0, 0.3), (0.6, 0.55), (count, 2))
    for x, y in pixels(at).astype(int):
        strength = float(rng.uniform(0.1, 0.4))
        cv2.circle(spots, (int(x), int(y)), int(rng.integers(0, 2)), strength, -1)
    spots = cv2.GaussianBlur(spots, (0, 0), 0.8)[..., None]
    return tone * (1 - spots * (0.8, 0.7, 0.5))


def _beard(s, tone, rng):
    """Stubble or beard: darker, bluish, grainy; none on lips or high cheeks."""
    if not s.beard:
        return tone
    high = 0.62 + 0.35 * np.exp(-(((np.abs(X) - 0.55) / 0.3) ** 2))
    area = step(Y, high, high + 0.30)
    area = area * (1 - 0.7 * pair(0.46, 0.86, 0.14, 0.12))
    grain = np.clip(0.8 + 0.24 * noise(rng, 1.0) + 0.14 * noise(rng, 3), 0, 1.4)
    cover = (0.62 * s.beard * area * grain)[..., None].clip(0, 0.9)
    return tone + cover * (0.8 * s.hair + 0.2 * tone * 0.5 - tone)


def _gloss(s):
    """Where skin shines: brow, nose, cheekbones, chin."""
    shine = bump(0, -0.7, 0.5, 0.2) + 1.3 * bump(0, 0.45, 0.10, 0.3)
    shine += 0.8 * pair(0.62, 0.3, 0.2, 0.12) + 0.6 * bump(0, 1.6, 0.16, 0.1)
    return np.clip(0.25 + 0.5 * shine, 0, 1).astype(np.float32)


def _brows(s, colour, points, rng):
    """Some hundred hairs a brow: upright at the inner end, lying at the outer."""
    scale = 4
    size = (X.shape[1] * scale, X.shape[0] * scale)
    mask = np.zeros((size[1], size[0]), np.uint8)
    for side, knots in ((-1, points[4::-1]), (1, points[5:])):
        count = int(260 * (0.6 + 8 * s.brow_w))
        curve = spline(knots, count)
        t = np.linspace(0, 1, count)
        width = s.brow_w * (0.95 - 0.35 * t) * np.minimum(1, 0.55 + 4 * t)
        width *= np.minimum(1, 5 * (1.04 - t))
        root = (
            curve + np.c_[rng.normal(0, 0.01, count), rng.normal(0, 0.5, count) * width]
        )
        angle = np.radians(-72 + 82 * t**0.5 + rng.normal(0, 11, count))
        length = rng.uniform(0.05, 0.10, count)
        end = root + np.c_[side * np.cos(angle), np.sin(angle)] * length[:, None]
        for a, b in zip(pixels(root), pixels(end), strict=True):
            a, b = (np.rint((p + 0.5) * scale * 4).astype(int) for p in (a, b))
            shade = int(rng.integers(120, 230))
            cv2.line(mask, a, b, shade, 3, cv2.LINE_AA, 2)
    mask = cv2.resize(mask, X.shape[::-1], interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.02 * PER_UNIT)
    cover = np.maximum(mask, 0.55 * soft).astype(np.float32)[..., None] / 255
    return colour + 0.92 * cover * (0.75 * s.hair + 0.06 * s.skin - colour)


# ---- Bones: the head's outline, and where jaw, brows and nose stand


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
