"""The options that all importers have."""

import argparse
import os
from pathlib import Path

from data_prep.aus import AU_NAMES
from data_prep.face_hdf5 import CAFFES_MIB, faces_a_file
from data_prep.folds import FOLD_FILES, FOLDS
from data_prep.network_input import usual_crop

SPLITS = ("train", "val", "test")


def parser(
    doc: str, root: str, out: str, sample: str, folds: Path | None = FOLD_FILES
) -> argparse.ArgumentParser:
    """Return the parser of an importer: its docstring, ROOT's help and its defaults."""
    options = argparse.ArgumentParser(
        description=doc.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = options.add_argument
    add("root", metavar="ROOT", type=Path, help=root)
    add("--out", type=Path, default=Path(out), help="where fold<K> (or all) goes")
    add("--dry-run", action="store_true", help="print what was found, write nothing")
    add("--jobs", type=at_least(1), default=os.cpu_count(), help="processes at work")
    add("--seed", type=at_least(0), default=0, help="of sampling and train's order")
    _add_splits(add, folds)
    _add_sampling(add, sample)
    _add_faces(add)
    return options


def _add_splits(add, folds: Path | None) -> None:
    choices = (*map(str, FOLDS), "all")
    fold = "tested; all: nothing trained; none is needed with --dry-run"
    add("--fold", choices=choices, help=fold)
    add("--folds", type=Path, default=folds, help="folder of the fold lists")


def _add_sampling(add, sample: str) -> None:
    add(
        "--sample",
        metavar="POS/NEG",
        type=sample_counts,
        default=sample,
        help="frames to take per AU and video (one with fewer gives all), or none",
    )
    add(
        "--sample-splits",
        nargs="+",
        choices=SPLITS,
        default=["train"],
        help="where frames are sampled; elsewhere all are taken",
    )
    add(
        "--labels",
        choices=("sampled", "all"),
        default="sampled",
        help="of a sampled frame: for the AUs it was sampled for, or all it has",
    )


def _add_faces(add) -> None:
    add("--size", type=at_least(16), default=200, help="side of a face in pixels")
    add(
        "--on-damaged",
        choices=("refuse", "skip"),
        default="refuse",
        help="stop at a damaged image, video or landmark file, or name it and go on",
    )
    add("--mean", type=Path, help="mean image to use instead of that of train's faces")
    add("--format", choices=("lmdb", "hdf5", "both"), default="lmdb", help="to write")
    add(
        "--crop",
        type=at_least(1),
        help="side of the centre crops in HDF5 files and contact sheets; None: 170 at "
        "--size 200, 227 at 256 (AlexNet), otherwise 0.85 of it",
    )
    add("--file-mib", type=at_least(2), default=512, help="largest HDF5 file, in MiB")


def parse(options: argparse.ArgumentParser, argv: list[str] | None):
    """Return the options; argparse exits with 2 on bad usage."""
    args = options.parse_args(argv)
    if not (args.fold or args.dry_run):
        options.error("--fold is required, unless with --dry-run")
    args.crop = args.crop or usual_crop(args.size)
    if args.crop > args.size:
        options.error(
            f"--crop {args.crop} is larger than the faces, --size {args.size}"
        )
    if args.format != "lmdb" and (problem := _hdf5_problem(args)):
        options.error(problem)
    return args


def _hdf5_problem(args: argparse.Namespace) -> str | None:
    if any(map(str.isspace, str(args.out))):
        return f"--out {str(args.out)!r} has a space, at which Caffe ends a file's name"
    mib, crop = args.file_mib, args.crop
    if mib > CAFFES_MIB:
        return f"--file-mib {mib} is more than a blob of Caffe's holds, {CAFFES_MIB}"
    if faces_a_file(mib, crop, len(AU_NAMES)) < 1:
        return f"--file-mib {mib} is less than a face of {crop} x {crop} pixels takes"
    return None


def sample_counts(text: str) -> tuple[int, int] | None:
    """Return positives and negatives of POS/NEG, or None of `none`."""
    if text == "none":
        return None
    counts = text.split("/")
    if len(counts) != 2 or not all(c.isdecimal() and int(c) for c in counts):
        raise argparse.ArgumentTypeError(f"{text!r} is neither POS/NEG nor none")
    return int(counts[0]), int(counts[1])


def at_least(least: int):
    """Return an argparse type: a whole number of at least `least`."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number >= {least}")
        return int(text)

    return number
