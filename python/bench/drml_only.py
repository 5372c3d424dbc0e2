"""DRML measured against other things than PyTorch's time."""

from collections.abc import Iterator
from pathlib import Path

from bench.data_rate import face_time
from bench.measure import in_turn, iterations, memory
from bench.networks import OURS, PEER, Times, say
from bench.result import Measure, Result
from bench.worker import Worker
from drml.nets.branches import agreement, load_pair, times
from drml.nets.release import Grid

BATCHES = (4, 8, 16, 32, 64, 128)
CHANNELS = 32  # of conv1
TRAINING = dict(network="drml", phase="train")


def to_convnet(taken: list[Times]) -> Iterator[Result]:
    """What the region layer makes of ConvNet's time (the paper: 3.0 and 3.7 times)."""
    by_name = {(t.network, t.phase): t for t in taken}
    for phase in ("train", "test"):
        drml, convnet = (by_name[name, phase] for name in ("drml", "convnet"))
        yield Result(
            drml.title, "ms a face", drml.ours, "Caffe: ConvNet", convnet.ours, 1.5
        )


def peaks(
    training: Times, peer_python: Path, batch: int, rounds: int
) -> Iterator[Result]:
    """Memory of a training; PyTorch's with and without compiling, the smaller."""
    say("memory")
    what = dict(**TRAINING, batch=batch)
    ours = memory(*OURS, rounds, **what)
    variants = {training.fastest, training.fastest._replace(how="eager")}
    theirs = {v: memory(peer_python, PEER, rounds, **what, variant=v) for v in variants}
    least = min(theirs, key=lambda v: theirs[v].peak)
    peer = f"PyTorch: {least}"
    for name, mine, other, at_most in [
        ("peak memory", ours.peak, theirs[least].peak, 1),
        ("of which before it is loaded", ours.before, theirs[least].before, None),
    ]:
        title = f"DRML, training at batch {batch}, {name}"
        yield Result(title, "MiB", Measure(mine), peer, Measure(other), at_most)


def batches(rounds: int) -> Iterator[Result]:
    """The cost of a face as batches grow, against the smallest batch."""
    costs = {}
    with Worker(*OURS) as ours:
        for batch in BATCHES:
            say(f"DRML, training at batch {batch}")
            iterate = iterations(ours, **TRAINING, batch=batch)
            costs[batch] = in_turn({"": iterate}, rounds)[""].per(batch)
    first, *others = BATCHES
    for batch in others:
        what, against = f"DRML, training at batch {batch}", f"Caffe: batch {first}"
        yield Result(what, "ms a face", costs[batch], against, costs[first], 1)


def region_layer(batch: int, rounds: int) -> Result:
    """One Region layer, forward and backward, against the release's 64 branches.

    Both stand between DRML's layers, whose blobs are in the layouts that they want.
    """
    say("the region layer and 64 branches")
    error = agreement(*load_pair(batch, CHANNELS, Grid()))
    region, branched = load_pair(batch, CHANNELS, Grid(), in_drml=True)
    taken = times({"one": region, "64": branched}, rounds)
    return Result(
        f"region layer alone, batch {batch}, agreeing to {error:.0e}",
        "ms a face",
        Measure(taken["one"].both).per(batch),
        "Caffe: 64 branches",
        Measure(taken["64"].both).per(batch),
        0.2,
    )


def reading(training: Times, folder: Path, batch: int, rounds: int) -> Result:
    """MultilabelData alone, on one thread, against training."""
    say("reading faces")
    cost = face_time(folder, batch, rounds)
    against = "Caffe: " + training.title
    return Result("MultilabelData", "ms a face", cost, against, training.ours, 1 / 3)
