"""Nets of public zoos trained in Caffe and in PyTorch: time.

From the same random weights, images and labels, scores, loss and gradients of each of
PyTorch's formulations are compared with Caffe's; the fastest is then timed in turn with
Caffe. An iteration is forward, backward and SGD's update, with momentum and decay.
Writes zoo_training.md and zoo_training.csv into --out. `make bench` calls this.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.comparison import differences, judge
from bench.measure import Measure, Result, in_turn, publish
from bench.network_times import OURS, PEER, TRIES, fastest, say
from bench.runtimes import iterate_of
from bench.variants import Variant, variants
from bench.worker import Worker
from bench.zoo import CLASSES, SIDE, TITLES, ZOO, described
from data_prep.base import UserError, run, whole
from drml.cli.options import parser

# Of all gradients together, relative in norm. Where rounding lets a ReLU or a maximum
# fall otherwise, its gradient jumps, in each of 50 layers: Caffe's own code and PyTorch
# differ by 2.1e-2 in ResNet-50 (4 images), the default engine and PyTorch by 3.1e-2.
TOLERANCE = {"gradient": 5e-2}


def main() -> None:
    options = parse_options()
    if not options.peer.exists():
        raise UserError(f"{options.peer} does not exist; `make bench` installs it")
    results = list(compare(options))
    about = (
        f"batch {options.batch}; medians of {options.rounds} iterations\nand the width "
        "of their middle half"
    )
    publish("zoo_training", options.out, results, about)


def compare(options: argparse.Namespace) -> Iterator[Result]:
    rng = np.random.default_rng(1)
    shape = options.batch, 3, SIDE, SIDE
    what = dict(
        images=rng.normal(0, 1, shape).astype(np.float32),
        labels=rng.integers(CLASSES, size=options.batch).astype(np.float32),
    )
    for network in options.networks:
        with Worker(*OURS) as ours, Worker(options.peer, PEER) as peer:
            parameters, expected = ours("prepare_zoo", network=network, **what)
            theirs = dict(layers=described(network, options.batch), **what)
            theirs["parameters"] = parameters
            tried = _try(peer, network, theirs, expected, options.batch)
            best = fastest(tried)
            peer("prepare_zoo", **theirs, variant=best)
            engines = {"Caffe": iterate_of(ours), "PyTorch": iterate_of(peer)}
            times = in_turn(engines, options.rounds)
        a_image = {name: time.per(options.batch) for name, time in times.items()}
        yield Result(
            f"{TITLES[network]}, training iteration",
            "ms an image",
            a_image["Caffe"],
            f"PyTorch: {best}",
            a_image["PyTorch"],
        )


def _try(
    peer: Worker, network: str, theirs: dict, expected: dict, batch: int
) -> dict[Variant, Measure]:
    tried = {}
    for variant in variants(network):
        results = peer("prepare_zoo", **theirs, variant=variant)
        error = judge(
            network, differences(*map(joined, (expected, results))), TOLERANCE
        )
        taken = in_turn({"": iterate_of(peer)}, TRIES)[""].per(batch)
        tried[variant] = taken
        say(
            f"{TITLES[network]}, training: PyTorch, {variant}: agrees to {error:.0e}, "
            f"{taken.median:.1f} ms an image"
        )
    return tried


def joined(results: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return scores, loss, and all gradients as one.

    (A single layer's may be small beside what others leave of rounding.)
    """
    gradients = [results[name] for name in sorted(results) if "gradient" in name]
    return {
        "scores": results["scores"],
        "loss": results["loss"],
        "gradient": np.concatenate([gradient.ravel() for gradient in gradients]),
    }


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__, "python -m bench.zoo_training")
    add = arguments.add_argument
    add("--out", type=Path, required=True, help="folder for the tables")
    add("--peer", type=Path, required=True, help="a Python that has PyTorch")
    add("--networks", nargs="+", choices=ZOO, default=list(ZOO))
    add("--batch", type=whole(1), default=8, help="images an iteration (8)")
    add("--rounds", type=whole(1), default=7, help="iterations to time (7)")
    return arguments.parse_args()


if __name__ == "__main__":
    run(main)
