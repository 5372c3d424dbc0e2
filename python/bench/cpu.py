"""DRML and its relatives in Caffe against PyTorch: time and memory.

For each network: all of PyTorch's formulations are tried and the fastest is taken;
scores, gradients and updates of both are compared; then iterations of both are timed
in turn, on random faces. A training iteration is forward, backward and SGD's update.
Writes cpu.md and cpu.csv into --out. `make bench` installs PyTorch and calls this.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench import drml_only
from bench.measure import Result, publish
from bench.network_times import Times, time_networks
from data_prep.base import UserError, run, whole
from drml.cli.options import parser
from drml.nets.networks import NETWORKS


def main() -> None:
    options = parse_options()
    if not options.peer.exists():
        raise UserError(f"{options.peer} does not exist; `make bench` installs PyTorch")
    networks = dict.fromkeys(options.networks)
    times = list(time_networks(options.peer, networks, options.batch, options.rounds))
    results = [t.result() for t in times]
    if "drml" in networks:
        results += of_drml(times, options)
    about = (
        f"batch {options.batch}; medians of {options.rounds} iterations\nand the width "
        "of their middle half; bold: above what is to be reached"
    )
    publish("cpu", options.out, results, about, formulations(times))


def of_drml(times: list[Times], options: argparse.Namespace) -> Iterator[Result]:
    training = next(t for t in times if (t.network, t.phase) == ("drml", "train"))
    batch, rounds = options.batch, options.rounds
    if "convnet" in options.networks:
        yield from drml_only.to_convnet(times)
    yield drml_only.region_layer(batch, rounds)
    yield from drml_only.peaks(training, options.peer, batch, rounds)
    yield from drml_only.batches(rounds)
    yield drml_only.reading(training, options.out / "faces", batch, rounds)


def formulations(times: list[Times]) -> list[str]:
    """Return a table of what was tried of PyTorch."""
    tried = [
        f"| {t.title} | {variant} | {measure.median:.1f} |"
        for t in times
        for variant, measure in t.tried.items()
    ]
    heading = ["| network | formulation | ms a face |", "|---|---|---:|"]
    return ["What was tried of PyTorch:", "", *heading, *tried, ""]


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--out", type=Path, required=True, help="folder for the tables")
    add("--peer", type=Path, required=True, help="a Python that has PyTorch")
    networks = ["drml", "convnet", "alexnet"]
    add("--networks", nargs="+", choices=NETWORKS, default=networks)
    add("--batch", type=whole(1), default=16, help="faces an iteration (16)")
    add("--rounds", type=whole(1), default=7, help="iterations to time (7)")
    return arguments.parse_args()


if __name__ == "__main__":
    run(main)
