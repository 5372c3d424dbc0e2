"""The frames of one sequence, as one camera or several see the same moments: how pose,
gaze, blinks and light change in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from data_prep.renderer.labels import wander
from data_prep.renderer.render import Person, Pose, State
from data_prep.renderer.shading import Light

SPARE = 200  # rows of grain: each frame takes another part of it


def shoot(
    person: Person,
    rng: np.random.Generator,
    aus: Sequence[int],
    strength: np.ndarray,
    height: int,
    turns: Sequence[float] = (0.0,),
) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Yield frame by frame what each camera sees: [(image, points), ...].

    strength is (frames, A) in 0..1 in the order of aus; turns are the cameras' angles
    about the head in radians. An image is uint8 BGR of that height, points (66, 2)
    pixels in it.
    """
    grain = _grain(rng, person.frame)
    for state in states(person.subject, rng, aus, strength):
        views = []
        for turn in turns:
            image, points = person.draw(beside(state, turn))
            row = rng.integers(SPARE)
            part = grain[row : row + person.frame.height]
            image = cv2.add(image, part, dtype=cv2.CV_8U)
            views.append(resized(image, points, height))
        yield views


def beside(state: State, turn: float) -> State:
    """The same moment for a camera `turn` radians about the head.

    Lamp and gaze are given as the camera sees them, so they turn the other way.
    """
    if not turn:
        return state
    pose = replace(state.pose, yaw=state.pose.yaw + turn)
    lamp = state.light.x + np.tan(pose.yaw) - np.tan(state.pose.yaw)
    gaze = (state.gaze[0] + turn, state.gaze[1])
    return replace(
        state, pose=pose, light=replace(state.light, x=float(lamp)), gaze=gaze
    )


def _grain(rng, frame):
    """Sensor noise, int16 (height + SPARE, width, 3)."""
    level = np.float32(rng.uniform(1.0, 3.5))
    grain = rng.standard_normal((frame.height + SPARE, frame.width, 3), np.float32)
    return np.rint(level * grain).astype(np.int16)


def resized(image, points, height):
    """Bring a frame and its landmarks to another height at the same aspect."""
    h, w = image.shape[:2]
    if height == h:
        return image, points
    size = (round(w * height / h), height)
    scale = np.array(size) / (w, h)
    way = cv2.INTER_AREA if height < h else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=way), (points + 0.5) * scale - 0.5


def states(subject, rng, aus, strength: np.ndarray) -> list[State]:
    """One State a frame for strengths (frames, A) of aus; the rest wanders smoothly."""
    frames = len(strength)
    slow = wander(rng, frames, 8, 0.95).clip(-2, 2)
    light = wander(rng, frames, 4, 0.97).clip(-2, 2)
    gaze = wander(rng, frames, 2, 0.80).clip(-2, 2)
    lids = _blinks(rng, frames)
    return [
        State(
            strength=dict(zip(aus, map(float, strength[k]), strict=True)),
            light=_light(subject, light[k]),
            pose=_pose(slow[k]),
            gaze=tuple(map(float, 0.45 * gaze[k])),
            blink=float(lids[k]),
        )
        for k in range(frames)
    ]


def _pose(x) -> Pose:
    yaw, pitch, roll = np.radians((6.0, 4.0, 3.0)) * x[:3]
    shift = (14.0 * x[4], 9.0 * x[5])
    return Pose(float(yaw), float(pitch), float(roll), float(1 + 0.03 * x[3]), shift)


def _light(subject, x) -> Light:
    return Light(
        x=float(subject.light[0] + 0.20 * x[0]),
        y=float(subject.light[1] + 0.12 * x[1]),
        key=float(0.78 + 0.05 * x[2]),
        room=float(0.36 + 0.03 * x[3]),
        warmth=float(np.clip(0.5 * x[3], -1, 1)),
    )


def _blinks(rng, frames) -> np.ndarray:
    """Closure 0..1: about every fortieth frame a blink of three frames begins."""
    closure = np.zeros(frames + 2)
    for start in np.flatnonzero(rng.random(frames) < 1 / 40):
        closure[start : start + 3] = 0.55, 1.0, 0.5
    return closure[:frames]
