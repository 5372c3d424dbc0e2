#!/usr/bin/env python3
"""Import DISFA: registered faces with AU labels, for one fold or all subjects.

Finds videos (or images), AU intensities and landmarks under ROOT (disfa_layout.py; the
full set has 27 subjects and 130,814 coded frames), prints what is there, and writes
under OUT/fold<K> or OUT/all what data_prep/bp4d.py writes. Videos are decoded straight
from the .avi. The paper trains on BP4D and tests on all of DISFA: --fold all --mean
data/bp4d/fold1/mean.binaryproto. An interrupted run goes on when started again.
"""

from data_prep import import_options
from data_prep.disfa_labels import MOST
from data_prep.disfa_layout import CAMERAS
from data_prep.disfa_source import Reading, find_disfa
from data_prep.errors import run
from data_prep.frame_numbers import OFFSETS
from data_prep.importer import import_dataset


def main(argv: list[str] | None = None) -> None:
    """Import the fold that the options name."""
    options = import_options.parser(
        __doc__, "the folder that holds DISFA", out="data/disfa", sample="800/1600"
    )
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
    args = import_options.parse(options, argv)
    keep = args.keep_tracking_failures
    skip = args.on_damaged == "skip"
    how = Reading(args.camera, args.threshold, args.frame_offset, keep, skip)
    import_dataset(args, find_disfa(args.root, how))


if __name__ == "__main__":
    run(main)
