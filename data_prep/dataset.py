"""A dataset on disk, as all importers see it.

A `Dataset` has a reader a sequence; a reader gives a `Sequence`: one subject in one
recording, whose `FaceFrame`s say where the pixels are, the landmarks and the labels.
Here is also what finds their parts: folders by what they hold, images by number.
"""

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from data_prep.base import UserError

Key = TypeVar("Key")


class Frame(NamedTuple):
    """Where a frame's pixels are."""

    file: str  # an image, or a video
    number: int | None = None  # in a video, from 0


class FaceFrame(NamedTuple):
    """A frame that shows a face, and its labels."""

    subject: str
    name: str  # F001_T1_2440: subject, task, frame as its file is named
    frame: Frame
    points: np.ndarray | None  # (49, 2) float32, pixels (x, y); None: to be detected
    labels: np.ndarray  # (AUs,) int8: +1 present, -1 absent, 0 unknown
    intensities: np.ndarray | None = None  # (AUs,) int8, 0 to 5, -1 unknown, if coded


NO_IMAGE, NO_LANDMARKS, FAILED = "no image", "no landmarks", "failed landmarks"


@dataclass(frozen=True)
class Sequence:
    """The frames that can be registered, in order, and why the others can't."""

    subject: str
    name: str  # F001_T1
    faces: list[FaceFrame]
    coded: int  # frames with AU codes
    left_out: dict[str, int]  # coded frames by the reason why they are no face
    notes: list[str] = field(default_factory=list)  # what else a user should know
    codes: np.ndarray | None = None  # (coded, AUs) int8: of frames without a face, too

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
    intensities: dict[int, np.ndarray] | None = None,
) -> Sequence:
    """Join a sequence's parts by coded frame number.

    labels: int8 (AUs,); images: what the frame is called in names, and where it is;
    points: float32 (49, 2), None of a frame that the tracker lost, or None at all where
    the dataset has no landmark files and faces are to be detected; excluded: a
    reason, and the frames that are left out for it; intensities: int8 (AUs,), if coded.
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
            face = FaceFrame(subject, f"{name}_{title}", image, shape, labels[frame])
            coded = intensities and intensities[frame]
            faces.append(face._replace(intensities=coded))
    codes = np.stack([*labels.values()]) if labels else None
    return Sequence(subject, name, faces, len(labels), left_out, notes or [], codes)


@dataclass(frozen=True)
class Dataset:
    """What a dataset holds, found but not read yet.

    readers: by subject, functions that read a sequence each (they can be pickled).
    """

    name: str  # BP4D
    lists: str  # how its fold lists' names begin: bp4d
    root: Path
    aus: tuple[int, ...]  # the labels' columns
    generated: bool  # the faces were drawn by a program
    found: dict[str, str]  # its parts, as the survey shows them
    readers: dict[str, list[Callable[[], Sequence]]]
    options: dict  # what the reading depends on, for dataset.json

    @property
    def title(self) -> str:
        """The dataset as titles name it."""
        return title(self.name, self.generated)


def title(name: str, generated: bool) -> str:
    """Name a dataset; generated faces are always called so."""
    return f"generated faces in {name}'s layout" if generated else name


def open_root(root: Path, name: str) -> None:
    """Check that root is a folder, and complete where it was generated."""
    if not root.is_dir():
        raise UserError(f"{root} is no folder: give the folder that holds {name}")
    next(root.iterdir(), None)  # one that may not be read ends the import
    are_generated([root])


PARTS = {
    "frames": "images or videos",
    "codes": "AU codes",
    "landmarks": "landmarks",
}


MESH = "mesh"  # in the place of a tree of landmarks: they are found in the pictures


def open_trees(
    root: Path, name: str, parts: dict[str, Path | str | None]
) -> dict[str, Path | None]:
    """Return the tree that each of PARTS is looked for in: root, unless it has its own.

    Each is checked as open_root does. None is where landmarks are not to be looked for.
    """
    trees = {part: parts.get(part) or root for part in PARTS}
    for tree in {root, *trees.values()} - {MESH}:
        open_root(tree, name)
    return {
        part: None if tree == MESH else tree.resolve() for part, tree in trees.items()
    }


def registered_by(trees: dict[str, Path | None]) -> dict[str, str]:
    """Return what dataset.json says where landmark files are not to count."""
    return {} if trees["landmarks"] else {"registered by": MESH}


def place_in(root: Path, place: Path) -> str:
    """Return a place as the survey shows it: seen from root where it lies below it."""
    inside = place.is_relative_to(root)
    return str(place.relative_to(root) if inside else place)


def are_generated(parts: Iterable[Path]) -> bool:
    """Return whether a file or folder is of generated faces.

    A generated dataset's folder is marked; its parts lie somewhere below it. Raises
    UserError where it is not complete.
    """
    paths = {part.resolve() for part in parts}
    folders = paths.union(*(path.parents for path in paths))
    for folder in folders:
        if (folder / "generating.json").is_file():
            raise UserError(
                f"{folder} holds generated faces that are not complete: run "
                "`drml generate` with the same options to its end"
            )
    return any((folder / "generated.json").is_file() for folder in folders)


# ---- Folders and files

DEPTH = 3  # folders below the root in which a dataset's parts are looked for

# What tells which dataset this is (for find_folder), and what to do with it.
TELLTALES = {
    (r"[FM]\d{3}_T\d+\.csv",): "it looks like BP4D: `drml import bp4d`",
    (r"SN\d{3}", r"SN\d{3}_au\d+\.txt"): "it looks like DISFA: `drml import disfa`",
    (r"SN\d{3}", r".*", r"AU\d+\.txt"): "it looks like DISFA+, which is not read",
}


def find_folder(
    root: Path, *levels: str, avoid: str | None = None, within: str | None = None
) -> Path | None:
    """Return the folder nearest to root whose entries have names that match.

    levels: regular expressions, of an entry's name, of the name of an entry of that
    one, and so on; the last one is of a file, the others are of folders. avoid: of
    folders to stay out of. within: what the folder's path below root must have in it.
    Hidden files do not count: macOS leaves some beside others (._NAME).
    """
    patterns = [re.compile(level) for level in levels]
    barred = re.compile(avoid) if avoid else None
    folders = deque([(root, 0)])
    while folders:
        folder, depth = folders.popleft()
        place = str(folder.relative_to(root))
        if (not within or re.search(within, place)) and _holds(folder, patterns):
            return folder
        if depth < DEPTH:
            inner = sorted(Path(e) for e in _entries(folder) if e.is_dir())
            folders += [
                (f, depth + 1) for f in inner if not (barred and barred.search(f.name))
            ]
    return None


def _holds(folder: Path, patterns: list[re.Pattern]) -> bool:
    first, *rest = patterns
    return any(
        first.fullmatch(entry.name)
        and entry.is_dir() == bool(rest)
        and (not rest or _holds(Path(entry), rest))
        for entry in _entries(folder)
    )


def _entries(folder: Path) -> Iterator[os.DirEntry]:
    # A disk's lost+found may not be read.
    with suppress(PermissionError), os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def unique(found: Iterable[tuple[Key, Path]], kind: str) -> dict[Key, Path]:
    """Return files or folders by key; raise UserError where two have the same one."""
    paths: dict[Key, Path] = {}
    for key, path in found:
        if key in paths:
            both = f"{paths[key]} and {path} are both"
            raise UserError(f"{both} {kind} {key}: remove one")
        paths[key] = path
    return paths


def missing_part(root: Path, what: str, own: str) -> UserError:
    """Return the error that root lacks a part, with what root seems to be instead."""
    hints = [
        hint
        for levels, hint in TELLTALES.items()
        if f"{own}:" not in hint and find_folder(root, *levels)
    ]
    hint = f"; {hints[0]}" if hints else ""
    return UserError(f"{root} has no {what}, down to {DEPTH} folders below it{hint}")


# ---- Which image shows which coded frame
#
# Sources disagree whether BP4D's image number is the coded frame's or one less. Both
# ways are tried on what is on disk: a sequence in which one finds more images speaks
# for that one. Most sequences tell nothing, since more frames have images than codes,
# and one lost image can make one speak wrongly.

OFFSETS = (0, -1)
FEWEST = 3  # sequences that must speak for an offset
MOST_AGAINST = 0.1  # of as many may speak for the other
IMAGE = r"(?!\.)(?:.*\D)?(\d+)\.(?i:jpe?g|png)"  # hidden files are no images


def number_images(folder: Path) -> dict[int, Path]:
    """Return a folder's images by the number that ends their names, however padded."""
    files = sorted(folder.iterdir()) if folder.is_dir() else ()
    names = ((re.fullmatch(IMAGE, file.name), file) for file in files)
    return unique(((int(name[1]), file) for name, file in names if name), "frame")


def coded_images(images: dict[int, Path], offset: int) -> dict[int, tuple[str, Frame]]:
    """Return by coded frame what its image is called, and the image."""
    return {
        number - offset: (file.stem, Frame(str(file)))
        for number, file in images.items()
    }


def count_votes(pairs: Iterable[tuple[set[int], set[int]]]) -> dict[int, int]:
    """Return by offset how many sequences find more images with it.

    pairs: of every sequence the numbers of its coded frames and of its images.
    """
    votes = dict.fromkeys(OFFSETS, 0)
    for frames, images in pairs:
        hits = {o: sum(frame + o in images for frame in frames) for o in OFFSETS}
        if hits[0] != hits[-1]:
            votes[max(OFFSETS, key=hits.__getitem__)] += 1
    return votes


def choose_offset(votes: dict[int, int], wanted: int | None) -> tuple[int, str]:
    """Return the offset to use and, for the survey, what speaks for it.

    wanted: the user's choice; None takes what the sequences speak for, and 0 where
    they are few or contradict each other.
    """
    told = _told(votes)
    offset = (told or 0) if wanted is None else wanted
    counts = ", ".join(f"{count} for {o}" for o, count in votes.items())
    why = f"{offset:d} (votes of sequences: {counts}"
    if told is None:
        why += "; the files do not tell which is right"
    elif offset != told:
        why += f"; {told} would find more"
    return offset, why + ")"


def _told(votes: dict[int, int]) -> int | None:
    worse, best = sorted(OFFSETS, key=votes.__getitem__)
    clear = votes[best] >= FEWEST and votes[worse] <= MOST_AGAINST * votes[best]
    return best if clear else None
