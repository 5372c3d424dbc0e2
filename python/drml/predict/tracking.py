"""Faces followed through a video, so that each keeps its number.

A face's mesh is fitted again in the square that it had in the frame before, which takes
a fraction of what detection does. Detection looks every DETECT_EVERY frames, or in each
while there is nobody, for faces that overlap none that is followed.
"""

from typing import NamedTuple

import numpy as np

from data_prep.detection import (
    MARGIN,
    OVERLAP,
    Face,
    Region,
    detect,
    distinct,
    fit_mesh,
    overlap,
)

DETECT_EVERY = 5  # frames
REMEMBERED = 30  # frames in which a face that was lost can come back where it was


class Track(NamedTuple):
    """Where a face was last."""

    region: Region
    box: tuple[float, ...]  # left, top, right, bottom
    frame: int


class Tracker:
    """The faces of a video so far; `state` holds all it knows, as JSON values."""

    def __init__(self, state: dict | None = None):
        state = state or {"frame": 0, "next": 0, "tracks": {}}
        self.frame, self.next = state["frame"], state["next"]
        self.tracks = {
            int(number): Track(Region(tuple(centre), *rest), tuple(box), frame)
            for number, ((centre, *rest), box, frame) in state["tracks"].items()
        }

    @property
    def state(self) -> dict:
        return {"frame": self.frame, "next": self.next, "tracks": self.tracks}

    def follow(self, image: np.ndarray) -> list[tuple[int, Face]]:
        """Return the faces of the next frame, H x W x 3 uint8 BGR, by their numbers."""
        before, self.frame = self.frame, self.frame + 1
        present = {n: t for n, t in self.tracks.items() if t.frame == before}
        found = {
            number: face
            for number, track in present.items()
            if (face := fit_mesh(image, track.region))
        }
        found = self._without_twins(found)
        if not found or before % DETECT_EVERY == 0:
            for face in self._others(image, found):
                found[self._number(face, found)] = face
        for number, face in found.items():
            box = tuple(map(float, face.box))
            self.tracks[number] = Track(face.region, box, self.frame)
        oldest = self.frame - REMEMBERED
        self.tracks = {n: t for n, t in self.tracks.items() if t.frame > oldest}
        return sorted(found.items())

    def _without_twins(self, found: dict[int, Face]) -> dict[int, Face]:
        """Drop the younger of two tracks that came to lie on one face."""
        kept = {}
        for number, face in found.items():
            if all(overlap(face.box, other.box) < OVERLAP for other in kept.values()):
                kept[number] = face
        return kept

    def _others(self, image: np.ndarray, found: dict[int, Face]) -> list[Face]:
        """Detect faces that are not followed."""
        known = [face.box for face in found.values()]
        faces = []
        for region in detect(image):
            half = region.side / MARGIN / 2
            x, y = region.centre
            box = np.array([x - half, y - half, x + half, y + half])
            if any(overlap(box, other) >= OVERLAP for other in known):
                continue
            first = fit_mesh(image, region)
            if first and (face := fit_mesh(image, first.region)):
                faces.append(face)
        return [
            face
            for face in distinct(faces)
            if all(overlap(face.box, other) < OVERLAP for other in known)
        ]

    def _number(self, face: Face, found: dict[int, Face]) -> int:
        """Return the number of a lost face that was there, or a new one."""
        for number, track in self.tracks.items():
            there = overlap(face.box, np.array(track.box)) >= OVERLAP
            if there and number not in found:
                return number
        self.next += 1
        return self.next - 1
