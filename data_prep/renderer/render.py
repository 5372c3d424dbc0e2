"""One frame: a subject's head under AU strengths, pose and light, as the camera sees.

1. AUs move and fold the skin   (canvas)
2. lids and lips take shape     (canvas)
3. light                        (canvas)
4. eyeballs, teeth              (canvas)
5. pose, backdrop               (frame)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import cv2
import numpy as np

from data_prep.renderer import actions, backdrop, eyes, head, mouth
from data_prep.renderer.actions import AUS
from data_prep.renderer.backdrop import MARGIN
from data_prep.renderer.canvas import (
    LEFT,
    PER_UNIT,
    TOP,
    H,
    W,
    bump,
    coarse_grid,
    pixels,
)
from data_prep.renderer.shading import Light, shade
from data_prep.renderer.subjects import DISFA, Subject, is_woman, rng

JAW = 17  # of the 66 landmarks
PIVOT = 0.55  # units of depth about which the head turns
# Depth that parallax uses: smooth, so that a turned head never folds over itself.
DEPTH = 1.15 * bump(0, 0.1, 1.0, 1.35) + 0.30 * bump(0, 0.55, 0.16, 0.28)


@dataclass(frozen=True)
class Frame:
    """The camera's picture in pixels, and where the head stands in it at rest."""

    width: int
    height: int
    eye_level: float  # y of the point between the eyes; its x is the middle

    @property
    def eyes(self) -> np.ndarray:
        """(2,) pixel of the point between the eyes at rest."""
        return np.array((self.width / 2, self.eye_level))

    @cached_property
    def coarse(self) -> np.ndarray:
        """(height / 4, width / 4, 2) pixels on which smooth maps are computed."""
        return coarse_grid(self.width, self.height)


BP4D_FRAME = Frame(520, 696, 305.0)  # 1040 x 1392 at half size
DISFA_FRAME = Frame(768, 576, 255.0)  # 1024 x 768 at three quarters


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


class Person:
    """A subject ready to be drawn in any state."""

    def __init__(self, subject: Subject, frame: Frame):
        self.subject = subject
        self.frame = frame
        self.head = head.build(subject)
        self.folds = actions.folds(subject.rng)
        self.motions = actions.motions(subject.lean)
        self.lip_lines = mouth.lip_lines(subject.rng)
        self.backdrop = backdrop.build(subject, frame)

    def draw(self, state: State):
        """Return the picture, uint8 BGR (height, width, 3), and its (66, 2) landmarks.

        Landmarks are pixels, x right and y down, 0 at the first pixel's centre: JAW
        points along the jaw, as DISFA has them, then BP4D's 49.
        """
        s = self.subject
        a = {au: s.gain[au] * state.strength.get(au, 0.0) for au in AUS}
        relief, colour, source = self._skin(a)
        gloss = self.head.gloss.copy()
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
        image = self._camera(lit, colour[..., 3], state.pose)
        points = self._landmarks(source, lids, lips)
        return image, _to_frame(points, state.pose, self.frame)

    def _skin(self, a):
        """Fold the neutral layers, then move them: relief, BGRA, and the map used."""
        relief = self.head.relief.copy()
        for au, (box, fold) in self.folds.items():
            if a[au]:
                relief[box] += a[au] * fold
        moved = sum(a[au] * motion for au, motion in self.motions.items())
        source = _enlarged(COARSE - moved * PER_UNIT, (W, H))
        relief = cv2.remap(relief, source, None, cv2.INTER_LINEAR, None, 1)
        colour = cv2.remap(self.head.colour, source, None, cv2.INTER_LINEAR)
        return relief, colour, source

    def _camera(self, lit, alpha, pose):
        """Pose the lit head before the backdrop."""
        near = cv2.cvtColor(cv2.convertScaleAbs(lit, alpha=255), cv2.COLOR_BGR2BGRA)
        near[..., 3] = alpha
        near = cv2.remap(near, _from_frame(pose, self.frame), None, cv2.INTER_LINEAR)
        cover = near[..., 3] * np.float32(1 / 255)
        near = cv2.cvtColor(near, cv2.COLOR_BGRA2BGR)
        dx, dy = np.rint(0.6 * np.array(pose.shift)).clip(-MARGIN, MARGIN).astype(int)
        rows = slice(MARGIN - dy, MARGIN - dy + self.frame.height)
        far = self.backdrop[rows, MARGIN - dx : MARGIN - dx + self.frame.width]
        return cv2.blendLinear(near, np.ascontiguousarray(far), cover, 1 - cover)

    def _landmarks(self, source, lids, lips):
        """(66, 2) in units on the canvas."""
        skin = _pushed(self.head.points, source)
        left, right = lids[0].landmarks(), lids[1].landmarks()
        right = right[[3, 2, 1, 0, 5, 4]]  # from the inner corner, still clockwise
        return np.r_[skin, left, right, lips.landmarks()]


@lru_cache(maxsize=2)
def person_of(seed: int, name: str) -> Person:
    """A subject, the same in every task and however many others there are."""
    view = DISFA_FRAME if name in DISFA else BP4D_FRAME
    return Person(Subject(name, is_woman(name), rng(seed, name)), view)


def _enlarged(coarse, size):
    """A smooth map on 4 x 4 cells to all pixels."""
    return cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)


COARSE = coarse_grid(W, H)


def _sample(plane, at):
    """Values of a plane (H, W) or (H, W, 2) at (P, 2) pixels."""
    at = at.astype(np.float32)[None]
    return cv2.remap(plane, at, None, cv2.INTER_LINEAR, None, 1)[0]


def _pushed(points, source):
    """Where points at rest arrive: the q whose source is p, by iteration."""
    rest = pixels(points)
    q = rest.copy()
    for _ in range(12):
        q += rest - _sample(source, q)
    return q / PER_UNIT + (LEFT, TOP)


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


def _from_frame(pose, frame):
    """(height, width, 2) float32 map from frame pixels to canvas pixels."""
    c, s = np.cos(pose.roll), np.sin(pose.roll)
    shrink, slide = _slopes(pose)
    turn = np.array([[c, s], [-s, c]]) / (pose.scale * shrink[:, None])
    at = (frame.coarse - (frame.eyes + pose.shift)) @ turn.T + pixels((0, 0))
    depth = cv2.remap(DEPTH, at.astype(np.float32), None, cv2.INTER_LINEAR, None, 1)
    at -= (depth[..., None] - PIVOT) * (slide / shrink * PER_UNIT)
    return _enlarged(at.astype(np.float32), (frame.width, frame.height))


def _to_frame(points, pose, frame):
    """Canvas points in units to frame pixels: the inverse of `_from_frame`."""
    shrink, slide = _slopes(pose)
    q = points.astype(float)
    for _ in range(12):  # q - parallax(q) = p
        q = points + (_sample(DEPTH, pixels(q))[:, None] - PIVOT) * (slide / shrink)
    q = q * shrink
    c, s = np.cos(pose.roll), np.sin(pose.roll)
    turned = q @ np.array([[c, s], [-s, c]])
    return turned * pose.scale * PER_UNIT + frame.eyes + pose.shift
