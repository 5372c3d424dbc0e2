"""Times and memory: taken in turn, compared, as tables in Markdown and CSV."""

import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from statistics import quantiles
from time import sleep
from typing import NamedTuple

from bench.worker import Worker
from data_prep.base import write
from drml.nets.pycaffe import processor
from drml.report.tables import csv_text

HEADER = ("what", "unit", "Caffe", "+-", "against", "", "+-", "ratio", "at most")


class Measure(NamedTuple):
    """The median of several values, and the width of their middle half, if known."""

    median: float
    spread: float = nan

    def per(self, count: int) -> "Measure":
        return Measure(self.median / count, self.spread / count)


def summarise(values: list[float]) -> Measure:
    """Of one value the spread is not known."""
    if len(values) == 1:
        return Measure(values[0])
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Measure(middle, high - low)


@dataclass(frozen=True)
class Result:
    """A comparison; `at_most` is the ratio to reach, where one is set."""

    what: str
    unit: str
    ours: Measure
    against: str
    theirs: Measure
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours.median / self.theirs.median


def markdown(results: Iterable[Result]) -> str:
    """Lay results out; a ratio above its mark is bold."""
    lines = [_line(HEADER), _line(["---"] * 2 + ["---:"] * 2 + ["---"] + ["---:"] * 4)]
    return "\n".join(lines + [_line(_cells(r)) for r in results]) + "\n"


def _cells(r: Result) -> list[str]:
    missed = r.at_most is not None and r.ratio > r.at_most
    mark = "**" if missed else ""
    return [
        *(r.what, r.unit),
        *(_number(v) for v in r.ours),
        r.against,
        *(_number(v) for v in r.theirs),
        f"{mark}{r.ratio:.2g}{mark}",
        "" if r.at_most is None else f"{r.at_most:.2g}",
    ]


def _number(value: float) -> str:
    if isnan(value):
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def as_csv(results: Iterable[Result]) -> str:
    """One line a result, unrounded."""
    header = "what unit caffe caffe_spread against theirs theirs_spread ratio at_most"
    rows = [
        (r.what, r.unit, *r.ours, r.against, *r.theirs, r.ratio, r.at_most)
        for r in results
    ]
    return csv_text(header.split(), rows)


def publish(
    name: str, out: Path, results: list[Result], about: str, more: Iterable[str] = ()
) -> None:
    """Write what bench.NAME measured to OUT/NAME.md and OUT/NAME.csv, and print it.

    `about` is said above the table, beside the processor and the command; `more` are
    lines below it.
    """
    text = "\n".join([
        f"{processor()}; {about}.",
        f"`python -m bench.{name} {shlex.join(sys.argv[1:])}`",
        "",
        markdown(results),
        *more,
    ])  # fmt: skip
    write(out / f"{name}.md", text)
    write(out / f"{name}.csv", as_csv(results))
    print(text)


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
