"""The paper's own numbers, to stand beside ours; kept in paper.toml as printed."""

import tomllib
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from drml.evaluate.protocols import COUNTS, HALF, SAMPLED
from drml.nets.names import TITLES

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


class Cell(NamedTuple):
    """A network's measures of an AU as the paper prints them, in percent."""

    method: str
    au: int
    f1: float
    auc: float


NEAR_CHANCE = 56.0  # percent: an AUC that hardly tells present from absent
MARGIN = 3.0  # points by which F1 may exceed all-present's at such an AUC
_TABLES = {2: "BP4D", 3: "DISFA"}


def near_chance(table: int) -> list[Cell]:
    """Return the networks' cells of Table 2 or 3 whose AUC is near chance."""
    content = read_paper()[f"table{table}"]
    networks = [m for m in content["methods"] if m in TITLES.values()]
    aus = [int(au) for au in content["f1"] if au != AVERAGE]
    cells = [
        Cell(m, au, *(percent_of(table, measure, m, au) for measure in ("f1", "auc")))
        for m in networks
        for au in aus
    ]
    return [cell for cell in cells if cell.auc <= NEAR_CHANCE]


def contradicting(table: int, all_present: dict[int, float]) -> list[Cell]:
    """Return those of near_chance() whose F1 a test set cannot have given.

    all_present: by AU the F1, percent, of calling every frame present on it. A system
    at chance does not exceed that by more than a little, whatever its threshold: with
    base rate r, guessing "present" for a share q of the frames gives 2rq / (r + q),
    which grows with q up to 2r / (1 + r) at q = 1.
    """
    return [
        cell
        for cell in near_chance(table)
        if cell.au in all_present and cell.f1 > all_present[cell.au] + MARGIN
    ]


def assumed(table: int, frames: str, threshold: int | None = None) -> dict[int, float]:
    """Return all-present's F1 (percent) by AU, from the public base rates.

    frames: of FRAMES; those that are sampled as in training are taken as if an AU's
    frames were spread evenly over the videos, which makes the most of rare AUs.
    """
    rates = read_paper()["base_rates"][_TABLES[table]]
    shares = {
        int(au): (own[threshold - 1] if threshold else own) / 100
        for au, own in rates.items()
        if au.isdecimal()
    }
    a_video = rates["frames"] / rates["videos"]
    counts = COUNTS[_TABLES[table]]
    found = {}
    for au, share in shares.items():
        if frames == SAMPLED:
            kinds = (share * a_video, (1 - share) * a_video)
            positive, negative = map(min, kinds, counts)
            share = positive / (positive + negative)
        elif frames == HALF:
            share = 1 / 3
        found[au] = 200 * share / (1 + share)
    return found


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
