"""What is measured: ours against something else, as a table in Markdown and as CSV."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan, nan
from statistics import quantiles
from typing import NamedTuple

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
