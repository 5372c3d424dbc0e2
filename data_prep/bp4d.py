#!/usr/bin/env python3
"""Import BP4D: registered faces with AU labels, for one fold.

Finds frames, AU occurrence codes and landmarks under ROOT (the full set has 41
subjects, 328 sequences and 146,847 coded frames), prints what is there, and writes
under OUT/fold<K>: train_lmdb (shuffled), val_lmdb and test_lmdb (in the dataset's
order) or their HDF5 files, mean.binaryproto (of the train faces), a contact sheet of
each split and, last, dataset.json. An interrupted run goes on when started again.
OUT/registered.sqlite keeps the registered faces for the other folds; it may be
deleted.

    Sequences(2D+3D)/F001/T1/2440.jpg   or BP4D-training/F001/..., or F001/...
    AUCoding/AU_OCC/F001_T1.csv         or AU_OCC/..., or AUCoding/...
    2DFeatures/F001_T1.mat

Folders are found by what they hold, whatever they are called. Frame numbers are
zero-padded to 2, 3 or 4 digits, mixed: files are found by integer, and so are tasks.
"""

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import h5py
import numpy as np

from data_prep import importer
from data_prep.aus import BP4D_AUS
from data_prep.base import (
    DamagedFileError,
    UserError,
    csv_rows,
    leaving_out,
    run,
    whole_number,
)
from data_prep.dataset import (
    OFFSETS,
    PARTS,
    Dataset,
    Sequence,
    are_generated,
    choose_offset,
    coded_images,
    count_votes,
    find_folder,
    join,
    missing_part,
    number_images,
    open_trees,
    place_in,
    registered_by,
    unique,
)
from data_prep.landmarks import POINTS, tracked

# ---- Where its parts lie

FRAMES, LABELS, LANDMARKS = "Sequences(2D+3D)", "AUCoding/AU_OCC", "2DFeatures"

NO_LANDMARKS = "none: a mesh finds them (docs/data.md)"

_SUBJECT, _TASK, _IMAGE = r"[FM]\d{3}", r"T\d+", r"\d+\.(?i:jpe?g)"
_CODES, _POINTS = (rf"({_SUBJECT})_({_TASK})\.{suffix}" for suffix in ("csv", "mat"))


@dataclass(frozen=True)
class Layout:
    """The folders of one copy of BP4D."""

    root: Path
    frames: Path
    labels: Path
    landmarks: Path | None

    @classmethod
    def find(cls, root: Path, trees: dict[str, Path] | None = None) -> "Layout":
        """Find the folders under root, or raise UserError with what was looked for.

        trees: of PARTS that lie elsewhere; landmarks: None where they are not wanted.
        """
        trees = dict.fromkeys(PARTS, root) | (trees or {})
        labels = find_folder(trees["codes"], _CODES)
        if not labels:
            what = "folder of AU codes (F001_T1.csv, ...)"
            raise missing_part(trees["codes"], what, "BP4D")
        frames = find_folder(trees["frames"], _SUBJECT, _TASK, _IMAGE)
        if not frames:
            what = "folder of frames (F001/T1/2440.jpg)"
            raise missing_part(trees["frames"], what, "BP4D")
        asked = trees["landmarks"]
        landmarks = find_folder(asked, _POINTS) if asked else None
        if asked and not landmarks and asked != root:
            what = "folder of landmarks (F001_T1.mat)"
            raise missing_part(asked, what, "BP4D")
        return cls(root, frames, labels, landmarks)

    @property
    def parts(self) -> dict[str, Path]:
        """The folders that there are, by the survey's names for them."""
        landmarks = {"landmarks": self.landmarks} if self.landmarks else {}
        return {"frames": self.frames, "AU codes": self.labels} | landmarks

    def describe(self) -> dict[str, str]:
        """Return where the parts are, for the survey."""
        found = {n: place_in(self.root, place) for n, place in self.parts.items()}
        return found | ({} if self.landmarks else {"landmarks": NO_LANDMARKS})

    def sequences(self) -> list[tuple[str, int]]:
        """Return (subject, task number) of every coded sequence, sorted."""
        names = (name.split("_T") for name in self._codes)
        return sorted((subject, int(task)) for subject, task in names)

    def codes(self, subject: str, task: int) -> Path:
        """Return a sequence's file of AU codes."""
        return self._codes[f"{subject}_T{task}"]

    def points(self, subject: str, task: int) -> Path | None:
        """Return a sequence's landmark file, if there is one."""
        return self._points.get(f"{subject}_T{task}")

    def images(self, subject: str, task: int) -> dict[int, Path]:
        """Return a sequence's images by number; empty without a folder."""
        folders = _by_sequence(self.frames / subject, rf"()({_TASK})")
        folder = folders.get(f"_T{task}")
        return number_images(folder) if folder else {}

    @cached_property
    def _codes(self) -> dict[str, Path]:
        return _by_sequence(self.labels, _CODES)

    @cached_property
    def _points(self) -> dict[str, Path]:
        return _by_sequence(self.landmarks, _POINTS) if self.landmarks else {}


def _by_sequence(folder: Path, pattern: str) -> dict[str, Path]:
    """Return what matches by F001_T1, whether its name has T1 or T01."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else ()
    names = ((re.fullmatch(pattern, entry.name), entry) for entry in entries)
    named = ((f"{n[1]}_T{int(n[2][1:])}", entry) for n, entry in names if n)
    return unique(named, "sequence")


# ---- AU codes: one CSV a sequence, a row a frame, a column an AU
#
# The header names each column by AU number; the column 0 holds the frame number.

FRAME_COLUMN = 0
CODES = {"1": 1, "0": -1, "9": 0}  # present, absent, unknown


def read_labels(file: Path, aus: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Return int8 labels (len(aus),) in {+1, -1, 0} by frame number.

    Raises UserError, naming file, line, AU and value, on anything but 0, 1 and 9, a
    missing column, or a frame that is no positive whole number or stands twice.
    """
    labels: dict[int, np.ndarray] = {}
    rows = csv_rows(file)
    _, header = next(rows, (1, []))
    columns = _columns(file, header, (FRAME_COLUMN, *aus))
    for line, row in rows:
        if not any(row):
            continue
        where = f"{file}, line {line}"
        if len(row) <= max(columns):
            raise UserError(f"{where} has {len(row)} values, fewer than the header")
        name, *codes = (row[i].strip() for i in columns)
        frame = whole_number(name)
        if not frame:
            raise UserError(
                f"{where}: frame number {name[:40]!r} is no whole number from 1 up"
            )
        if frame in labels:
            raise UserError(f"{where}: frame {frame} is coded twice")
        labels[frame] = _labels(where, codes, aus)
    return labels


def read_aus(file: Path) -> list[int]:
    """Return the AUs that a file has a column for."""
    _, names = next(csv_rows(file), (1, []))
    return [au for name in names if (au := whole_number(name.strip()))]


def _columns(file: Path, header: list[str], wanted: tuple[int, ...]) -> list[int]:
    """Return the position of each wanted column."""
    names = [name.strip() for name in header]
    if missing := [column for column in wanted if str(column) not in names]:
        lacking = f"AU {missing[0]}" if missing[0] else "frame number (0)"
        found = ", ".join(names) or "none"
        raise UserError(f"{file} has no column for {lacking}; its columns are: {found}")
    return [names.index(str(column)) for column in wanted]


def _labels(where: str, codes: list[str], aus: tuple[int, ...]) -> np.ndarray:
    for au, code in zip(aus, codes, strict=True):
        if code not in CODES:
            raise UserError(
                f"{where}: AU {au} is {code!r}; only 0 (absent), 1 (present) and 9 "
                "(unknown) are codes"
            )
    return np.array([CODES[code] for code in codes], np.int8)


# ---- 2D landmarks: one MATLAB v7.3 file (HDF5) a sequence
#
# `fit/pred` holds a reference a frame (index = coded frame - 1) to a 2 x 49 array,
# whose pixels count from 1, as MATLAB's do.


MOST = 10**7  # values; a damaged file may say any number


def read_landmarks(file: Path, frames: Iterable[int]) -> dict[int, np.ndarray | None]:
    """Return (49, 2) float32 points, pixels (x, y) from 0, of each frame it has.

    A frame that the tracker lost has an empty array, one of another shape, or points
    that are not finite or all the same (zeros): it is None. Raises UserError where
    the file lacks fit/pred, or has points but never 49, and DamagedFileError where
    it is not MATLAB v7.3.
    """
    try:
        with h5py.File(file) as mat:
            references = _references(file, mat)
            arrays = {
                frame: _array(mat, references[frame - 1])
                for frame in frames
                if frame <= len(references)
            }
    # h5py's, by what is damaged
    except (OSError, KeyError, TypeError, ValueError, RuntimeError):
        raise DamagedFileError(
            f"{file} is not MATLAB v7.3 (HDF5), the format of BP4D's landmarks, or is "
            "damaged: copy it again, convert it with save(..., '-v7.3'), or give "
            "--on-damaged skip"
        ) from None
    _check_shapes(file, arrays)
    return {
        frame: (array.T - 1).astype(np.float32)
        if array.shape == (2, POINTS) and tracked(array.T)
        else None
        for frame, array in arrays.items()
    }


def _references(file: Path, mat: h5py.File) -> np.ndarray:
    pred = mat.get("fit/pred")
    if not isinstance(pred, h5py.Dataset) or not h5py.check_ref_dtype(pred.dtype):
        raise UserError(
            f"{file} has no fit/pred with a reference a frame: is it a landmark file?"
        )
    if pred.size > MOST:
        raise ValueError("more frames than a video has")
    return np.ravel(pred[()])  # also of one reference, which has no shape


def _array(mat: h5py.File, reference: h5py.Reference) -> np.ndarray:
    target = mat[reference] if reference else None
    if not isinstance(target, h5py.Dataset) or target.dtype.kind not in "fiu":
        return np.empty((2, 0))
    if target.size > MOST:
        raise ValueError("more points than a face has")
    return target[()]


def _check_shapes(file: Path, arrays: dict[int, np.ndarray]) -> None:
    """Tell another kind of landmarks from frames that the tracker lost."""
    shapes = {array.shape for array in arrays.values()}
    many = [shape for shape in shapes if len(shape) == 2 and min(shape) > 1]
    if many and (2, POINTS) not in shapes:
        raise UserError(
            f"{file} has points of shape {max(many)} where 2 x {POINTS} are wanted: "
            "give BP4D's own 2DFeatures"
        )


# ---- The dataset


def find_bp4d(
    root: Path,
    offset: int | None,
    skip_damaged: bool,
    parts: dict[str, Path | str | None],
) -> Dataset:
    """Find BP4D under root; an image's number is its coded frame's plus `offset`.

    skip_damaged: leave out landmark files that cannot be read, and name them; parts: of
    PARTS, those that lie in trees of their own.
    """
    trees = open_trees(root, "BP4D", parts)
    layout = Layout.find(root.resolve(), trees)
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
    options = {"frame offset": offset, **registered_by(trees)}
    return Dataset("BP4D", "bp4d", root, BP4D_AUS, generated, found, readers, options)


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


# ---- The command


def main(argv: list[str] | None = None) -> None:
    """Import the fold that the options name."""
    args = importer.parse(parser(), argv)
    skip = args.on_damaged == "skip"
    parts = {part: getattr(args, part) for part in PARTS}
    dataset = find_bp4d(args.root, args.frame_offset, skip, parts)
    importer.import_dataset(args, dataset)


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    options = importer.parser(
        __doc__, "the folder that holds BP4D", out="data/bp4d", sample="100/200"
    )
    importer.add_parts(options)
    options.add_argument(
        "--frame-offset",
        type=int,
        choices=OFFSETS,
        help="image number less coded frame; None: what finds more images",
    )
    return options


if __name__ == "__main__":
    run(main)
