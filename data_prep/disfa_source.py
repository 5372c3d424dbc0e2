"""DISFA's sequences: AU codes, video and landmarks, one of each subject."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from data_prep.aus import DISFA_AUS
from data_prep.disfa_labels import read_labels
from data_prep.disfa_landmarks import read_landmarks
from data_prep.disfa_layout import Layout
from data_prep.errors import UserError, leaving_out
from data_prep.frame_numbers import choose_offset, coded_images, count_votes
from data_prep.images import count_frames
from data_prep.records import Frame
from data_prep.sequence import Sequence, join
from data_prep.source import Source, are_generated, open_root

TRACKING_FAILURES = Path(__file__).with_name("disfa_tracking_failures.txt")
LOST = "tracking failure"


class Reading(NamedTuple):
    """How DISFA is read."""

    camera: str  # left or right
    threshold: int  # the least intensity, of 0 to 5, that counts as present
    offset: int | None  # of images: number less coded frame; None: what finds more
    keep_failures: bool  # frames whose landmarks are known to be wrong
    skip_damaged: bool  # videos and landmark files that cannot be read


def find_disfa(root: Path, how: Reading) -> Source:
    """Find DISFA under root."""
    open_root(root, "DISFA")
    layout = Layout.find(root.resolve(), how.camera)
    places = (place for part in layout.parts.values() for place in part.values())
    generated = are_generated(places)
    found = layout.describe()
    coded = layout.coded_aus(next(iter(layout.labels)))
    found["AU codes"] += (
        f", {len(coded)} AUs of the first subject, {len(DISFA_AUS)} used"
    )
    if not generated:
        found["full set"] = "27 subjects, 130,814 coded frames"
    if layout.images:
        votes = count_votes(_numbers(layout, how))
        offset, found["frame offset"] = choose_offset(votes, how.offset)
        how = how._replace(offset=offset)
    elif how.offset is not None:
        raise UserError(
            f"--frame-offset is of images, but {root} has videos, whose first frame is "
            "coded frame 1: leave it out"
        )
    # The list is of the real videos; landmarks alone can be wrong where it says so.
    failures = {} if how.keep_failures or generated else tracking_failures()
    readers = {
        subject: [partial(read_sequence, layout, how, subject, failures.get(subject))]
        for subject in sorted(layout.labels)
    }
    options = {
        "camera": how.camera,
        "threshold": how.threshold,
        "tracking failures": "kept" if how.keep_failures else "left out",
        "frame offset": how.offset,
    }
    return Source("DISFA", "disfa", root, DISFA_AUS, generated, found, readers, options)


def _numbers(layout: Layout, how: Reading) -> Iterator[tuple[set[int], set[int]]]:
    for subject in layout.labels:
        codes = read_labels(layout.code_files(subject, DISFA_AUS), how.threshold)
        yield set(codes), set(layout.image_files(subject))


def tracking_failures(file: Path = TRACKING_FAILURES) -> dict[str, set[int]]:
    """Return by subject the coded frames whose landmarks are known to be wrong."""
    lines = (line.split("#")[0].split() for line in file.read_text().splitlines())
    return {
        subject: set().union(*map(_frames, runs))
        for subject, *runs in filter(None, lines)
    }


def _frames(run: str) -> range:
    first, last = map(int, run.split("-"))
    return range(first, last + 1)


def read_sequence(
    layout: Layout, how: Reading, subject: str, failures: set[int] | None
) -> Sequence:
    """Join a subject's AU codes, images and landmarks by coded frame (from 1)."""
    labels = read_labels(layout.code_files(subject, DISFA_AUS), how.threshold)
    damage: list[str] | None = [] if how.skip_damaged else None
    images = _images(layout, how, subject, damage)
    files = layout.landmark_files(subject)
    points = read_landmarks(files, labels, damage) if layout.landmarks else None
    extra = {"images": images.keys(), "landmark files": files.keys()}
    notes = damage or []
    notes += [
        f"{subject}: {len(frames - labels.keys())} {part} of frames that are not coded"
        for part, frames in extra.items()
        if frames - labels.keys()
    ]
    partly = sum(not row.all() for row in labels.values())
    if partly:
        notes.append(f"{subject}: {partly} frames that not all AUs are coded in")
    lost = (LOST, failures or set())
    return join(subject, subject, labels, images, points, lost, notes)


def _images(
    layout: Layout, how: Reading, subject: str, damage: list[str] | None
) -> dict[int, tuple[str, Frame]]:
    """Return by coded frame what its image is called, and where it is.

    Raises DamagedFileError where a video cannot be read, unless there is a list of
    damage to name it in.
    """
    if layout.images:
        found = coded_images(layout.image_files(subject), how.offset)
        return {n: (f"{n:04d}", image) for n, (_, image) in found.items()}
    if subject not in layout.videos:
        return {}
    video = str(layout.videos[subject])
    frames = range(0)
    with leaving_out(damage):
        frames = range(1, count_frames(video) + 1)
    return {n: (f"{n:04d}", Frame(video, n - 1)) for n in frames}
