"""DRML as its authors released it, with 64 branches of layers for the region layer.

write: a network in the release's form, for `caffe train`.
convert: weights from one form to the other. TEST then differs in one thing: the release
  normalises a patch by the batch's own statistics, our DRML by the moving averages.
time: one region layer against the branches in Caffe's own code, forward and backward,
  between DRML's conv1 and relu2, which are not timed.
"""

import argparse
import os
from pathlib import Path

from data_prep.base import whole, write
from drml.nets.branches import (
    agreement,
    branches_net,
    load_pair,
    peak_memory,
    region_net,
    table,
    times,
)
from drml.nets.release import FORMS, Grid, ImageLists, convert, train_val

CHANNELS = 32  # of conv1


def run(options: argparse.Namespace) -> None:
    options.do(options)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_write(commands.add_parser("write", help="a net in the release's form"))
    add_convert(commands.add_parser("convert", help="weights, from form to form"))
    add_time(commands.add_parser("time", help="one region layer and the branches"))


def add_write(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("out", type=Path, metavar="OUT.prototxt")
    add("--network", choices=("drml", "convnet", "alexnet"), default="drml")
    add("--train-list", required=True, help="file with an image and its labels a line")
    add("--test-list", required=True, help="the same for the test phase")
    add("--mean", required=True, help="mean.binaryproto")
    add("--aus", type=whole(1), default=12, help="labels a line (12)")
    add("--batch", type=whole(1), default=128, help="faces in training (128)")
    add("--test-batch", type=whole(1), default=64, help="faces in test (64)")
    command.set_defaults(do=write_net)


def add_convert(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("weights", type=Path, metavar="IN.caffemodel")
    add("out", type=Path, metavar="OUT.caffemodel")
    add("--to", choices=FORMS, required=True)
    command.set_defaults(do=convert_weights)


def add_time(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--batch", type=whole(1), default=8, help="faces (8)")
    add("--iterations", type=whole(1), default=10, help="passes to time (10)")
    command.set_defaults(do=time_forms)


def write_net(options: argparse.Namespace) -> None:
    lists = ImageLists(
        options.train_list,
        options.test_list,
        options.mean,
        options.aus,
        options.batch,
        options.test_batch,
    )
    write(options.out, train_val(options.network, lists))


def convert_weights(options: argparse.Namespace) -> None:
    write(options.out, convert(options.weights, options.to))


def time_forms(options: argparse.Namespace) -> None:
    batch, grid = options.batch, Grid()
    region, branched = load_pair(batch, CHANNELS, grid)
    error = agreement(region, branched)
    region, branched = load_pair(batch, CHANNELS, grid, in_drml=True)
    taken = times({"64 branches": branched, "one layer": region}, options.iterations)
    peaks = {
        "64 branches": peak_memory(branches_net(batch, CHANNELS, grid)),
        "one layer": peak_memory(region_net(batch, CHANNELS, grid)),
    }
    print(
        f"One region layer and 64 branches, {batch} x {CHANNELS} x 160 x 160: "
        f"median of {options.iterations}, OpenMP threads: {threads()}\n"
        f"(outputs, gradients and statistics agree to {error:.0e})"
    )
    print(table(taken, peaks))
    print(f"A process without a net peaks at {peak_memory(None)} MiB.")


def threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
