"""DRML measured against other things than PyTorch's time."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from google.protobuf import text_format

from bench.measure import Measure, Result, in_turn, iterations, memory, summarise
from bench.network_times import OURS, PEER, Times, say
from bench.worker import Worker
from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.nets.branches import agreement, load_pair, times
from drml.nets.prototxt import Training, train_val
from drml.nets.pycaffe import caffe, load_net
from drml.nets.release import Grid

SECONDS = 2  # a measurement; what had been read ahead is used up before


def face_time(folder: Path, batch: int, rounds: int) -> Measure:
    """Return milliseconds a face, of DRML's training; faces are kept in `folder`."""
    net = load_net(_data_net(_faces(folder), batch), caffe.TRAIN)
    return summarise([_time(net) / batch for _ in range(rounds + 1)][1:])


def _time(net: caffe.Net) -> float:
    start, batches = perf_counter(), 0
    while perf_counter() - start < SECONDS:
        net.forward()
        batches += 1
    return 1000 * (perf_counter() - start) / batches


def _faces(folder: Path) -> Path:
    """Draw and import faces, if that was not done yet."""
    drawn, imported = folder / "generated", folder / "imported"
    if not (imported / "fold1" / "dataset.json").exists():
        size = "--subjects 6 --tasks 2 --frames 60 --seed 1".split()
        _run("generate", drawn, *size)
        _run(
            "import",
            "bp4d",
            drawn,
            "--out",
            imported,
            *"--fold 1 --sample none".split(),
        )
    return imported / "fold1"


def _run(*words: str | Path) -> None:
    command = [sys.executable, "-m", "drml", *words]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        raise UserError(f"drml {words[0]} failed; see above")


def _data_net(faces: Path, batch: int) -> caffe_pb2.NetParameter:
    text = train_val("drml", Training(data=str(faces), batch=batch))
    net = text_format.Parse(text, caffe_pb2.NetParameter())
    layers = [layer for layer in net.layer if layer.type == "MultilabelData"]
    del net.layer[:]
    net.layer.extend(layers)
    return net


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
