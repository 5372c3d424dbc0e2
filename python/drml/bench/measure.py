"""Iterations of engines timed in turn, so that other load on the machine hits all."""

from collections.abc import Callable
from statistics import quantiles
from typing import NamedTuple

WARM_UP = 2  # iterations: the first allocates, or compiles
Iterate = Callable[[int], list[float]]  # milliseconds of each of so many iterations


class Measure(NamedTuple):
    """Milliseconds an iteration: the median of several, and the middle half's width."""

    median: float
    spread: float


def in_turn(engines: dict[str, Iterate], rounds: int) -> dict[str, Measure]:
    """Time `rounds` iterations of each engine, one after the other in every round."""
    for iterate in engines.values():
        iterate(WARM_UP)
    taken = {name: [] for name in engines}
    for _ in range(rounds):
        for name, iterate in engines.items():
            taken[name] += iterate(1)
    return {name: summarise(times) for name, times in taken.items()}


def summarise(times: list[float]) -> Measure:
    """Of one iteration the spread is 0."""
    if len(times) == 1:
        return Measure(times[0], 0.0)
    low, middle, high = quantiles(times, n=4, method="inclusive")
    return Measure(middle, high - low)
