"""The one way from a dataset on disk to a fold's folder, whatever the dataset.

1. Every sequence that the folds name is read, in parallel, and the survey printed;
   --dry-run ends here.
2. Frames are sampled, and train is shuffled.
3. Faces are registered and written (fold_files.py), and their labels counted.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.aus import AU_NAMES
from data_prep.base import UserError, whole
from data_prep.dataset import MESH, PARTS, Dataset, FaceFrame, Sequence
from data_prep.face_hdf5 import CAFFES_MIB, faces_a_file
from data_prep.folds import (
    FOLD_FILES,
    FOLDS,
    assert_disjoint,
    fold_lists,
    rotate,
    split_subjects,
    thirds,
)
from data_prep.network_input import usual_crop
from data_prep.processes import stream
from data_prep.sampling import Sampling
from data_prep.survey import count_pairs, describe, label_table, survey

SPLITS = ("train", "val", "test")
Groups = dict[str, list[Sequence]]  # by split

# ---- The options that all importers have


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
    add("--jobs", type=whole(1), default=os.cpu_count(), help="processes at work")
    add("--seed", type=whole(0), default=0, help="of sampling and train's order")
    _add_splits(add, folds)
    _add_sampling(add, sample)
    _add_faces(add)
    return options


def add_parts(options: argparse.ArgumentParser) -> None:
    """Add an option for each part that may lie in a tree of its own."""
    for part, what in PARTS.items():
        where = f"where {what} are, if not under ROOT"
        if part == "landmarks":
            where += f"; {MESH}: found in the pictures, even where there are some"
        options.add_argument(
            f"--{part}", metavar="DIR", type=place_of(part), help=where
        )


def place_of(part: str) -> Callable[[str], Path | str]:
    """Return an argparse type: a folder, or of landmarks also MESH."""
    return lambda text: MESH if (part, text) == ("landmarks", MESH) else Path(text)


def _add_splits(add, folds: Path | None) -> None:
    choices = (*map(str, FOLDS), "all")
    fold = "tested; all: nothing trained; none is needed with --dry-run"
    add("--fold", choices=choices, help=fold)
    add("--folds", type=Path, default=folds, help="folder of the fold lists")
    add(
        "--train-folds",
        type=int,
        choices=(1, 2),
        default=1,
        help="how many of the two other lists train: 1 as in the paper, where the "
        "other one validates, or 2 as in most later papers: val is then test",
    )


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
    add("--size", type=whole(16, 4096), default=200, help="side of a face in pixels")
    add(
        "--on-damaged",
        choices=("refuse", "skip"),
        default="refuse",
        help="stop at a damaged image, video or landmark file, or name it and go on",
    )
    add("--mean", type=Path, help="mean image to use instead of that of train's faces")
    add("--format", choices=("lmdb", "hdf5", "both"), default="lmdb", help="to write")
    add("--aligned", metavar="DIR", type=Path, help="write each face as a JPEG, too")
    add(
        "--crop",
        type=whole(1),
        help="side of the centre crops in HDF5 files and contact sheets; None: 170 at "
        "--size 200, 227 at 256 (AlexNet), otherwise 0.85 of it",
    )
    add("--file-mib", type=whole(2), default=512, help="largest HDF5 file, in MiB")


def parse(
    options: argparse.ArgumentParser, argv: list[str] | None
) -> argparse.Namespace:
    """Return the options; argparse exits with 2 on bad usage."""
    args = options.parse_args(argv)
    args.crop = args.crop or usual_crop(args.size)
    if problem := _problem(args):
        options.error(problem)
    return args


def _problem(args: argparse.Namespace) -> str | None:
    if not (args.fold or args.dry_run):
        return "--fold is required, unless with --dry-run"
    if args.train_folds == 2 and args.sample and "val" in args.sample_splits:
        return "--sample-splits val: with --train-folds 2 val is test"
    if args.crop > args.size:
        return f"--crop {args.crop} is larger than the faces, --size {args.size}"
    return None if args.format == "lmdb" else _hdf5_problem(args)


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


# ---- The import


def import_dataset(args: argparse.Namespace, dataset: Dataset) -> None:
    """Print the survey, write the fold's folder and print the labels' counts."""
    subjects = roles(args, dataset)
    groups = read_groups(dataset, subjects, args.jobs)
    found = survey(dataset, groups)
    print(describe(dataset, found), flush=True)
    if args.dry_run:
        return
    check_splits(args, groups, subjects)
    faces, short = sample_faces(args, groups)
    for line in short_lines(args, dataset.aus, short):
        print(line, flush=True)
    for note in warnings(args):
        print(f"warning: {note}", file=sys.stderr)
    # Here, since it wants a built Caffe (its record format) and a dry run does not.
    from data_prep.fold_files import Fold, Formats

    names = {"lmdb", "hdf5"} if args.format == "both" else {args.format}
    fold = Fold(
        options=head(args, dataset),
        formats=Formats(
            frozenset(names),
            args.size,
            args.crop,
            args.file_mib,
            args.mean,
            args.aligned,
        ),
        splits=faces,
        left_out=found["left out"],
        about={"short of frames": short, "survey": found, **cooccurrence(groups)},
        skip_damaged=args.on_damaged == "skip",
    )
    out = args.out / (args.fold if args.fold == "all" else f"fold{args.fold}")
    record = fold.write(out, args.jobs)
    title = f"\n{dataset.title}, {out.name}"
    print(label_table(title, dataset.name, record["aus"], record["splits"]))
    print(f"{out} is complete")


def cooccurrence(groups: Groups) -> dict:
    """Return the counts of pairs of AUs in train's coded frames; none without train."""
    return {"cooccurrence": count_pairs(groups["train"])} if "train" in groups else {}


def warnings(args: argparse.Namespace) -> Iterator[str]:
    """Yield what a user should know before he takes the fold's numbers for results."""
    if args.fold == "all" and not args.mean:
        yield (
            "without --mean the test faces' own mean is subtracted, unless `drml "
            "evaluate` gets --trained-on; give the mean.binaryproto that the network "
            "was trained with"
        )
    if args.fold != "all" and args.train_folds == 2:
        yield (
            "with --train-folds 2 val is test: a snapshot that is chosen on val is "
            "chosen on the test faces"
        )


def head(args: argparse.Namespace, dataset: Dataset) -> dict:
    """Return what decides the content beside the files: the head of dataset.json."""
    options = {
        "dataset": dataset.name,
        "generated": dataset.generated,
        "aus": list(dataset.aus),
        "size": args.size,
        "fold": "all" if args.fold == "all" else int(args.fold),
        "seed": args.seed,
        "sampling": args.sample
        and {
            "positive": args.sample[0],
            "negative": args.sample[1],
            "splits": args.sample_splits,
            "labels": args.labels,
        },
        **dataset.options,
    }
    if args.fold != "all":
        options["fold_lists"] = fold_lists(int(args.fold), args.train_folds)
    return options


def roles(args: argparse.Namespace, dataset: Dataset) -> dict[str, list[str]]:
    """Return the subjects of every split; without a fold (a dry run) of no split.

    With --train-folds 2 there is no val: it is another name for test.
    """
    if args.fold is None:
        return {"all": sorted(dataset.readers)}
    if args.fold == "all":
        return {"test": sorted(dataset.readers)}
    fold, trained = int(args.fold), args.train_folds
    if args.folds:
        subjects = split_subjects(dataset.lists, fold, args.folds, trained)
    else:
        subjects = rotate(thirds(dataset.readers, args.seed), fold, trained)
    if trained == 2:
        del subjects["val"]
    return subjects


def read_groups(dataset: Dataset, subjects: dict[str, list[str]], jobs: int) -> Groups:
    """Read every sequence of these subjects, in the dataset's order."""
    wanted = set().union(*subjects.values())
    own = (readers for name, readers in dataset.readers.items() if name in wanted)
    readers = [reader for some in own for reader in some]
    results = stream(_read, enumerate(readers), jobs)
    progress = tqdm(results, "reading", len(readers), unit="sequence", disable=None)
    sequences = [s for _, s in sorted(progress, key=lambda result: result[0])]
    return {
        split: [s for s in sequences if s.subject in members]
        for split, members in subjects.items()
    }


def _read(task: tuple[int, Callable[[], Sequence]]) -> Iterator[tuple[int, Sequence]]:
    number, reader = task
    yield number, reader()


def check_splits(
    args: argparse.Namespace, groups: Groups, subjects: dict[str, list[str]]
) -> None:
    """Raise UserError where a split would have no face."""
    for split, sequences in groups.items():
        if not any(s.faces for s in sequences):
            raise UserError(
                f"fold {args.fold} has no {split} face: {args.root} must have a coded "
                f"frame, image and landmarks of one of {', '.join(subjects[split])}"
            )


def sample_faces(
    args: argparse.Namespace, groups: Groups
) -> tuple[dict[str, list[FaceFrame]], dict]:
    """Return each split's faces in write order, train shuffled.

    Also returns, by sampled split, how many sequences had too few frames of each AU.
    """
    faces, short = {}, {}
    for split, sequences in groups.items():
        own = [s for s in sequences if s.faces]
        if args.sample and split in args.sample_splits:
            sampling = Sampling(*args.sample, args.seed, args.labels == "all")
            faces[split] = [face for s in own for face in sampling.sample(s)]
            short[split] = sampling.short(own)
        else:
            faces[split] = [face for s in own for face in s.faces]
    if "train" in faces:
        order = np.random.default_rng(args.seed).permutation(len(faces["train"]))
        faces["train"] = [faces["train"][i] for i in order]
    assert_disjoint({split: {f.subject for f in own} for split, own in faces.items()})
    return faces, short


def short_lines(
    args: argparse.Namespace, aus: tuple[int, ...], short: dict
) -> Iterator[str]:
    """Say how many sequences gave all their frames of a kind."""
    for split, counts in short.items():
        for kind, least in zip(("positive", "negative"), args.sample, strict=True):
            some = zip(aus, counts[kind], strict=True)
            names = ", ".join(f"AU {au} in {n}" for au, n in some if n)
            few = f"fewer than {least} {kind} frames, all taken"
            yield f"sequences of {split} with {few}: {names or 'none'}"
