"""What the engines have in common."""

import re
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

Parameters = dict[str, list[np.ndarray]]  # by layer: weight, bias (, mean, variance)


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
