"""Times and memory of the engines' iterations."""

from collections.abc import Callable
from pathlib import Path

from drml.bench.result import Measure, summarise
from drml.bench.worker import Worker

WARM_UP = 2  # iterations: the first allocates, or compiles
Iterate = Callable[[int], list[float]]  # milliseconds of each of so many iterations


def iterations(engine: Worker, **what) -> Iterate:
    """Load a network in an engine; returns what runs it."""
    engine("prepare", **what)
    return lambda count: engine("iterate", count=count)


def in_turn(engines: dict[str, Iterate], rounds: int) -> dict[str, Measure]:
    """Time iterations of the engines in turn, so that other load hits all of them."""
    for iterate in engines.values():
        iterate(WARM_UP)
    taken = {name: [] for name in engines}
    for _ in range(rounds):
        for name, iterate in engines.items():
            taken[name] += iterate(1)
    return {name: summarise(times) for name, times in taken.items()}


def peak_memory(python: Path | str, module: str, rounds: int, **what) -> Measure:
    """Return the peak MiB of iterations in a process of their own.

    Taken once it has warmed up, so that what compiling needs does not count.
    """
    with Worker(python, module) as engine:
        iterate = iterations(engine, **what)
        iterate(WARM_UP)
        engine("forget_peak_memory")
        iterate(rounds)
        return Measure(engine("peak_memory"))
