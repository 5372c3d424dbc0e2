"""What a line of Caffe's log says of a training: time left, and whether it learns.

A net that has learned nothing but how often each AU is present has the base rates'
loss: a training that stays there is on a plateau (docs/training.md).
"""

from datetime import timedelta
from math import isfinite, log
from pathlib import Path

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.evaluate.dataset import read_dataset
from drml.nets.deploy import read_prototxt
from drml.nets.log import loss_of, seconds_left
from drml.nets.solver import Solver

PLATEAU = 0.01  # nearer to the base rates' loss than this share of it


def base_rate_loss(counts: dict) -> float:
    """Return the least loss of a net that gives all faces the same scores.

    counts: of a split, as dataset.json has them. It is the entropy of each AU's labels,
    summed over AUs and known labels and divided by the faces (paper 3.1).
    """
    total = 0.0
    for present, absent in zip(counts["positive"], counts["negative"], strict=True):
        known = present + absent
        total += sum(n * log(known / n) for n in (present, absent) if n)
    return total / counts["faces"]


def training_counts(solver: Solver) -> dict | None:
    """Return the label counts of the faces that a solver trains on.

    None where the net does not read a dataset of the importers' making.
    """
    folder = training_folder(solver)
    return read_dataset(folder)["splits"].get("train") if folder else None


def training_folder(solver: Solver) -> Path | None:
    """Return the folder of the dataset that a solver trains on.

    None where the net does not read one of the importers' making.
    """
    for source in _sources(solver.net):
        try:
            read_dataset(source.parent)
            return source.parent
        except UserError:
            continue
    return None


def _sources(net: Path | None) -> list[Path]:
    if net is None:
        return []
    try:
        param = read_prototxt(net)
    except UserError:
        return []  # Caffe itself says what is wrong with it
    train = [
        layer
        for layer in param.layer
        if not any(rule.phase == caffe_pb2.TEST for rule in layer.include)
    ]
    names = [x.data_param.source or x.hdf5_data_param.source for x in train]
    return [Path(name) for name in names if name]


class Progress:
    """Turns lines of Caffe's log into lines for who waits."""

    def __init__(self, solver: Solver):
        counts = training_counts(solver)
        self.max_iter = solver.max_iter
        self.base = base_rate_loss(counts) if counts and counts["faces"] else None

    def of(self, line: str) -> str | None:
        """Return what to say of a line; None: nothing."""
        seconds = seconds_left(line, self.max_iter)
        if seconds is None:
            return None
        left = f"about {timedelta(seconds=round(seconds))} left"
        loss = loss_of(line)
        if not self.base or loss is None or not isfinite(loss):
            return left
        return f"{self._place(loss)}; {left}"

    def _place(self, loss: float) -> str:
        below = 1 - loss / self.base
        rates = f"the base rates' {self.base:.2f}"
        if abs(below) < PLATEAU:
            return f"loss {loss:.2f}, a plateau: no better than {rates}"
        side = "below" if below > 0 else "above"
        return f"loss {loss:.2f}, {abs(below):.0%} {side} {rates}"
