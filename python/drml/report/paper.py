"""The paper's own numbers, to stand beside ours; kept in paper.toml as printed."""

import tomllib
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

AVERAGE = "average"  # the row below the AUs


class Time(NamedTuple):
    """Milliseconds an iteration: mean and standard deviation over the trials."""

    mean: float
    std: float


@cache
def read_paper() -> dict:
    """Return paper.toml: tables 2 to 4, figure 5 and what is said of the features."""
    return tomllib.loads(Path(__file__).with_name("paper.toml").read_text())


def percent_of(
    table: int, measure: str, method: str, row: int | str = AVERAGE
) -> float | None:
    """Return a number of Table 2 (BP4D) or 3 (DISFA), in percent.

    measure: "f1" or "auc"; row: an AU, or AVERAGE as printed. None where the paper
    has no such method or AU in the table.
    """
    content = read_paper()[f"table{table}"]
    return _of(method, content["methods"], content[measure].get(str(row)))


def running_time(phase: str, method: str) -> Time | None:
    """Return Table 4's time of a network; phase: "train" or "test"."""
    table = read_paper()["table4"]
    mean = _of(method, table["methods"], table[phase]["mean"])
    std = _of(method, table["methods"], table[phase]["std"])
    return None if mean is None else Time(mean, std)


def relation_distance(method: str) -> float | None:
    """Return the distance of Fig. 5's AU correlation table to the ground truth's."""
    figure = read_paper()["figure5"]
    return _of(method, figure["methods"], figure["distance"])


def misprinted_averages(table: int, measure: str) -> list[tuple[str, float, float]]:
    """List the methods whose printed average is not their column's mean, with both.

    A difference of 0.1 is what rounding or cutting off the second decimal makes.
    """
    content = read_paper()[f"table{table}"]
    rows = [row for au, row in content[measure].items() if au != AVERAGE]
    means = [fmean(column) for column in zip(*rows, strict=True)]
    printed = content[measure][AVERAGE]
    return [
        entry
        for entry in zip(content["methods"], printed, means, strict=True)
        if abs(entry[1] - entry[2]) > 0.1
    ]


def _of(method: str, methods: list[str], row: list[float] | None) -> float | None:
    return row[methods.index(method)] if row and method in methods else None
