#!/usr/bin/env python3
"""Draw generated faces, their AU codes and landmarks in BP4D's or DISFA's own layout.

    ROOT/Sequences(2D+3D)/F001/T1/0001.jpg   ROOT/AUCoding/AU_OCC/F001_T1.csv
    ROOT/2DFeatures/F001_T1.mat

    ROOT/Videos_LeftCamera/LeftVideoSN001_comp.avi   (and Video_RightCamera)
    ROOT/ActionUnit_Labels/SN001/SN001_au1.txt
    ROOT/Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat

ROOT/generated.json is written last. A run that was interrupted goes on where it
stopped. They are drawings: results on them are never results on real faces.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import cv2
from tqdm import tqdm

from data_prep.base import UserError, locked, run, stamp, whole, write
from data_prep.processes import stream
from data_prep.renderer import bp4d, disfa, irregular, sheet, subjects

VERSION = 2  # of what the renderer draws: raise it when the same seed draws otherwise
STARTED, DONE = "generating.json", "generated.json"
LAYOUTS = {"bp4d": bp4d, "disfa": disfa}  # each has title, is_finished and generate
DEFAULTS = {
    "bp4d": {"subjects": 41, "tasks": 8, "frames": 25, "height": 696},
    "disfa": {"subjects": 27, "tasks": 1, "frames": 100, "height": 576},
}


@dataclass(frozen=True)
class Options:
    """All that the generated files depend on."""

    layout: str
    subjects: int
    tasks: int  # sequences of each subject
    frames: int
    seed: int
    height: int
    irregular: tuple[str, ...] = ()
    version: int = VERSION

    @cached_property
    def sequences(self) -> list[tuple[str, int]]:
        """(subject, task) of every sequence."""
        return [
            (name, task)
            for name in subjects.names(self.layout, self.subjects)
            for task in range(1, self.tasks + 1)
        ]

    @cached_property
    def hits(self) -> dict[str, list[tuple[str, int]]]:
        """The sequences that each irregularity hits."""
        return irregular.deal(self.seed, self.irregular, self.sequences)

    def faults(self, name: str, task: int) -> set[str]:
        """The irregularities that hit a sequence."""
        return {kind for kind, hit in self.hits.items() if (name, task) in hit}


def write_dataset(root: Path, options: Options, jobs: int) -> None:
    """Draw every sequence that root lacks, some at a time; jobs changes no byte.

    Raises UserError where root holds something else.
    """
    begin(root, options)
    todo = missing(root, options)
    total = len(options.sequences) * options.frames
    done = total - len(todo) * options.frames
    # A subject takes longer to build than twenty frames to draw: built once, where
    # there are enough of them for all jobs.
    subject = itemgetter(0) if len({name for name, _ in todo}) >= jobs else None
    tasks = ((root, options, list(some)) for _, some in groupby(todo, subject))
    with tqdm(total=total, initial=done, unit=" faces") as progress:
        for frames in stream(draw_sequences, tasks, jobs):
            progress.update(frames)
    os.replace(root / STARTED, root / DONE)


def begin(root: Path, options: Options) -> None:
    """Mark root as being generated; `hit` has each irregularity's sequences by name."""
    title = LAYOUTS[options.layout].title
    hits = options.hits.items()
    hit = {kind: [title(*one) for one in sequences] for kind, sequences in hits}
    made_with = {"what": "generated faces", **asdict(options), "hit": hit}
    marker = root / DONE if (root / DONE).is_file() else root / STARTED
    stamp(marker, made_with, "repeat its options, or give an empty or new folder")
    os.replace(marker, root / STARTED)


def missing(root: Path, options: Options) -> list[tuple[str, int]]:
    """(subject, task) of all sequences that are not finished yet."""
    layout = LAYOUTS[options.layout]
    return [
        sequence
        for sequence in options.sequences
        if not layout.is_finished(root, *sequence, options.faults(*sequence))
    ]


def draw_sequences(task: tuple[Path, Options, list[tuple[str, int]]]) -> Iterator[int]:
    """Draw and write some sequences; yields the number of frames of each."""
    root, options, sequences = task
    for name, number in sequences:
        faults = options.faults(name, number)
        LAYOUTS[options.layout].generate(root, options, name, number, faults)
        yield options.frames


def write_sheet(path: Path, seed: int, subjects: int) -> None:
    """Write the contact sheet of some subjects as a PNG."""
    if path.suffix.lower() != ".png":
        raise UserError(f"{path} is no name for a contact sheet: it must end in .png")
    _, png = cv2.imencode(".png", sheet.contact_sheet(seed, subjects))
    write(path, png.tobytes())
    print(f"{path}: generated faces, each action unit alone")


# ---- The command


def main(argv: list[str] | None = None) -> None:
    """Write a contact sheet, a dataset, or both."""
    args = parse(argv)
    if args.contact_sheet:
        write_sheet(args.contact_sheet, args.seed, min(args.subjects, 4))
    if args.root:
        fields = (*DEFAULTS[args.layout], "layout", "seed", "irregular")
        options = Options(**{name: getattr(args, name) for name in fields})
        with locked(args.root, "drml generate", "another folder"):
            write_dataset(args.root, options, args.jobs)


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    options = argparse.ArgumentParser(
        description=__doc__,
        epilog=irregular.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("root", metavar="ROOT", type=Path, nargs="?", help="an empty or new folder")
    add("--layout", choices=[*DEFAULTS], default="bp4d", help="(default: bp4d)")
    add("--subjects", type=whole(1, 41), help="people (41; DISFA: 27)")
    add("--tasks", type=whole(1, 99), help="sequences of each (8; DISFA: 1)")
    add("--frames", type=whole(1, 9000), help="of a sequence (25; DISFA: 100)")
    add("--seed", type=whole(0, 2**31), default=1, help="same seed, same bytes (1)")
    add(
        "--height",
        type=whole(174, 2784),
        help="of a frame (696, BP4D's own is 1392; DISFA: 576, its own is 768)",
    )
    add("--irregular", metavar="NAME[,NAME...]", default="", help="see below; or `all`")
    add("--jobs", type=whole(1, 999), default=os.cpu_count(), help="processes (all)")
    add("--contact-sheet", metavar="PNG", type=Path, help="write a sheet of all AUs")
    return options


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the options; argparse exits with 2 on bad usage."""
    options = parser()
    args = options.parse_args(argv)
    # What depends on the layout, and what options ask together.
    for name, value in DEFAULTS[args.layout].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if not (args.root or args.contact_sheet):
        options.error("give ROOT, --contact-sheet or both")
    if args.subjects > len(subjects.EVERYONE[args.layout]):
        options.error(
            f"--subjects: {args.layout} has {DEFAULTS[args.layout]['subjects']}"
        )
    if args.layout == "disfa" and args.tasks > 1:
        options.error("--tasks: DISFA has one video of each subject")
    try:
        args.irregular = irregular.parse(args.layout, args.irregular)
    except ValueError as error:
        options.error(f"--irregular: {error}")
    if args.irregular and args.frames < 2:
        options.error("--irregular: wants --frames of 2 or more")
    return args


if __name__ == "__main__":
    run(main)
