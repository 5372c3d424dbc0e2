"""What else changes during a video: pose, gaze, blinks, light."""

import numpy as np

from data_prep.faces.labels import wander
from data_prep.faces.render import Pose, State
from data_prep.faces.shading import Light


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
