"""A BP4D sequence: its coded frames, joined with their images and landmarks."""

from dataclasses import dataclass

from data_prep.bp4d_labels import read_labels
from data_prep.bp4d_landmarks import read_landmarks
from data_prep.bp4d_layout import Layout
from data_prep.records import Face


@dataclass(frozen=True)
class Sequence:
    """One subject in one task: the frames that can be registered, in order."""

    subject: str
    faces: list[Face]
    coded: int  # frames with AU codes
    without_image: int  # coded, but no such file
    without_landmarks: int  # coded and with an image, but not tracked


def read_sequence(
    layout: Layout, subject: str, task: int, aus: tuple[int, ...]
) -> Sequence:
    """Join a sequence's AU codes, images and landmarks by frame number.

    A sequence may lack its image folder or landmark file: then all its frames count as
    being without.
    """
    stem = f"{subject}_T{task}"
    labels = read_labels(layout.labels / f"{stem}.csv", aus)
    images = layout.images(subject, task)
    frames = sorted(labels.keys() & images.keys())
    mat = layout.landmarks / f"{stem}.mat"
    points = read_landmarks(mat, frames) if mat.is_file() else {}
    faces = [
        Face(f"{stem}_{images[i].stem}", str(images[i]), points[i], labels[i])
        for i in frames
        if i in points
    ]
    without_image = len(labels) - len(frames)
    return Sequence(
        subject, faces, len(labels), without_image, len(frames) - len(faces)
    )
