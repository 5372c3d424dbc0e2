"""Eyes: lids shaped by AUs, and the ball between them with gaze and reflections."""

from dataclasses import dataclass

import numpy as np

from data_prep.renderer.canvas import X, Y, step, window

IRIS = 0.094  # radius in units
SOFT = 0.010  # width of an edge in units


@dataclass
class Eye:
    """One eye in one frame; x from the eye's middle, outwards positive."""

    side: int  # -1 left in the picture, 1 right
    x: float
    half: float
    up: float  # height of the upper lid above the corners' line
    low: float
    tilt: float

    def ends(self, u):
        """Line through both corners at u in -1 (inner) .. 1 (outer)."""
        return -self.tilt * u

    def upper(self, u):
        """y of the upper lid's edge; highest a little towards the nose."""
        arch = np.clip(1 - np.abs(u) ** 2.2, 0, 1) ** 0.8 * (1 - 0.10 * u)
        return self.ends(u) - self.up * arch

    def lower(self, u):
        """y of the lower lid's edge; lowest a little outwards."""
        arch = np.clip(1 - u * u, 0, 1) ** 0.9 * (1 + 0.12 * u)
        return self.ends(u) + self.low * arch

    def landmarks(self):
        """(6, 2): outer corner, upper lid, inner corner, lower lid."""
        us = np.array([1, 0.36, -0.36, -1, -0.36, 0.36])
        ys = np.r_[self.upper(us[:3]), self.ends(-1), self.lower(us[4:])]
        return np.c_[self.side * (self.x + us * self.half), ys]


def eyes(s, a, blink: float) -> tuple[Eye, Eye]:
    """Left and right eye for AU strengths a (a mapping) and a blink in 0..1."""
    wide = 0.062 * a[5] - 0.030 * a[7] - 0.022 * a[6] - 0.018 * a[9] - 0.012 * a[4]
    up = s.eye_up + wide
    low = s.eye_low - 0.044 * a[7] - 0.030 * a[6] - 0.022 * a[9] - 0.008 * a[12]
    tilt = s.eye_tilt + 0.012 * a[2] - 0.010 * a[6]
    up = max(up, 0.025)
    up = up + blink * (-low - 0.004 - up)
    half = s.eye_w * (1 - 0.02 * a[6])
    left, right = (Eye(side, s.eye_x, half, up, low, tilt) for side in (-1, 1))
    return left, right


def _frame(eye):
    """Window around an eye, and u, v there: along the lids and y."""
    x0, x1 = sorted((eye.side * (eye.x - 0.42), eye.side * (eye.x + 0.42)))
    box = window(x0, -0.36, x1, 0.30)
    u = (eye.side * X[box][:1] - eye.x) / eye.half
    return box, u, Y[box][:, :1]


def fold_lids(s, eye, a, relief, colour):
    """Bulge of the ball under the lids, the upper lid's crease, lashes' line."""
    box, u, v = _frame(eye)
    inside = np.clip(u, -1, 1)
    beyond = np.exp(-((np.maximum(np.abs(u) - 0.9, 0) / 0.22) ** 2))
    d = ((u * eye.half) ** 2 + (v + 0.02) ** 2) / 0.27**2
    relief[box] += 0.10 * np.clip(1 - 0.75 * d, 0, 1) ** 2
    upper, lower = eye.upper(inside), eye.lower(inside)
    lift = s.crease * (1 - 0.25 * a[5]) + 0.35 * (s.eye_up - eye.up)
    crease = upper - np.clip(lift, 0.022, 0.11) * (1 - 0.35 * u * u)
    groove = np.exp(-(((v - crease) / 0.014) ** 2)) * beyond
    roll = np.exp(-(((v - crease + 0.035) / 0.025) ** 2)) * beyond
    bag = np.exp(-(((v - lower - 0.040) / 0.022) ** 2)) * beyond
    relief[box] += 0.012 * roll - 0.018 * groove
    relief[box] += (0.006 + 0.022 * a[7] + 0.016 * a[6]) * bag
    rim = np.exp(-(((v - lower - 0.006) / 0.010) ** 2)) * beyond
    dark = 0.45 * groove + 0.16 * np.exp(-(((v - lower - 0.075) / 0.018) ** 2)) * a[7]
    skin = colour[box][..., :3].astype(np.float32)
    skin *= 1 - dark[..., None] * (0.75, 0.65, 0.5)
    skin += 0.25 * rim[..., None] * (skin * (0.92, 0.92, 1.12) - skin)
    colour[box][..., :3] = skin.clip(0, 255)


def paint(s, eye, a, lit, gaze, light, lashes=1.0):
    """Draw ball and lashes over the lit face, lit float32 0..1 BGR, in place."""
    box, u, v = _frame(eye)
    inside = np.clip(u, -1, 1)
    upper, lower = eye.upper(inside), eye.lower(inside)
    open_ = step(v - upper, -SOFT, SOFT) * step(lower - v, -SOFT, SOFT)
    open_ = (open_ * (np.abs(u) < 1))[..., None]
    face = lit[box]
    level = float(np.median(face[::4, ::4])) * 0.55 + 0.30
    ball = _ball(s, eye, u, v, gaze, light) * level
    lid_shadow = 1 - 0.55 * np.exp(-(((v - upper) / 0.035) ** 2))
    corner = 1 - 0.28 * np.abs(inside) ** 4
    ball = ball * (lid_shadow * corner)[..., None]
    pink = np.exp(-(((u + 0.93) / 0.10) ** 2))[..., None]
    ball += 0.75 * pink * (np.float32((0.34, 0.36, 0.62)) * level * 1.1 - ball)
    face += open_ * (ball - face)
    _lashes(s, eye, u, v, upper, lower, face, lashes)


def _ball(s, eye, u, v, gaze, light):
    """Colour of the eyeball's front, 0..1, for full light."""
    x = eye.side * u * eye.half  # rightwards in the picture, from the eye's middle
    cx, cy = 0.085 * gaze[0], -0.022 + 0.05 * gaze[1]
    r = np.hypot(x - cx, v - cy) / IRIS
    white = np.float32((0.84, 0.87, 0.90)) * (1 - 0.25 * (x / eye.half)[..., None] ** 2)
    angle = np.arctan2(v - cy, x - cx)
    fibre = 0.82 + 0.12 * np.sin(23 * angle + 5 * np.sin(7 * angle)) + 0.25 * (r - 0.5)
    low = 0.25 * step(v - cy, -IRIS, IRIS)  # light pools opposite the lamp
    tone = (s.iris / 255) * (fibre + low)[..., None]
    ring = step(r, 0.80, 1.0)[..., None]
    tone = tone * (1 - 0.72 * ring)
    pupil = step(r, 0.44, 0.36)[..., None]
    tone = tone * (1 - 0.94 * pupil)
    edge = step(r, 1.06, 0.96)[..., None]
    ball = white + edge * (tone - white)
    spot = np.hypot(x - cx - 0.035 * light[0], v - cy - 0.045 * light[1])
    glint = step(spot, 0.020, 0.009)[..., None]
    return ball + glint * (1.5 - ball)


def _lashes(s, eye, u, v, upper, lower, face, strength):
    """A dark rim on the upper lid, wider outwards, a faint one on the lower."""
    wide = 0.012 + 0.010 * np.clip(u + 0.5, 0, 1.5) * strength
    line = np.exp(-(((v - upper + 0.006) / wide) ** 2))
    line *= step(np.abs(u), 1.10, 0.96)
    faint = 0.28 * np.exp(-(((v - lower - 0.004) / 0.008) ** 2)) * step(u, -0.9, 0.3)
    faint *= np.abs(u) < 1
    cover = np.clip((0.6 + 0.3 * strength) * line + faint, 0, 0.95)[..., None]
    face += cover * (np.float32((0.05, 0.05, 0.06)) - face)
