"""The options of the 95% intervals, which several subcommands have."""

import argparse

from data_prep.base import whole
from drml.evaluate.bootstrap import RESAMPLES, SEED, Bootstrap


def add_bootstrap(parser: argparse.ArgumentParser) -> None:
    """Add the options of the 95% intervals; bootstrap() reads them."""
    add = parser.add_argument
    what = f"of subjects for the 95%% intervals, 0 for none ({RESAMPLES})"
    add("--resamples", type=whole(0), default=RESAMPLES, help=what)
    add("--resample-seed", type=whole(0), default=SEED, help=f"of these ({SEED})")


def bootstrap(options: argparse.Namespace) -> Bootstrap | None:
    """Return how intervals are to be had, None for none."""
    if not options.resamples:
        return None
    return Bootstrap(options.resamples, options.resample_seed)
