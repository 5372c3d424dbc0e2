#!/usr/bin/env python3
"""Import your own faces from a CSV: registered, with AU labels, for one fold or all.

CSV names the images (csv_table.py says how): `path,subject,AU1,AU2,...`, and their
landmarks where there are some. Prints what is there, and writes under OUT/fold<K> or
OUT/all what data_prep/bp4d.py writes. Without --folds the subjects are dealt into three
lists by --seed. An interrupted run goes on when started again.
"""

from data_prep import import_options
from data_prep.csv_source import find_csv
from data_prep.errors import run
from data_prep.importer import import_dataset


def main(argv: list[str] | None = None) -> None:
    """Import the fold that the options name."""
    options = import_options.parser(
        __doc__, "the CSV", out="data/own", sample="none", folds=None
    )
    args = import_options.parse(options, argv)
    import_dataset(args, find_csv(args.root, args.on_damaged == "skip"))


if __name__ == "__main__":
    run(main)
