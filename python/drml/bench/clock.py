"""What both engines measure with."""

import re
from collections.abc import Callable
from pathlib import Path
from time import perf_counter


def iteration_times(iterate: Callable[[], object], count: int) -> list[float]:
    """Return the milliseconds of each of `count` calls."""
    taken = []
    for _ in range(count):
        start = perf_counter()
        iterate()
        taken.append(1000 * (perf_counter() - start))
    return taken


def peak_memory() -> float:
    """Return the most MiB that this process has had resident."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
