"""Times and memory of the engines' iterations."""

from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import NamedTuple

from bench.result import Measure, summarise
from bench.worker import Worker

WARM_UP = 2  # iterations: the first allocates, or compiles
REST = 0.05  # seconds: OpenMP's threads spin for some 10 ms after their work
Iterate = Callable[[int], list[float]]  # milliseconds of each of so many iterations


def iterations(engine: Worker, prepare: str = "prepare", **what) -> Iterate:
    """Have an engine load a network, or prepare other work; returns what runs it."""
    engine(prepare, **what)
    return lambda count: engine("iterate", count=count)


def in_turn(engines: dict[str, Iterate], rounds: int) -> dict[str, Measure]:
    """Time iterations of the engines in turn, so that other load hits all of them.

    Between turns they rest, or one's threads would still spin in the other's turn.
    """
    for iterate in engines.values():
        iterate(WARM_UP)
    taken = {name: [] for name in engines}
    for _ in range(rounds):
        for name, iterate in engines.items():
            sleep(REST)
            taken[name] += iterate(1)
    return {name: summarise(times) for name, times in taken.items()}


class Memory(NamedTuple):
    """MiB resident of a process of its own."""

    before: float  # it loaded the network: its libraries
    peak: float  # of iterations, warmed up, so that compiling does not count


def memory(python: Path | str, module: str, rounds: int, **what) -> Memory:
    with Worker(python, module) as engine:
        before = engine("peak_memory")
        iterate = iterations(engine, **what)
        iterate(WARM_UP)
        engine("forget_peak_memory")
        iterate(rounds)
        return Memory(before, engine("peak_memory"))
