"""Pairs of AUs that JPML relates: published, or derived from the training frames.

The published list is second-hand: JPML (Zhao et al., CVPR 2015) derived it from labels
of its own datasets, and its thresholds are in no source that could be read.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from data_prep.base import UserError
from drml.report.tables import lay_out

POSITIVE = ((1, 2), (6, 7), (6, 10), (7, 10), (6, 12), (7, 12), (10, 12), (17, 24))
NEGATIVE = (
    (1, 6), (1, 7), (2, 6), (2, 7), (10, 17), (10, 23), (10, 24), (12, 15), (12, 17),
    (12, 23), (12, 24), (15, 23), (15, 24), (23, 24),
)  # fmt: skip
LEAST_PHI = 0.3  # of a derived positive pair
MOST_LIFT = 0.5  # of a derived negative pair
PUBLISHED, DERIVED = "published", "derived"


class Pairs(NamedTuple):
    """Related pairs, by AU numbers."""

    positive: Sequence[tuple[int, int]]
    negative: Sequence[tuple[int, int]]

    def columns(self, aus: Sequence[int]) -> "Pairs":
        """The same by columns of AUs; what is not among them is left out."""
        place = {au: column for column, au in enumerate(aus)}
        return Pairs(
            *(
                [(place[a], place[b]) for a, b in pairs if a in place and b in place]
                for pairs in self
            )
        )


class Together(NamedTuple):
    """How two AUs occur together; (AUs, AUs) each, nan where undefined."""

    phi: np.ndarray  # correlation coefficient of the two labels
    lift: np.ndarray  # P(both) / (P(one) P(other))


def together(counts: dict) -> Together:
    """Compute from dataset.json's "cooccurrence" (data_prep.survey.count_pairs)."""
    n, one, both = (
        np.array(counts[k], np.float64) for k in ("known", "present", "both")
    )
    other = one.T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(one * (n - one) * other * (n - other))
        return Together((n * both - one * other) / spread, n * both / (one * other))


def derive(found: Together, aus: Sequence[int]) -> Pairs:
    every = list(combinations(range(len(aus)), 2))
    return Pairs(
        [(aus[i], aus[j]) for i, j in every if found.phi[i, j] >= LEAST_PHI],
        [(aus[i], aus[j]) for i, j in every if found.lift[i, j] <= MOST_LIFT],
    )


def choose(kind: str, dataset: dict, place: object) -> tuple[Pairs, str]:
    """Return the pairs for a dataset.json's AUs, and a table of them to print."""
    aus, counts = dataset["aus"], dataset.get("cooccurrence")
    if counts is None and "train" in dataset["splits"]:
        raise UserError(
            f"{place} was imported before AU pairs were counted; import it again (the "
            "same drml import command adds the counts)"
        )
    if counts is None:
        raise UserError(f"{place} has no train split; give one that an import wrote")
    found = together(counts)
    if kind == DERIVED:
        pairs = derive(found, aus)
    else:
        pairs = Pairs(
            *([p for p in own if {*p} <= {*aus}] for own in (POSITIVE, NEGATIVE))
        )
    if not any(pairs):
        raise UserError(
            f"{place} has AUs {', '.join(map(str, aus))}, no two of which are a "
            f"{kind} pair of JPML's; give the other --pairs, or train APL"
        )
    return pairs, _table(kind, pairs, found, aus, counts["frames"])


def _table(
    kind: str, pairs: Pairs, found: Together, aus: Sequence[int], frames: int
) -> str:
    rows = [("pair", "relation", "phi", "lift")]
    for relation, own in zip(("positive", "negative"), pairs, strict=True):
        for a, b in own:
            place = aus.index(a), aus.index(b)
            phi, lift = found.phi[place], found.lift[place]
            rows.append((f"{a}, {b}", relation, f"{phi:.2f}", f"{lift:.2f}"))
    rule = (
        "second-hand, from JPML's own data"
        if kind == PUBLISHED
        else f"phi >= {LEAST_PHI}, lift <= {MOST_LIFT}"
    )
    title = f"Pairs of AUs, {kind} ({rule}), in {frames:,} coded training frames"
    return lay_out(title, rows, foot=False)
