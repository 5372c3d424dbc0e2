"""Hair: thousands of strands that fan out from the crown, in four styles."""

import cv2
import numpy as np

from data_prep.faces.anatomy import outline
from data_prep.faces.canvas import (
    H,
    W,
    X,
    Y,
    fill,
    inflate,
    noise,
    pixels,
    step,
)

VOLUME = {"short": 0.10, "buzz": 0.03, "tied": 0.06, "bob": 0.14, "long": 0.13}
LENGTH = {"bob": 1.25, "long": 2.3}  # how far down the sides it falls


def grow(s, relief, colour, gloss, skin_alpha, rng):
    """Lay hair over skin layers; returns relief, colour, gloss, alpha (H, W)."""
    area, front = _area(s)
    density = _soft(area, rng)
    strands = _strands(s, area, rng)
    height = inflate(np.maximum(area, skin_alpha))
    lift = 1.30 * height + 0.06 + 0.012 * strands
    relief = relief + density * (np.maximum(lift, relief + 0.02) - relief)
    shade = (1 + 0.34 * strands)[..., None]
    shade = shade * (1 - 0.35 * front[..., None])
    tint = s.hair * shade * (1 - 0.03 * noise(rng, 30)[..., None])
    cover = density[..., None] * (0.8 if s.style == "buzz" else 1.0)
    colour = colour + cover * (tint - colour)
    gloss = gloss * (1 - density) + density * (0.35 + 0.25 * strands).clip(0, 1)
    alpha = np.maximum(skin_alpha, density)
    return relief.astype(np.float32), colour, gloss.astype(np.float32), alpha


def _area(s):
    """Where hair is, and how much of it lies in the shadow beside the face."""
    volume = VOLUME[s.style]
    skull = fill(outline(s, volume)) * step(Y, 0.35, 0.0)
    line = s.hairline + 0.10 * (X - s.parting) ** 2 + 0.55 * np.abs(X / 0.98) ** 5
    line = line + 0.03 * np.sin(7 * X + 9 * s.parting)
    inner = step(np.abs(X) - 0.02 * np.sin(9 * Y), 0.965, 1.03)  # sideburns
    top = step(Y, line + 0.06, line - 0.06)
    side = inner * step(Y, 0.30 if s.style == "short" else 0.1, -0.05)
    area = skull * np.maximum(top, side)
    front = np.zeros_like(area)
    if s.style in LENGTH:
        fall, front = _fall(s)
        area = np.maximum(area, fall)
    return area, front


def _fall(s):
    """Two curtains beside the face down to the style's length."""
    end = LENGTH[s.style] + 0.05 * np.sin(8 * X)
    bulge = 0.10 * np.sin(np.clip((Y + 1) / (LENGTH[s.style] + 1), 0, 1) * np.pi)
    outer = 1.09 + VOLUME[s.style] + bulge + 0.02 * np.sin(5 * Y + 3 * s.parting)
    tuck = 0.98 * s.face_w - 0.10 * step(Y, 0.4, 1.4) * (s.style == "bob")
    x = np.abs(X)
    rows = step(Y, -0.95, -0.8) * step(Y, end, end - 0.25)
    curtain = step(x, outer, outer - 0.03) * step(x, tuck - 0.03, tuck + 0.03)
    return curtain * rows, step(x, tuck + 0.22, tuck) * rows


def _soft(area, rng):
    """Ragged instead of smooth edges."""
    ragged = cv2.GaussianBlur(area, (0, 0), 2.5) + 0.10 * noise(rng, 2.2) * (
        area < 0.99
    )
    return step(ragged, 0.25, 0.75).astype(np.float32)


def _strands(s, area, rng):
    """(H, W) texture of about -1..1: strands drawn light and dark over each other."""
    crown = np.array([s.parting * 0.8, -1.95])
    texture = np.full((H, W), 128, np.uint8)
    rows, cols = np.nonzero(area > 0.2)
    count = min(len(rows), 4200 if s.style != "buzz" else 1200)
    roots = rng.choice(len(rows), count)
    steps = 9 if s.style in LENGTH else 6
    xs, ys = X[0, cols[roots]], Y[rows[roots], 0]
    path = np.zeros((steps, count, 2))
    bend = rng.normal(0, 0.16, count)
    for k in range(steps):
        path[k] = np.c_[xs, ys]
        dx, dy = xs - crown[0], 1.1 * (ys - crown[1])
        side = step(np.abs(xs), 0.75, 1.05)
        dx = dx * (1 - 0.93 * side) + bend * 0.25
        size = np.hypot(dx, dy) / 0.055
        xs, ys = xs + dx / size, ys + dy / size
    tones = np.clip(128 + 70 * rng.normal(0, 1, count), 0, 255)
    at = np.rint(pixels(path) * 16).astype(np.int32)
    at = np.ascontiguousarray(at.transpose(1, 0, 2))
    for line, tone in zip(at, tones, strict=True):
        cv2.polylines(texture, [line], False, float(tone), 1, cv2.LINE_AA, 4)
    texture = texture.astype(np.float32) / 128 - 1
    return cv2.GaussianBlur(texture, (0, 0), 0.7) + 0.25 * noise(rng, 12)
