#!/usr/bin/env python3
"""Import BP4D: registered faces with AU labels, for one fold.

Finds frames, AU occurrence codes and landmarks under ROOT (bp4d_layout.py; the full set
has 41 subjects, 328 sequences and 146,847 coded frames), prints what is there, and
writes under OUT/fold<K>: train_lmdb (shuffled), val_lmdb and test_lmdb (in the
dataset's order) or their HDF5 files, mean.binaryproto (of the train faces), a contact
sheet of each split and, last, dataset.json. An interrupted run goes on when started
again. OUT/registered.sqlite keeps the registered faces for the other folds; it may be
deleted.
"""

from data_prep import import_options
from data_prep.bp4d_source import find_bp4d
from data_prep.errors import run
from data_prep.frame_numbers import OFFSETS
from data_prep.importer import import_dataset


def main(argv: list[str] | None = None) -> None:
    """Import the fold that the options name."""
    options = import_options.parser(
        __doc__, "the folder that holds BP4D", out="data/bp4d", sample="100/200"
    )
    options.add_argument(
        "--frame-offset",
        type=int,
        choices=OFFSETS,
        help="image number less coded frame; None: what finds more images",
    )
    args = import_options.parse(options, argv)
    skip = args.on_damaged == "skip"
    import_dataset(args, find_bp4d(args.root, args.frame_offset, skip))


if __name__ == "__main__":
    run(main)
