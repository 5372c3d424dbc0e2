#!/usr/bin/env python3
"""Import BP4D: registered faces with AU labels in LMDBs, for one fold.

Reads frames, AU occurrence codes and landmarks from ROOT (folders: bp4d_layout.py; the
full set has 41 subjects, 328 sequences and 146,847 coded frames) and writes, under
OUT/fold<K>: train_lmdb (shuffled), val_lmdb and test_lmdb (in the dataset's order),
mean.binaryproto (of the train faces) and, last, dataset.json. Every coded frame is
taken that has an image and landmarks. An interrupted run goes on, when started again,
with the first split that is not complete.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.aus import BP4D_AUS
from data_prep.bp4d_layout import Layout
from data_prep.bp4d_sequence import Sequence, read_sequence
from data_prep.errors import UserError, run
from data_prep.face_dataset import FaceDataset
from data_prep.face_summary import table
from data_prep.folds import FOLD_FILES, FOLDS, split_subjects
from data_prep.records import Face


def main(argv: list[str] | None = None) -> None:
    """Survey the dataset, write the fold's folder and print the labels' counts."""
    args = parse_args(argv)
    subjects = split_subjects("bp4d", args.fold, args.folds)
    layout = Layout.find(args.root)
    sequences = read_sequences(layout, subjects)
    print(survey(args.root, layout, sequences), flush=True)
    splits = split_faces(args, sequences, subjects)
    dataset = FaceDataset(
        options={
            "dataset": "BP4D",
            "generated": layout.generated,
            "aus": list(BP4D_AUS),
            "size": args.size,
            "fold": args.fold,
            "seed": args.seed,
        },
        subjects={split: subjects_of(faces) for split, faces in splits.items()},
        splits=splits,
        left_out={
            "no image": sum(sequence.without_image for sequence in sequences),
            "no landmarks": sum(sequence.without_landmarks for sequence in sequences),
        },
        skip_damaged=args.on_damaged == "skip",
    )
    out = args.out / f"fold{args.fold}"
    print(table(dataset.write(out, args.jobs)))
    print(f"{out} is complete")


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Return the options; argparse exits with 2 on bad usage."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("root", metavar="ROOT", type=Path, help="the folder that holds BP4D")
    add("--out", type=Path, default=Path("data/bp4d"), help="where fold<K> goes")
    add("--fold", type=int, choices=FOLDS, required=True, help="the fold to test on")
    add("--folds", type=Path, default=FOLD_FILES, help="folder of the fold lists")
    add("--size", type=at_least(16), default=200, help="side of a face in pixels")
    add("--seed", type=at_least(0), default=0, help="seed of the train faces' order")
    add("--jobs", type=at_least(1), default=os.cpu_count(), help="processes at work")
    add(
        "--on-damaged",
        choices=("refuse", "skip"),
        default="refuse",
        help="stop at a damaged image, or count it and go on",
    )
    return parser.parse_args(argv)


def at_least(least: int):
    """Return an argparse type: a whole number of at least `least`."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number >= {least}")
        return int(text)

    return number


def read_sequences(layout: Layout, subjects: dict[str, list[str]]) -> list[Sequence]:
    """Read every coded sequence of the folds' subjects."""
    wanted = set().union(*subjects.values())
    names = [name for name in layout.sequences() if name[0] in wanted]
    progress = tqdm(names, "reading", unit="sequence", disable=None)
    return [read_sequence(layout, *name, BP4D_AUS) for name in progress]


def survey(root: Path, layout: Layout, sequences: list[Sequence]) -> str:
    """Return what was found, in two lines."""
    kind = " (generated faces)" if layout.generated else ""
    coded = sum(sequence.coded for sequence in sequences)
    without_image = sum(sequence.without_image for sequence in sequences)
    without_landmarks = sum(sequence.without_landmarks for sequence in sequences)
    return (
        f"BP4D{kind} in {root}: {len({s.subject for s in sequences})} subjects, "
        f"{len(sequences)} sequences, {coded} coded frames\n"
        f"  {coded - without_image} of these frames have an image, "
        f"{without_landmarks} of those no landmarks"
    )


def subjects_of(faces: list[Face]) -> list[str]:
    """Return who the faces belong to, sorted."""
    return sorted({face.name.split("_")[0] for face in faces})


def split_faces(
    args: argparse.Namespace, sequences: list[Sequence], subjects: dict[str, list[str]]
) -> dict[str, list[Face]]:
    """Return each split's faces in write order: train is shuffled."""
    splits = {
        split: [face for s in sequences if s.subject in members for face in s.faces]
        for split, members in subjects.items()
    }
    for split, faces in splits.items():
        if not faces:
            raise UserError(
                f"fold {args.fold} has no {split} face: {args.root} must have a coded "
                f"frame, image and landmarks of one of {', '.join(subjects[split])}"
            )
        people = len(subjects_of(faces))
        print(f"  {split}: {len(faces)} faces of {people} subjects", flush=True)
    order = np.random.default_rng(args.seed).permutation(len(splits["train"]))
    splits["train"] = [splits["train"][i] for i in order]
    return splits


if __name__ == "__main__":
    run(main)
