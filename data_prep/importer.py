"""The one way from a dataset on disk to a fold's folder, whatever the dataset.

1. Every sequence that the folds name is read, in parallel, and the survey printed;
   --dry-run ends here.
2. Frames are sampled, and train is shuffled.
3. Faces are registered and written (face_dataset.py), and their labels counted.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

import numpy as np
from tqdm import tqdm

from data_prep import face_summary
from data_prep.errors import UserError
from data_prep.face_dataset import FaceDataset
from data_prep.fold_files import Formats
from data_prep.folds import assert_disjoint, rotate, split_subjects, thirds
from data_prep.records import Face
from data_prep.sampling import Sampling
from data_prep.sequence import Sequence
from data_prep.source import Source
from data_prep.survey import describe, survey
from data_prep.workers import stream

Groups = dict[str, list[Sequence]]  # by split


def import_dataset(args: argparse.Namespace, source: Source) -> None:
    """Print the survey, write the fold's folder and print the labels' counts."""
    subjects = roles(args, source)
    groups = read_groups(source, subjects, args.jobs)
    found = survey(source, groups)
    print(describe(source, found), flush=True)
    if args.dry_run:
        return
    check_splits(args, groups, subjects)
    faces, short = sample_faces(args, groups)
    for line in short_lines(args, source.aus, short):
        print(line, flush=True)
    out = args.out / (args.fold if args.fold == "all" else f"fold{args.fold}")
    if args.fold == "all" and not args.mean:
        print(
            "warning: without --mean the test faces' own mean is subtracted, unless "
            "evaluate.py gets --trained-on; give the mean.binaryproto that the network "
            "was trained with",
            file=sys.stderr,
        )
    dataset = FaceDataset(
        options=head(args, source),
        formats=formats(args),
        splits=faces,
        left_out=found["left out"],
        about={"short of frames": short, "survey": found},
        skip_damaged=args.on_damaged == "skip",
    )
    record = dataset.write(out, args.jobs)
    title = f"\n{source.title}, {out.name}"
    print(face_summary.table(title, record["aus"], record["splits"]))
    print(f"{out} is complete")


def formats(args: argparse.Namespace) -> Formats:
    """Return what is to be written of the faces."""
    names = {"lmdb", "hdf5"} if args.format == "both" else {args.format}
    return Formats(frozenset(names), args.size, args.crop, args.file_mib, args.mean)


def head(args: argparse.Namespace, source: Source) -> dict:
    """Return what decides the content beside the files: the head of dataset.json."""
    return {
        "dataset": source.name,
        "generated": source.generated,
        "aus": list(source.aus),
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
        **source.options,
    }


def roles(args: argparse.Namespace, source: Source) -> dict[str, list[str]]:
    """Return the subjects of every split; without a fold (a dry run) of no split."""
    if args.fold is None:
        return {"all": sorted(source.readers)}
    if args.fold == "all":
        return {"test": sorted(source.readers)}
    fold = int(args.fold)
    if args.folds:
        return split_subjects(source.lists, fold, args.folds)
    return rotate(thirds(source.readers, args.seed), fold)


def read_groups(source: Source, subjects: dict[str, list[str]], jobs: int) -> Groups:
    """Read every sequence of these subjects, in the source's order."""
    wanted = set().union(*subjects.values())
    readers = [r for name, own in source.readers.items() if name in wanted for r in own]
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
) -> tuple[dict[str, list[Face]], dict]:
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
