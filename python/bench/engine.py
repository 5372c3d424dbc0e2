"""What the engines have in common."""

import re
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

Parameters = dict[str, list[np.ndarray]]  # by layer: weight, bias (, mean, variance)


class Trained(NamedTuple):
    """What two iterations of a training were, and came to."""

    before: Parameters
    results: dict[str, np.ndarray]  # output, gradients, and the weights' change
    after: Parameters


def trained(
    before: Parameters,
    output: dict[str, np.ndarray],
    gradients: Parameters,
    after: Parameters,
) -> Trained:
    """Put results together; of parameters' lists the first two are compared."""
    results = dict(output)
    for name, (weight, bias, *_) in gradients.items():
        results[f"{name}, gradient"] = weight
        results[f"{name}, bias gradient"] = bias
    for name, (weight, bias, *_) in after.items():
        results[f"{name}, change"] = weight - before[name][0]
        results[f"{name}, bias change"] = bias - before[name][1]
    return Trained(before, results, after)


def averaged(blobs: list[np.ndarray]) -> list[np.ndarray]:
    """Return a layer's parameters; Caffe keeps sums of means and of variances."""
    if len(blobs) < 5:
        return blobs
    *values, scale = blobs  # the sums' common weight
    values[2:] = [total / (scale or 1) for total in values[2:]]
    return values


class Engine:
    """Holds one network at a time; `iteration` is set by a subclass's prepare."""

    iteration: Callable[[], object]

    def iterate(self, count: int) -> list[float]:
        """Return the milliseconds of each of `count` iterations."""
        taken = []
        for _ in range(count):
            start = perf_counter()
            self.iteration()
            taken.append(1000 * (perf_counter() - start))
        return taken

    def forget_peak_memory(self) -> None:
        """Let the peak be of what follows: not of compiling, or filling weights."""
        Path("/proc/self/clear_refs").write_text("5")

    def peak_memory(self) -> float:
        """Return the most MiB that this process has had resident."""
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
