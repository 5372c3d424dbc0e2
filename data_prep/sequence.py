"""One subject in one recording: its coded frames, joined with images and landmarks."""

from dataclasses import dataclass, field

import numpy as np

from data_prep.records import Face, Frame

NO_IMAGE, NO_LANDMARKS, FAILED = "no image", "no landmarks", "failed landmarks"


@dataclass(frozen=True)
class Sequence:
    """The frames that can be registered, in order, and why the others can't."""

    subject: str
    name: str  # F001_T1
    faces: list[Face]
    coded: int  # frames with AU codes
    left_out: dict[str, int]  # coded frames by the reason why they are no face
    notes: list[str] = field(default_factory=list)  # what else a user should know

    @property
    def labels(self) -> np.ndarray:
        """The faces' labels as (faces, AUs) int8; there must be a face."""
        return np.stack([face.labels for face in self.faces])


def join(
    subject: str,
    name: str,
    labels: dict[int, np.ndarray],
    images: dict[int, tuple[str, Frame]],
    points: dict[int, np.ndarray | None] | None,
    excluded: tuple[str, set[int]] = ("", set()),
    notes: list[str] | None = None,
) -> Sequence:
    """Join a sequence's parts by coded frame number.

    labels: int8 (AUs,); images: what the frame is called in names, and where it is;
    points: float32 (49, 2), None of a frame that the tracker lost, or None at all where
    the dataset has no landmark files and faces are to be detected; excluded: a
    reason, and the frames that are left out for it.
    """
    reason, barred = excluded
    faces, left_out = [], {NO_IMAGE: 0, NO_LANDMARKS: 0, FAILED: 0}
    left_out |= {reason: 0} if reason else {}
    for frame in sorted(labels):
        if frame in barred:
            left_out[reason] += 1
        elif frame not in images:
            left_out[NO_IMAGE] += 1
        elif points is not None and frame not in points:
            left_out[NO_LANDMARKS] += 1
        elif points is not None and points[frame] is None:
            left_out[FAILED] += 1
        else:
            title, image = images[frame]
            shape = None if points is None else points[frame]
            face = Face(subject, f"{name}_{title}", image, shape, labels[frame])
            faces.append(face)
    return Sequence(subject, name, faces, len(labels), left_out, notes or [])
