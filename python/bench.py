"""DRML and its relatives in Caffe against PyTorch: time and memory.

For each network: all of PyTorch's formulations are tried and the fastest is taken;
scores, gradients and updates of both are compared; then iterations of both are timed
in turn, on random faces. A training iteration is forward, backward and SGD's update.
Writes bench.md and bench.csv into --out. `make bench` installs PyTorch and calls this.
"""

import argparse
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from data_prep.base import UserError, run, write
from drml.bench import drml_only
from drml.bench.networks import Times, time_networks
from drml.bench.result import Result, as_csv, markdown
from drml.hardware import processor
from drml.networks import NETWORKS
from drml.options import parser, positive


def main() -> None:
    options = parse_options()
    if not options.peer.exists():
        raise UserError(f"{options.peer} does not exist; `make bench` installs PyTorch")
    networks = dict.fromkeys(options.networks)
    times = list(time_networks(options.peer, networks, options.batch, options.rounds))
    results = [t.result() for t in times]
    if "drml" in networks:
        results += of_drml(times, options)
    text = as_markdown(results, times, options)
    write(options.out / "bench.md", text)
    write(options.out / "bench.csv", as_csv(results))
    print(text)


def of_drml(times: list[Times], options: argparse.Namespace) -> Iterator[Result]:
    training = next(t for t in times if (t.network, t.phase) == ("drml", "train"))
    batch, rounds = options.batch, options.rounds
    if "convnet" in options.networks:
        yield from drml_only.to_convnet(times)
    yield drml_only.region_layer(batch, rounds)
    yield from drml_only.peaks(training, options.peer, batch, rounds)
    yield from drml_only.batches(rounds)
    yield drml_only.reading(training, options.out / "faces", batch, rounds)


def as_markdown(
    results: list[Result], times: list[Times], options: argparse.Namespace
) -> str:
    tried = [
        f"| {t.title} | {variant} | {measure.median:.1f} |"
        for t in times
        for variant, measure in t.tried.items()
    ]
    return "\n".join([
        f"{processor()}; batch {options.batch}; medians of {options.rounds} iterations",
        "and the width of their middle half; bold: above what is to be reached.",
        f"`python {shlex.join(sys.argv)}`",
        "",
        markdown(results),
        "What was tried of PyTorch:",
        "",
        "| network | formulation | ms a face |",
        "|---|---|---:|",
        *tried,
        "",
    ])  # fmt: skip


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--out", type=Path, required=True, help="folder for the tables")
    add("--peer", type=Path, required=True, help="a Python that has PyTorch")
    networks = ["drml", "convnet", "alexnet"]
    add("--networks", nargs="+", choices=NETWORKS, default=networks)
    add("--batch", type=positive, default=16, help="faces an iteration (16)")
    add("--rounds", type=positive, default=7, help="iterations to time (7)")
    return arguments.parse_args()


if __name__ == "__main__":
    run(main)
