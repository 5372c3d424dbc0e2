"""Scoring in Caffe against the runtimes that take ONNX, one image and many at a time.

DRML, its relatives and nets of public zoos, with random weights, are exported as `drml
export` does it; outputs are compared; then iterations are timed in turn, each runtime
in a process of its own, all in float32. Writes runtimes.md and runtimes.csv into --out.
`make bench` installs the runtimes and calls this.
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from bench.measure import Result, in_turn, publish
from bench.network_times import OURS, say
from bench.worker import Worker
from bench.zoo import TITLES as ZOO_TITLES
from bench.zoo import ZOO
from caffe.proto import caffe_pb2
from data_prep.base import UserError, run, whole
from drml.cli.options import parser
from drml.export.net import LoadedNet, build, model_of
from drml.nets.names import TITLES as OWN_TITLES
from drml.nets.networks import NETWORKS
from drml.nets.pycaffe import load_net
from drml.nets.timing import scoring_net

PEER = "bench.onnx_engine"
RUNTIMES = ("ONNX Runtime", "OpenVINO", "OpenCV")
TITLES = OWN_TITLES | ZOO_TITLES
TOLERANCE = 1e-3  # of the largest output


def main() -> None:
    options = parse_options()
    if not options.peer.exists():
        raise UserError(f"{options.peer} does not exist; `make bench` installs it")
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # Caffe's
    results, failures = [], []
    for network in options.networks:
        for batch in options.batches:
            results += compare(network, batch, options, failures)
    about = (
        f"float32; medians of {options.rounds} iterations and the\nwidth of their "
        "middle half; batches as named"
    )
    publish("runtimes", options.out, results, about, failures)


def compare(
    network: str, batch: int, options: argparse.Namespace, failures: list[str]
) -> Iterator[Result]:
    """Yield a network's result against each runtime; notes those that fail."""
    title = f"{TITLES[network]}, batch {batch}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        net, weights, model = written(network, batch, folder)
        values = images(network, batch)
        ours = stack.enter_context(Worker(*OURS))
        ours("prepare_files", net=str(net), weights=str(weights), values=values)
        expected = ours("score_prepared")
        engines = {"Caffe": iterate_of(ours)}
        for runtime in options.runtimes:
            peer = stack.enter_context(Worker(options.peer, PEER))
            what = dict(runtime=runtime, model=str(model), threads=options.threads)
            try:
                peer("prepare", **what, values=values)
            except UserError as error:  # it does not know all of ONNX
                reason = str(error).replace("\\n", "\n").splitlines()[0]
                failures.append(f"- {title}: {runtime} does not take it: {reason}")
                continue
            check(title, runtime, expected, peer("score"))
            engines[runtime] = iterate_of(peer)
        say(f"{title}: the outputs agree; timing them")
        times = in_turn(engines, options.rounds)
    a_image = {name: time.per(batch) for name, time in times.items()}
    for runtime in list(a_image)[1:]:
        yield Result(title, "ms an image", a_image["Caffe"], runtime, a_image[runtime])


def iterate_of(worker: Worker):
    return lambda count: worker("iterate", count=count)


def written(network: str, batch: int, folder: Path) -> tuple[Path, Path, Path]:
    """Write a net with random weights: prototxt, weights and ONNX."""
    param = scoring(network, batch)
    prototxt, weights, model = (
        folder / f"net.{x}" for x in ("prototxt", "caffemodel", "onnx")
    )
    prototxt.write_text(str(param))
    net = load_net(param)
    for layer in param.layer:
        if layer.type == "BatchNorm":  # as if it had seen values of mean 0, variance 1
            for blob, value in zip(net.params[layer.name], (0, 1, 1), strict=True):
                blob.data[...] = value
    net.save(str(weights))
    del net
    loaded = LoadedNet(prototxt, weights)
    graph = build(loaded, True)
    onnx.save(model_of(loaded, graph, loaded.outputs), str(model))
    return prototxt, weights, model


def scoring(network: str, batch: int) -> caffe_pb2.NetParameter:
    if network in ZOO:
        return ZOO[network](batch)
    return scoring_net(network, batch, "msra")


def images(network: str, batch: int) -> np.ndarray:
    (data, *_) = scoring(network, batch).layer
    shape = tuple(data.input_param.shape[0].dim)
    return np.random.default_rng(1).normal(0, 0.25, shape).astype(np.float32)


def check(title: str, runtime: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    error = np.abs(ours - theirs.reshape(ours.shape)).max() / np.abs(ours).max()
    if not error <= TOLERANCE:  # or is nan
        raise UserError(
            f"{title}: Caffe and {runtime} differ by {error:.1e}; nothing was timed"
        )


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__, "python -m bench.runtimes")
    add = arguments.add_argument
    add("--out", type=Path, required=True, help="folder for the tables")
    add("--peer", type=Path, required=True, help="a Python that has the runtimes")
    names = [*NETWORKS, *ZOO]
    add("--networks", nargs="+", choices=names, default=names)
    add("--runtimes", nargs="+", choices=RUNTIMES, default=RUNTIMES)
    add("--batches", nargs="+", type=whole(1), default=[1, 32], help="(1 32)")
    add("--rounds", type=whole(1), default=7, help="iterations to time (7)")
    threads = int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0))))
    add("--threads", type=whole(1), default=threads, help=f"of each side ({threads})")
    return arguments.parse_args()


if __name__ == "__main__":
    run(main)
