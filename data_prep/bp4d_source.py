"""BP4D's sequences: AU codes, images and landmarks of a subject in a task."""

from functools import partial
from pathlib import Path

from data_prep.aus import BP4D_AUS
from data_prep.bp4d_labels import read_aus, read_labels
from data_prep.bp4d_landmarks import read_landmarks
from data_prep.bp4d_layout import Layout
from data_prep.errors import leaving_out
from data_prep.frame_numbers import choose_offset, coded_images, count_votes
from data_prep.sequence import Sequence, join
from data_prep.source import Source, are_generated, open_root


def find_bp4d(root: Path, offset: int | None, skip_damaged: bool) -> Source:
    """Find BP4D under root; an image's number is its coded frame's plus `offset`.

    skip_damaged: leave out landmark files that cannot be read, and name them.
    """
    open_root(root, "BP4D")
    layout = Layout.find(root.resolve())
    generated = are_generated(layout.parts.values())
    names = layout.sequences()
    offset, why = choose_offset(count_votes(_numbers(layout, names)), offset)
    readers: dict[str, list] = {}
    for subject, task in names:
        reader = partial(
            read_sequence, layout, subject, task, BP4D_AUS, offset, skip_damaged
        )
        readers.setdefault(subject, []).append(reader)
    found = layout.describe() | {"frame offset": why}
    coded = read_aus(layout.codes(*names[0]))
    found["AU codes"] += f": {len(coded)} AUs in the first file, {len(BP4D_AUS)} used"
    if not generated:
        found["full set"] = "41 subjects, 328 sequences, 146,847 coded frames"
    options = {"frame offset": offset}
    return Source("BP4D", "bp4d", root, BP4D_AUS, generated, found, readers, options)


def _numbers(layout: Layout, names: list[tuple[str, int]]):
    for subject, task in names:
        codes = read_labels(layout.codes(subject, task), BP4D_AUS)
        yield set(codes), set(layout.images(subject, task))


def read_sequence(
    layout: Layout,
    subject: str,
    task: int,
    aus: tuple[int, ...],
    offset: int,
    skip_damaged: bool,
) -> Sequence:
    """Join a sequence's AU codes, images and landmarks by frame number.

    A sequence may lack its image folder or landmark file: then all its frames count as
    being without. Without any landmark file in the dataset, faces are detected.
    """
    name = f"{subject}_T{task}"
    labels = read_labels(layout.codes(subject, task), aus)
    images = coded_images(layout.images(subject, task), offset)
    damage: list[str] | None = [] if skip_damaged else None
    points = {} if layout.landmarks else None
    if mat := layout.points(subject, task):
        with leaving_out(damage):
            points = read_landmarks(mat, sorted(labels))
    return join(subject, name, labels, images, points, notes=damage)
