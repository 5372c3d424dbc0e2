"""Run the paper's experiments and write its results section: `make reproduce`.

With --bp4d (and --disfa, for Table 3) on the real datasets as the paper trains; without
them on generated faces. Prints the plan with estimated times, runs what is not done yet
and writes OUT/report/results.html. Stop it whenever you like: the same command goes on.
What changed since a step was run is named, and done again only with --redo.

The experiments themselves are python/reproduce.smk, which Snakemake runs, on this
machine or, with --profile, on a cluster (docs/cluster.md).
"""

import argparse
import os
from pathlib import Path

from data_prep.base import UserError, whole
from data_prep.dataset import OFFSETS
from data_prep.importer import SPLITS
from drml.nets.names import METHODS, TITLES
from drml.reproduce.contents import FOLDS, PARTS
from drml.reproduce.driver import reproduce
from drml.reproduce.plan import WORKFLOW
from drml.reproduce.protocol import PROTOCOLS

CAFFE = Path(__file__).parents[3] / "build/bin/caffe"


def run(options: argparse.Namespace) -> None:
    if not WORKFLOW.is_file():
        raise UserError("the experiments want a clone of the project: run make there")
    reproduce(options)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    nets, folds, parts = list(TITLES), list(FOLDS), list(PARTS)
    add("--bp4d", type=folder, help="BP4D's folder; without it faces are generated")
    add("--disfa", type=folder, help="DISFA's folder")
    add("--nets", nargs="+", choices=nets, default=nets, help="all")
    methods = list(METHODS)
    add(
        "--methods", nargs="+", choices=[*methods, "none"], default=methods,
        help="classical ones: all",
    )  # fmt: skip
    add("--folds", nargs="+", type=int, choices=folds, default=folds, help="all")
    add("--tables", nargs="+", choices=parts, default=parts, help="all")
    add("--grids", nargs="+", type=int, default=[], help="other grids to try: 5 10")
    add("--out", type=folder, default="out/reproduce", help="%(default)s")
    add("--seed", type=whole(0), default=1, help="of faces, sampling, training (1)")
    add("--iterations", type=whole(1), help="of every training (the protocol's)")
    add("--patience", type=whole(1), help="end a training early: drml train --help")
    add("--trials", type=whole(1), help="of Table 4 (the protocol's)")
    add("--trial-iterations", type=whole(1), help="of each of them (the protocol's)")
    add("--mode", choices=("cpu", "gpu"), help="for Table 4 (the GPU if there is one)")
    add("--redo", action="store_true", help="redo what depends on what has changed")
    add("--dry-run", action="store_true", help="print the plan, run nothing")
    add("--jobs", type=whole(1), default=1, help="steps at work at once (1)")
    add("--profile", help="of Snakemake: where and how it runs them (docs/cluster.md)")
    add("--protocol", choices=PROTOCOLS, help="paper with --bp4d, short without")
    counts = ("SUBJECTS", "TASKS", "FRAMES", "HEIGHT")
    add("--faces", type=whole(1), nargs=4, metavar=counts, help="to be generated")
    add("--caffe", type=folder, default=CAFFE, help="build/bin/caffe")
    add_importers(parser.add_argument_group("options of the importers"))


def add_importers(group) -> None:
    """Add what is handed on to `drml import`."""
    add = group.add_argument
    add("--on-damaged", choices=("refuse", "skip"), help="a file that is damaged")
    add("--frame-offset", type=int, choices=OFFSETS, help="of BP4D's images")
    add("--sample-splits", nargs="+", choices=SPLITS, help="where frames are sampled")
    add("--labels", choices=("sampled", "all"), help="of a sampled frame")
    add("--threshold", type=int, choices=range(1, 6), help="of DISFA's intensities")
    add("--fold-lists", type=folder, help="folder of BP4D's fold lists")
    add("--train-folds", type=int, choices=(1, 2), help="lists that train (1)")


def folder(text: str) -> Path:
    return Path(os.path.abspath(text))
