"""Read the losses and learning rates out of what `caffe train` logs.

One file may hold several runs, each resumed from a snapshot of the one before: when
the iteration steps back, what was logged from there on is forgotten, since the new run
does those iterations again.
"""

from __future__ import annotations  # tests/gpu runs on Python 3.9

import re
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.base import UserError

Curve = dict[int, float]  # iteration -> value, in the order of iterations

NUMBER = r"([-+.\deE]+|-?nan|-?inf)"
ITERATION = re.compile(r"\] Iteration (\d+)(?: \(.*?\))?, (.*)")
SPEED = re.compile(r"\] Iteration (\d+) \(([-+.\de]+) iter/s")
SLOWEST = 1e-6  # iterations a second
TRAIN_LOSS = re.compile(rf"loss = {NUMBER}$")
LEARNING_RATE = re.compile(rf"lr = {NUMBER}$")
RANDOM_SEED = re.compile(r"random_seed: (\d+)")
TEST_LOSS = re.compile(rf"Test net output #\d+: .* \(\* .* = {NUMBER} loss\)")


@dataclass
class TrainingLog:
    """The curves of one training; empty where Caffe logged nothing.

    train_loss: averaged over the solver's `average_loss` iterations; test_loss: mean
    over a test pass, the sum of the net's weighted losses, as train_loss is.
    """

    train_loss: Curve = field(default_factory=dict)
    test_loss: Curve = field(default_factory=dict)
    learning_rate: Curve = field(default_factory=dict)
    random_seed: int | None = None  # of the solver; None: Caffe's choice

    @property
    def last_iteration(self) -> int:
        return max((*self.train_loss, *self.test_loss), default=0)

    def forget_from(self, iteration: int) -> None:
        for curve in (self.train_loss, self.test_loss, self.learning_rate):
            for later in [i for i in curve if i >= iteration]:
                del curve[later]


def read_log(path: Path) -> TrainingLog:
    """Parse a log file; a file without a single loss is a UserError."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); train.py --log writes it"
        ) from None
    log = parse(lines)
    if not log.train_loss and not log.test_loss:
        raise UserError(f"{path} holds no loss: it is not a log of caffe train")
    return log


def parse(lines: list[str]) -> TrainingLog:
    """Parse the lines of one or more runs of `caffe train`."""
    log, iteration = TrainingLog(), 0
    for line in lines:
        if match := ITERATION.search(line):
            if int(match[1]) < iteration:
                log.forget_from(int(match[1]))
            iteration = int(match[1])
            _read_iteration(log, iteration, match[2])
        elif match := TEST_LOSS.search(line):
            before = log.test_loss.get(iteration, 0.0)
            log.test_loss[iteration] = before + float(match[1])
        elif match := RANDOM_SEED.fullmatch(line):
            log.random_seed = int(match[1])
    return log


def _read_iteration(log: TrainingLog, iteration: int, rest: str) -> None:
    if match := TRAIN_LOSS.match(rest):
        log.train_loss[iteration] = float(match[1])
    elif match := LEARNING_RATE.match(rest):
        log.learning_rate[iteration] = float(match[1])
    elif rest.startswith("Testing net"):
        log.test_loss.pop(iteration, None)  # a resumed run tests once more


def seconds_left(line: str, max_iter: int) -> float | None:
    """Tell from a line "Iteration N (v iter/s, ..." how long the rest takes.

    Caffe's first line has done no iteration yet: its v is 0, or (seen) 7e-31.
    """
    match = SPEED.search(line)
    if not match or float(match[2]) < SLOWEST:
        return None
    return max(0, max_iter - int(match[1])) / float(match[2])
