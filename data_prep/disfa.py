#!/usr/bin/env python3
"""Import DISFA: registered faces with AU labels, for one fold or all subjects.

Finds videos (or images), AU intensities and landmarks under ROOT (the full set has 27
subjects and 130,814 coded frames), prints what is there, and writes under OUT/fold<K>
or OUT/all what `drml import bp4d` writes. Videos are decoded straight from the .avi.
The paper trains on BP4D and tests on all of DISFA: --fold all --mean
data/bp4d/fold1/mean.binaryproto. An interrupted run goes on when started again.

    Videos_LeftCamera/LeftVideoSN001_comp.avi
    Video_RightCamera/RightVideoSN001_Comp.avi
    ActionUnit_Labels/SN001/SN001_au1.txt
    Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat   or deeper

Folders are found by what they hold, whatever they are called and in whatever case. In
place of videos there may be images: .../SN001/0001.jpg, the right camera's in folders
that are called so.
"""

import argparse
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import matfile_version

from data_prep import importer
from data_prep.aus import DISFA_AUS
from data_prep.base import (
    DamagedFileError,
    UserError,
    leaving_out,
    run,
    utf8,
    whole_number,
)
from data_prep.dataset import (
    IMAGE,
    OFFSETS,
    PARTS,
    Dataset,
    Frame,
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
from data_prep.images import count_frames
from data_prep.landmarks import to_49, tracked
from data_prep.matlab import check_v5

CAMERAS = ("left", "right")
MOST, UNKNOWN = 5, -1  # the highest intensity, and one that is not coded
TRACKING_FAILURES = Path(__file__).with_name("disfa_tracking_failures.txt")
LOST = "tracking failure"
FEW = 3  # files that are named one by one


# ---- Where its parts lie

SUBJECT = r"(?i:SN\d{3})"
CODES = rf"({SUBJECT})_(?i:au)(\d+)\.txt"


@dataclass(frozen=True)
class Layout:
    """The parts of one copy of DISFA, by subject."""

    root: Path
    camera: str
    videos: dict[str, Path]  # empty where there are images
    images: dict[str, Path]  # folders; empty where there are videos
    labels: dict[str, Path]  # folders
    landmarks: dict[str, Path]  # folders

    @classmethod
    def find(
        cls, root: Path, camera: str, trees: dict[str, Path] | None = None
    ) -> "Layout":
        """Find the parts under root, or raise UserError with what was looked for.

        trees: of PARTS that lie elsewhere. Landmarks are the left camera's: with the
        other one there are none.
        """
        trees = dict.fromkeys(PARTS, root) | (trees or {})
        labels = _by_subject(trees["codes"], SUBJECT, CODES)
        if not labels:
            what = "folder of AU codes (SN001/SN001_au1.txt)"
            raise missing_part(trees["codes"], what, "DISFA")
        videos = _by_subject(trees["frames"], rf"(?i:{camera}.*{SUBJECT}.*\.avi)")
        images = {} if videos else _image_folders(trees["frames"], camera)
        if not (videos or images):
            what = f"video of the {camera} camera ({camera.title()}VideoSN001_comp.avi)"
            raise missing_part(trees["frames"], f"{what} and no images", "DISFA")
        asked = trees["landmarks"]
        landmarks = _landmark_folders(asked, camera) if asked else {}
        if asked and not landmarks and asked != root and camera == "left":
            what = "folder of landmarks (SN001/SN001_0000_lm.mat)"
            raise missing_part(asked, what, "DISFA")
        return cls(root, camera, videos, images, labels, landmarks)

    @property
    def parts(self) -> dict[str, dict[str, Path]]:
        """What there is, by the survey's name for it and by subject."""
        parts = {
            "videos": self.videos,
            "images": self.images,
            "AU codes": self.labels,
            "landmarks": self.landmarks,
        }
        return {name: part for name, part in parts.items() if part}

    def describe(self) -> dict[str, str]:
        """Return where the parts are, for the survey."""
        found = {name: self._place(part) for name, part in self.parts.items()}
        none = f"none of the {self.camera} camera: a mesh finds them (docs/data.md)"
        return found if self.landmarks else found | {"landmarks": none}

    def _place(self, part: dict[str, Path]) -> str:
        folder = place_in(self.root, next(iter(part.values())).parent)
        return f"{folder}, {len(part)} subjects"

    def coded_aus(self, subject: str) -> dict[int, Path]:
        """Return a subject's files of codes by AU."""
        files = sorted(self.labels[subject].iterdir())
        names = [(re.fullmatch(CODES, file.name), file) for file in files]
        named = [(name, file) for name, file in names if name]
        for name, file in named:
            check_subject(file, name[1], subject)
        return unique(((int(name[2]), file) for name, file in named), f"{subject}'s AU")

    def code_files(self, subject: str, aus: tuple[int, ...]) -> list[Path]:
        """Return a subject's file of codes for each AU."""
        files = self.coded_aus(subject)
        if missing := [au for au in aus if au not in files]:
            raise UserError(
                f"{self.labels[subject]} has no {subject}_au{missing[0]}.txt: "
                "copy it again"
            )
        return [files[au] for au in aus]

    def image_files(self, subject: str) -> dict[int, Path]:
        """Return a subject's images by number; empty without a folder."""
        return number_images(self.images[subject]) if subject in self.images else {}

    def landmark_files(self, subject: str) -> dict[int, Path]:
        """Return a subject's landmark files by label frame."""
        if subject not in self.landmarks:
            return {}
        return number_landmarks(self.landmarks[subject], subject)


def _image_folders(root: Path, camera: str) -> dict[str, Path]:
    """Return folders of images; the right camera's are those that are called so."""
    other = CAMERAS[1 - CAMERAS.index(camera)]
    barred = _word(other)
    own = rf"(?!.*{barred}).*{SUBJECT}.*"
    if camera == "left":
        return _by_subject(root, own, IMAGE, avoid=barred)
    called = _by_subject(root, rf"(?=.*{_word(camera)}){own}", IMAGE, avoid=barred)
    return called or _by_subject(root, own, IMAGE, avoid=barred, within=_word(camera))


def _word(camera: str) -> str:
    """Match Right, but not Bright."""
    return rf"(?:(?<![A-Za-z])(?i:{camera})|{camera.title()})"


def _landmark_folders(root: Path, camera: str) -> dict[str, Path]:
    if camera != "left":
        return {}
    packed, any_folder = r".*\.zip", r".*"
    inner = [
        (any_folder,) * deep + (name,) for name in (NAME, packed) for deep in range(3)
    ]
    folders = (_by_subject(root, SUBJECT, *levels) for levels in inner)
    return next(filter(None, folders), {})


def _by_subject(
    root: Path, *levels: str, avoid: str | None = None, within: str | None = None
) -> dict[str, Path]:
    """Return what the first level matches, in the folder that is found, by subject."""
    folder = find_folder(root, *levels, avoid=avoid, within=within)
    if folder is None:
        return {}
    entries = sorted(e for e in folder.iterdir() if not e.name.startswith("."))
    named = (
        (re.search(SUBJECT, entry.name)[0].upper(), entry)
        for entry in entries
        if re.fullmatch(levels[0], entry.name) and entry.is_dir() == (len(levels) > 1)
    )
    return unique(named, "subject")


# ---- AU codes: one text file a subject and AU, `frame,intensity` lines
#
# Frames count from 1; intensities are 0 (absent) to 5 (FACS's A to E are 1 to 5).


def read_intensities(files: list[Path]) -> dict[int, np.ndarray]:
    """Return int8 intensities (len(files),) by frame: a file an AU.

    0 to 5, and -1 (unknown) where a file lacks a frame that another has. Raises
    UserError, naming file and line, on anything but a frame from 1 up and an intensity
    of 0 to 5, or a frame twice.
    """
    columns = [read_intensity(file) for file in files]
    frames = sorted(set().union(*columns))
    return {
        frame: np.array([c.get(frame, UNKNOWN) for c in columns], np.int8)
        for frame in frames
    }


def labels_at(intensities: np.ndarray, threshold: int) -> np.ndarray:
    """Return int8 labels: `threshold` or more is +1, less is -1, unknown is 0."""
    known = intensities != UNKNOWN
    return (known * np.where(intensities >= threshold, 1, -1)).astype(np.int8)


def read_intensity(file: Path) -> dict[int, int]:
    """Return an AU's intensity, 0 to 5, by frame."""
    intensities: dict[int, int] = {}
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        cells = [cell.strip() for cell in line.split(",")]
        frame = whole_number(cells[0])
        if len(cells) != 2 or not frame:
            raise UserError(f"{where} is no `frame,intensity`: {line[:40]!r}")
        intensity = whole_number(cells[1])
        if intensity is None or intensity > MOST:
            raise UserError(
                f"{where}: intensity {cells[1][:40]!r} is no whole number from 0 to "
                f"{MOST}"
            )
        if frame in intensities:
            raise UserError(f"{where}: frame {frame} is coded twice")
        intensities[frame] = intensity
    return intensities


# ---- Landmarks: one MATLAB file a frame, its `pts` 66 x 2
#
# Named `SN001_0000_lm.mat`, counted from 0, or, for some subjects, `l00001_lm.mat`,
# counted from 1; label frames count from 1.

POINTS = 66
NAME = r"(?i:(?P<subject>SN\d{3})_(?P<from0>\d+)|l(?P<from1>\d+))_lm\.mat"


def number_landmarks(folder: Path, subject: str) -> dict[int, Path]:
    """Return a subject's landmark files, however deep, by label frame.

    Raises UserError where there is none but an archive, as some downloads have it,
    where two are of one frame, or one is another subject's.
    """
    found = ((re.fullmatch(NAME, f.name), f) for f in sorted(folder.rglob("*.mat")))
    named = [(name, file) for name, file in found if name]
    for name, file in named:
        check_subject(file, name["subject"], subject)
    files = unique(((_frame(name), file) for name, file in named), f"{subject}'s frame")
    archive = None if files else next(folder.rglob("*.zip"), None)
    if archive:
        raise UserError(f"{archive} is still packed: unzip it where it lies")
    return files


def _frame(name: re.Match) -> int:
    return int(name["from1"]) if name["from1"] else int(name["from0"]) + 1


def check_subject(file: Path, named: str | None, subject: str) -> None:
    """Raise UserError where a file in a subject's folder names another subject."""
    if named and named.upper() != subject:
        raise UserError(
            f"{file} lies in {subject}'s folder but is {named}'s by its name: move it"
        )


def read_landmarks(
    files: dict[int, Path], frames: Iterable[int], damage: list[str] | None = None
) -> dict[int, np.ndarray | None]:
    """Return (49, 2) float32 points in pixels (x, y) of each frame that has a file.

    A file whose points are missing, not finite or all the same is of a lost face: None.
    Raises DamagedFileError where a file is not MATLAB's, unless there is a list of
    damage to name it in, and UserError where one has another number of points.
    """
    points = {}
    for frame in frames:
        with leaving_out(damage):
            if frame in files:
                points[frame] = _read(files[frame])
    return {
        frame: to_49(shape) if len(shape) and tracked(shape) else None
        for frame, shape in points.items()
    }


def _read(file: Path) -> np.ndarray:
    try:
        if matfile_version(file)[0] == 1:
            check_v5(file.read_bytes())
        points = loadmat(file, variable_names=["pts"])["pts"]
    except Exception:  # SciPy's parser raises whatever foreign bytes lead it to
        raise DamagedFileError(
            f"{file} is no MATLAB file with `pts`: copy it again, or give "
            "--on-damaged skip"
        ) from None
    if points.size and points.shape != (POINTS, 2):
        raise UserError(
            f"{file}: pts has shape {points.shape} where {POINTS} x 2 are wanted"
        )
    return points


# ---- The dataset


class Reading(NamedTuple):
    """How DISFA is read."""

    camera: str  # left or right
    threshold: int  # the least intensity, of 0 to 5, that counts as present
    offset: int | None  # of images: number less coded frame; None: what finds more
    keep_failures: bool  # frames whose landmarks are known to be wrong
    skip_damaged: bool  # videos and landmark files that cannot be read


def find_disfa(
    root: Path, how: Reading, parts: dict[str, Path | str | None]
) -> Dataset:
    """Find DISFA under root; parts: of PARTS, those that lie in trees of their own."""
    trees = open_trees(root, "DISFA", parts)
    layout = Layout.find(root.resolve(), how.camera, trees)
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
    if not trees["landmarks"]:
        how = how._replace(keep_failures=True)
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
        **registered_by(trees),
    }
    return Dataset(
        "DISFA", "disfa", root, DISFA_AUS, generated, found, readers, options
    )


def _numbers(layout: Layout, how: Reading) -> Iterator[tuple[set[int], set[int]]]:
    for subject in layout.labels:
        codes = read_intensities(layout.code_files(subject, DISFA_AUS))
        yield set(codes), set(layout.image_files(subject))


def tracking_failures(file: Path = TRACKING_FAILURES) -> dict[str, set[int]]:
    """Return by subject the coded frames whose landmarks are known to be wrong."""
    lines = (line.split("#")[0].split() for line in utf8(file).splitlines())
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
    intensities = read_intensities(layout.code_files(subject, DISFA_AUS))
    labels = {f: labels_at(row, how.threshold) for f, row in intensities.items()}
    damage: list[str] | None = [] if how.skip_damaged else None
    images = _images(layout, how, subject, damage)
    files = layout.landmark_files(subject)
    points = read_landmarks(files, labels, damage) if layout.landmarks else None
    notes = damage or []
    extra = {
        "images": {n: _file_name(image) for n, (_, image) in images.items()},
        "landmark files": {n: file.name for n, file in files.items()},
    }
    for part, names in extra.items():
        if over := [names[n] for n in sorted(names.keys() - labels.keys())]:
            some = ", ".join(over[:FEW]) + (", ..." if len(over) > FEW else "")
            notes.append(
                f"{subject}: {len(over)} {part} of frames that are not coded are left "
                f"out: {some}"
            )
    partly = sum(not row.all() for row in labels.values())
    if partly:
        notes.append(f"{subject}: {partly} frames that not all AUs are coded in")
    lost = (LOST, failures or set())
    return join(subject, subject, labels, images, points, lost, notes, intensities)


def _file_name(image: Frame) -> str:
    if image.number is None:
        return Path(image.file).name
    return f"frame {image.number + 1} of {Path(image.file).name}"


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


# ---- The command


def main(argv: list[str] | None = None) -> None:
    """Import the fold that the options name."""
    args = importer.parse(parser(), argv)
    keep = args.keep_tracking_failures
    skip = args.on_damaged == "skip"
    how = Reading(args.camera, args.threshold, args.frame_offset, keep, skip)
    parts = {part: getattr(args, part) for part in PARTS}
    importer.import_dataset(args, find_disfa(args.root, how, parts))


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    options = importer.parser(
        __doc__, "the folder that holds DISFA", out="data/disfa", sample="800/1600"
    )
    importer.add_parts(options)
    add = options.add_argument
    add("--camera", choices=CAMERAS, default="left", help="landmarks are the left's")
    add(
        "--threshold",
        type=int,
        choices=range(1, MOST + 1),
        default=3,
        help="the least intensity that counts as present; the paper's is 3, C level",
    )
    add(
        "--keep-tracking-failures",
        action="store_true",
        help="keep the frames of data_prep/disfa_tracking_failures.txt",
    )
    add(
        "--frame-offset",
        type=int,
        choices=OFFSETS,
        help="of images: number less coded frame; None: what finds more",
    )
    return options


if __name__ == "__main__":
    run(main)
