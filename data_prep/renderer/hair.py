"""Hair: two patches beside a parting, filled with thousands of strands.

A patch lies between an inner curve (hairline, temple, down beside the face) and an
outer one (the silhouette); strands run along the curves, or across from the inner
to the outer one where hair is combed back.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from data_prep.renderer.canvas import (
    H,
    W,
    Y,
    fill,
    inflate,
    noise,
    pixels,
    spline,
    step,
)

FINE = 2  # strands are drawn this many times larger, then averaged
STEPS = 10  # points of a strand


@dataclass(frozen=True)
class Style:
    """How hair is worn; lengths in canvas units."""

    volume: float  # height over the skull
    end: float  # y down to which it falls beside the face
    along: bool  # strands run along the parting's sides, or across, combed back
    strands: int  # in each patch
    cover: float = 1.0  # opacity


STYLES = {
    "short": Style(0.13, 0.02, False, 2600),
    "buzz": Style(0.0, -0.02, False, 1500, 0.72),
    "tied": Style(0.06, -0.05, False, 2600),
    "bob": Style(0.17, 1.28, True, 2600),
    "long": Style(0.15, 2.5, True, 2800),
}


def grow(s, relief, colour, gloss, skin_alpha, rng):
    """Lay hair over skin layers; returns relief, colour, gloss, alpha (H, W)."""
    style = STYLES[s.style]
    patches = [_patch(s, style, side) for side in (-1, 1)]
    full = 58 if style.along else None  # below it single strands hang
    area = np.max([fill(np.r_[a[:full], b[:full][::-1]]) for a, b in patches], 0)
    if s.style == "tied":
        area = np.maximum(area, fill(_knot(s)))
    tone, loose = _strands(patches, style, rng)
    soft = cv2.GaussianBlur(area, (0, 0), 3.0)
    cover = np.maximum(step(soft, 0.35, 0.85), loose)
    cover = (cover * (1 - (1 - style.cover) * skin_alpha)).astype(np.float32)
    relief = relief + _rise(area, skin_alpha, style, relief)
    roots = 1 - 0.30 * step(soft, 0.9, 0.45) * (style.cover == 1)
    shade = (0.92 + 0.55 * tone + 0.04 * noise(rng, 25)) * roots
    lower = 1 - 0.30 * step(Y, -0.6, 0.6) * style.along  # shade beside the face
    tint = s.hair * (shade * lower)[..., None]
    beyond = 1 - cv2.dilate(skin_alpha, np.ones((5, 5)))  # no skin shines through
    colour = colour + np.maximum(cover, beyond)[..., None] * (tint - colour)
    gloss = gloss + cover * ((0.45 + 0.8 * tone).clip(0.05, 1) - gloss)
    return relief, colour, gloss.astype(np.float32), np.maximum(skin_alpha, cover)


def _patch(s, style, side):
    """Inner and outer curve (60, 2) of one side, from the parting downwards."""
    v, w = style.volume, s.face_w
    part = (s.parting * 0.8, s.hairline)
    if style.along:
        tuck = 0.06 if style.end < 2 else 0.0
        low = style.end
        inner = [part, (side * 0.66 * w, -0.84), (side * 0.97 * w, -0.38)]
        inner += [(side * 1.01 * w, 0.25), (side * (0.95 - tuck) * w, 0.9)]
        inner += [(side * (0.86 - tuck) * w, min(low, 1.45))]
        outer = [
            (s.parting * 0.5, s.crown_y - v),
            (side * 0.80, s.crown_y + 0.20 - v * 0.7),
        ]
        outer += [(side * (1.10 + v), -0.75), (side * (1.17 + v), 0.1)]
        outer += [(side * (1.20 + v), 0.85), (side * (1.08 + v), min(low, 1.5))]
        if low > 1.6:
            inner.append((side * 0.80, low))
            outer.append((side * (0.96 + v), low))
        return spline(inner), spline(outer)
    inner = [part, (side * 0.50, s.hairline + 0.03), (side * 0.84 * w, -0.76)]
    inner += [(side * 0.91 * w, -0.42), (side * 1.05 * w, style.end)]
    outer = [(0, s.crown_y - v), (side * 0.62, s.crown_y + 0.15 - v)]
    outer += [(side * (1.0 + 0.6 * v), -1.02), (side * (1.10 * w + 0.3 * v), -0.42)]
    outer += [(side * 1.085 * w, style.end)]
    return spline(inner), spline(outer)


def _knot(s):
    """A knot of hair on top of the head."""
    angle = np.linspace(0, 2 * np.pi, 40)
    return np.c_[0.30 * np.cos(angle), s.crown_y - 0.14 + 0.22 * np.sin(angle)]


def _rise(area, skin_alpha, style, relief):
    """Relief that hair adds over the skin: none at its rim, full some way in."""
    dome = 1.30 * inflate(np.maximum(area, skin_alpha)) + 0.5 * style.volume
    inside = step(cv2.GaussianBlur(area, (0, 0), 6), 0.35, 1.0)
    flat = cv2.GaussianBlur(relief, (0, 0), 4)  # hair lies over pores and ears
    return (inside * (np.maximum(dome, flat) - relief)).astype(np.float32)


def _strands(patches, style, rng):
    """Tone about -1..1 and coverage 0..1 of single strands, both (H, W) float32."""
    tone = np.full((H * FINE, W * FINE), 128, np.uint8)
    loose = np.zeros_like(tone)
    for inner, outer in patches:
        lines = _paths(inner, outer, style, rng)
        levels = (118 + 48 * rng.standard_normal(len(lines))).clip(0, 255).astype(int)
        for line, level in zip(lines, levels.tolist(), strict=True):
            cv2.polylines(tone, [line], False, level, 1, cv2.LINE_AA, 4)
        cv2.polylines(loose, list(lines), False, 255, 1, cv2.LINE_AA, 4)
    size = {"dsize": (W, H), "interpolation": cv2.INTER_AREA}
    tone, loose = (
        cv2.resize(plane, **size).astype(np.float32) for plane in (tone, loose)
    )
    return tone / 128 - 1, loose / 255


def _paths(inner, outer, style, rng):
    """(strands, STEPS, 2) int32 polylines in sixteenths of a fine pixel."""
    n = style.strands
    k = np.linspace(0, 1, STEPS)[:, None]
    if style.along:
        first = rng.uniform(-0.05, 0.75, n)
        along = first + k * rng.uniform(0.15, 0.45, n)
        across = rng.uniform(-0.03, 1.03, n) + k * rng.normal(0, 0.05, n)
        across = across + 0.03 * np.sin(9 * along + rng.normal(0, 0.5, n))
    else:
        first = rng.uniform(-0.06, 0.85, n)
        across = first + k * rng.uniform(0.10, 0.28, n)
        along = (
            rng.uniform(0, 1, n) + 0.10 * (across - 0.5) + k * rng.normal(0, 0.03, n)
        )
    ends = rng.uniform(0.9, 1.0, n) if style.along else 1.0
    at = np.clip(along, 0, ends) * (len(inner) - 1)
    low = np.minimum(at.astype(int), len(inner) - 2)
    part = (at - low)[..., None]
    near = inner[low] * (1 - part) + inner[low + 1] * part
    far = outer[low] * (1 - part) + outer[low + 1] * part
    points = near + across[..., None] * (far - near)
    fine = np.rint((pixels(points) + 0.5) * FINE * 16).astype(np.int32)
    return np.ascontiguousarray(fine.transpose(1, 0, 2))
