"""One frame: a subject's head under AU strengths, pose and light, as the camera sees.

1. AUs move and fold the skin   (canvas)
2. lids and lips take shape     (canvas)
3. light                        (canvas)
4. eyeballs, teeth              (canvas)
5. pose, backdrop, sensor       (frame)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from data_prep.faces import actions, backdrop, eyes, head, mouth
from data_prep.faces.actions import AUS
from data_prep.faces.backdrop import EYES, HEIGHT, MARGIN, WIDTH
from data_prep.faces.canvas import PER_UNIT, H, W, bump, pixels
from data_prep.faces.shading import Light, shade
from data_prep.faces.subject import Subject

PIVOT = 0.55  # units of depth about which the head turns
GRID = np.dstack(np.meshgrid(np.arange(W), np.arange(H))).astype(np.float32)
# Depth that parallax uses: smooth, so that a turned head never folds over itself.
DEPTH = 1.15 * bump(0, 0.1, 1.0, 1.35) + 0.30 * bump(0, 0.55, 0.16, 0.28)


@dataclass
class Pose:
    """Angles in radians, a factor, and a shift in pixels at working size."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass
class State:
    """All that changes from frame to frame. strength: AU to 0..1, absent ones 0."""

    strength: Mapping[int, float]
    light: Light
    pose: Pose = field(default_factory=Pose)
    gaze: tuple[float, float] = (0.0, 0.0)
    blink: float = 0.0


class Face:
    """A subject ready to be drawn in any state."""

    def __init__(self, subject: Subject):
        self.subject = subject
        self.head = head.build(subject)
        self.folds = actions.folds(subject.rng)
        self.motions = actions.motions(subject.lean)
        self.lip_lines = mouth.lip_lines(subject.rng)
        self.backdrop = backdrop.build(subject)
        self.grain = subject.rng.standard_normal((3 * HEIGHT, WIDTH, 3), np.float32)

    def draw(self, state: State, noise: float = 2.0, seed: int = 0):
        """Return the frame, uint8 BGR (696, 520, 3), and its (49, 2) landmarks.

        Landmarks are pixels, x right and y down, 0 at the first pixel's centre.
        """
        s = self.subject
        a = {au: s.gain[au] * state.strength.get(au, 0.0) for au in AUS}
        relief, colour, gloss, moved = self._skin(a)
        lids = eyes.eyes(s, a, state.blink)
        lips = mouth.shape(s, a)
        for eye in lids:
            eyes.fold_lids(s, eye, a, relief, colour)
        mouth.form_lips(s, lips, a, relief, colour, gloss, self.lip_lines)
        light = _seen_from(state.light, state.pose)
        lit = shade(relief, colour, gloss, light)
        for eye in lids:
            gaze = (state.gaze[0] - state.pose.yaw, state.gaze[1] + state.pose.pitch)
            eyes.paint(s, eye, a, lit, gaze, (light.x, light.y), 0.4 + s.female)
        mouth.paint_inside(lips, a, lit)
        image = self._camera(lit, colour[..., 3], state, noise, seed)
        points = self._landmarks(moved, lids, lips)
        return image, _to_frame(points, state.pose)

    def _skin(self, a):
        """Fold the neutral layers, then move them: relief, BGRA, gloss, movement."""
        relief = self.head.relief.copy()
        for au, (box, fold) in self.folds.items():
            if a[au]:
                relief[box] += a[au] * fold
        coarse = sum(a[au] * motion for au, motion in self.motions.items())
        moved = actions.full(coarse)
        source = GRID - moved * PER_UNIT
        relief = cv2.remap(relief, source, None, cv2.INTER_LINEAR, None, 1)
        colour = cv2.remap(self.head.colour, source, None, cv2.INTER_LINEAR)
        return relief, colour, self.head.gloss.copy(), moved

    def _camera(self, lit, alpha, state, noise, seed):
        """Pose the lit head before the backdrop, add the sensor's noise."""
        near = np.empty((H, W, 4), np.uint8)
        np.clip(lit * 255, 0, 255, out=lit)
        near[..., :3] = lit
        near[..., 3] = alpha
        near = cv2.remap(near, _from_frame(state.pose), None, cv2.INTER_LINEAR)
        dx, dy = (0.6 * np.array(state.pose.shift)).clip(-MARGIN + 1, MARGIN - 1)
        at = np.float32([[1, 0, dx - MARGIN], [0, 1, dy - MARGIN]])
        image = cv2.warpAffine(self.backdrop, at, (WIDTH, HEIGHT)).astype(np.float32)
        cover = near[..., 3:].astype(np.float32) * (1 / 255)
        image += cover * (near[..., :3] - image)
        first = seed % (2 * HEIGHT)
        image += noise * self.grain[first : first + HEIGHT]
        return image.clip(0, 255).astype(np.uint8)

    def _landmarks(self, moved, lids, lips):
        """(49, 2) in units on the canvas, in BP4D's order."""
        rest = np.r_[self.head.brows, self.head.nose]
        skin = _pushed(rest, moved)
        left, right = lids[0].landmarks(), lids[1].landmarks()
        right = right[[3, 2, 1, 0, 5, 4]]  # from the inner corner, still clockwise
        return np.r_[skin, left, right, lips.landmarks()]


def _sample(plane, points):
    """Values of a plane (H, W) or (H, W, 2) at (P, 2) points in units."""
    at = pixels(points).astype(np.float32)[None]
    return cv2.remap(plane, at, None, cv2.INTER_LINEAR, None, 1)[0]


def _pushed(points, moved):
    """Where points at rest arrive: the q with q - moved(q) = p, by iteration."""
    q = points.astype(float)
    for _ in range(12):
        q = points + _sample(moved, q)
    return q


def _seen_from(light, pose):
    return Light(
        light.x - np.tan(pose.yaw),
        light.y + np.tan(pose.pitch),
        light.key,
        light.room,
        light.warmth,
    )


def _slopes(pose):
    """Foreshortening (2,) and parallax (2,) per unit of depth."""
    turn = np.array((pose.yaw, pose.pitch))
    return np.cos(turn), np.sin(turn) * (1, -1)


def _from_frame(pose):
    """(HEIGHT, WIDTH, 2) float32 map from frame pixels to canvas pixels."""
    c, s = np.cos(pose.roll), np.sin(pose.roll)
    turn = np.array([[c, s], [-s, c]]) / pose.scale
    origin = EYES + pose.shift
    shrink, slide = _slopes(pose)
    to = turn / shrink[:, None]
    offset = pixels((0, 0)) - to @ origin
    matrix = np.c_[to, offset]
    # canvas point before parallax, then minus the parallax found there
    parallax = -(DEPTH[..., None] - PIVOT) * (slide / shrink * PER_UNIT)
    base = (GRID + parallax).astype(np.float32)
    return cv2.warpAffine(
        base,
        matrix,
        (WIDTH, HEIGHT),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(-1e4, -1e4),
    )


def _to_frame(points, pose):
    """Canvas points in units to frame pixels: the inverse of `_from_frame`."""
    shrink, slide = _slopes(pose)
    q = points.astype(float)
    for _ in range(12):  # q - parallax(q) = p
        q = points + (_sample(DEPTH, q)[:, None] - PIVOT) * (slide / shrink)
    q = q * shrink
    c, s = np.cos(pose.roll), np.sin(pose.roll)
    turned = q @ np.array([[c, s], [-s, c]])
    return turned * pose.scale * PER_UNIT + EYES + pose.shift
