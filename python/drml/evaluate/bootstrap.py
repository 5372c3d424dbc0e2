"""95% intervals of F1 and AUC, by bootstrap over subjects.

Frames of one video are nearly copies of each other, and a face is easy or hard for all
of its frames: what a test set holds independently is subjects. So subjects are drawn
with replacement (Efron's bootstrap), those of each fold among themselves, and every
measure is taken again, with each subject's frames counting as often as it was drawn.

No frame is touched for that. Of a subject weighing w_s,
1. F1 is 2 sum w TP / (2 sum w TP + sum w FP + sum w FN): counts a subject;
2. AUC is w'Uw / (w'p w'n), where U[s, t] counts the pairs of a positive frame of s and
   a negative one of t that are in order (a tie half), p and n each subject's positives
   and negatives: U takes one sort of an AU's scores.

What is drawn depends on the seed and the subjects alone, so that two systems which were
tested on the same subjects are measured on the same draws: their difference is paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from drml.evaluate.metrics import THRESHOLD

RESAMPLES, SEED = 1000, 0
LEVEL = 95  # percent
MEASURES = ("f1", "auc", "f1_val_threshold")


class Interval(NamedTuple):
    """Where a measure lies in 95% of the resamples; nan where it is undefined."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference with this interval is more than noise."""
        return bool(self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Bootstrap:
    """How often subjects are drawn, and with which seed."""

    resamples: int = RESAMPLES
    seed: int = SEED

    def draw(self, subjects: Sequence[str]) -> np.ndarray:
        """Return how often each of S subjects is drawn: (resamples, S) int64."""
        rng = np.random.default_rng([self.seed, *"\n".join(subjects).encode()])
        count = len(subjects)
        return rng.multinomial(count, np.full(count, 1 / count), self.resamples)


@dataclass(frozen=True)
class Tally:
    """What a fold's measures are made of, subject by subject (S) and AU by AU (C)."""

    subjects: list[str]  # sorted
    positives: np.ndarray  # (S, C)
    negatives: np.ndarray  # (S, C)
    called: np.ndarray  # (2, S, C): frames called present, at THRESHOLD and val's
    hits: np.ndarray  # (2, S, C): those of them that are
    pairs: np.ndarray  # (C, S, S): U
    chosen: np.ndarray  # (C,) bool: the AUs that have a threshold of val's

    @property
    def defined(self) -> np.ndarray:
        """(C,) bool: the AUs that have both classes."""
        return self.positives.any(axis=0) & self.negatives.any(axis=0)

    def measures(self, weights: np.ndarray) -> np.ndarray:
        """Return MEASURES (3, B, C) for weights (B, S); nan: an undefined AU."""
        weights = weights.astype(float)
        p, n = weights @ self.positives, weights @ self.negatives  # (B, C)
        f1 = 2 * (weights @ self.hits) / (weights @ self.called + p)  # (2, B, C)
        ordered = np.einsum(
            "bs,cst,bt->bc", weights, self.pairs, weights, optimize=True
        )
        auc = ordered / (p * n)
        at_val = np.where(self.chosen, f1[1], np.nan)
        undefined = (p == 0) | (n == 0)
        return np.where(undefined, np.nan, np.stack([f1[0], auc, at_val]))

    def micro(self, weights: np.ndarray, aus: np.ndarray) -> np.ndarray:
        """Return numerator and denominator (2, B) of F1 over some AUs, (C,) bool."""
        hits = self.hits[0][:, aus].sum(axis=1)
        others = (self.called[0] + self.positives)[:, aus].sum(axis=1)
        return np.stack([2 * weights @ hits, weights @ others])


def tally(
    scores: np.ndarray,
    labels: np.ndarray,
    subjects: np.ndarray,
    thresholds: Sequence[float] | None = None,
) -> Tally:
    """Count a fold's frames.

    scores (N, C) in [0, 1]; labels (N, C) +1, -1, 0 unknown; subjects (N,) str;
    thresholds: C, chosen on val.
    """
    names, owner = np.unique(subjects, return_inverse=True)
    own = np.equal.outer(np.arange(len(names)), owner).astype(np.float64)  # (S, N)
    present, absent = labels > 0, labels < 0
    none = np.full(labels.shape[1], np.nan)
    at_val = none if thresholds is None else np.array(thresholds)
    above = np.stack([scores >= THRESHOLD, scores >= at_val])  # nan: False
    return Tally(
        names.tolist(),
        own @ present,
        own @ absent,
        own @ (above & (present | absent)),
        own @ (above & present),
        np.stack([_pairs(s, y, own) for s, y in zip(scores.T, labels.T, strict=True)]),
        ~np.isnan(at_val),
    )


def _pairs(scores: np.ndarray, labels: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return U (S, S) of one AU."""
    known = np.flatnonzero(labels)
    order = known[np.argsort(scores[known], kind="stable")]
    sorted_scores, present = scores[order], labels[order] > 0
    negatives = (own[:, order] * ~present).T  # (n, S)
    below = np.vstack([np.zeros(len(own)), negatives.cumsum(axis=0)])  # (n + 1, S)
    mine = sorted_scores[present]
    first = np.searchsorted(sorted_scores, mine, "left")
    last = np.searchsorted(sorted_scores, mine, "right")
    return own[:, order[present]] @ ((below[first] + below[last]) / 2)


class Resampled(NamedTuple):
    """A system's measures in every resample, the mean over its folds."""

    aus: list[int]
    values: np.ndarray  # (3, B, C): MEASURES
    micro: np.ndarray  # (B,)

    def of(self, measure: str) -> np.ndarray:
        """Return a measure (B, C)."""
        return self.values[MEASURES.index(measure)]

    def averages(self, measure: str, aus: Sequence[int] | None = None) -> np.ndarray:
        """Return the mean (B,) over the AUs, all or those given."""
        columns = [self.aus.index(au) for au in aus or self.aus]
        return mean_of_defined(self.of(measure)[:, columns], axis=1)


def resample(folds: Sequence[Tally], aus: list[int], how: Bootstrap) -> Resampled:
    """Measure a system again on drawn subjects, those of each fold among themselves.

    aus: the C AUs. Where every fold has one subject, nothing can be drawn: all is nan.
    """
    if all(len(fold.subjects) < 2 for fold in folds):
        return weighted(folds, aus, [np.full((1, 1), np.nan)] * len(folds))
    return weighted(folds, aus, [how.draw(fold.subjects) for fold in folds])


def exact(folds: Sequence[Tally], aus: list[int]) -> Resampled:
    """Measure a system as it is: one "resample", in which each subject counts once."""
    return weighted(folds, aus, [np.ones((1, len(f.subjects))) for f in folds])


def weighted(
    folds: Sequence[Tally], aus: list[int], weights: Sequence[np.ndarray]
) -> Resampled:
    """Measure a system with weights (B, S) of each fold's subjects."""
    defined = np.any([fold.defined for fold in folds], axis=0)
    pairs = list(zip(folds, weights, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = mean_of_defined(np.stack([f.measures(w) for f, w in pairs]), 0)
        hits, others = np.sum([f.micro(w, defined) for f, w in pairs], axis=0)
        return Resampled(aus, values, hits / others)


def mean_of_defined(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of what is not nan, nan where all is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis) / known.sum(axis)


def interval(values: np.ndarray) -> Interval:
    """Return the middle 95% of a measure's resamples (B,), or of a difference's."""
    values = values[~np.isnan(values)]
    if not len(values):
        return Interval(np.nan, np.nan)
    tail = (100 - LEVEL) / 2
    return Interval(*np.percentile(values, [tail, 100 - tail]).tolist())


class Intervals(NamedTuple):
    """Intervals of a system's measures."""

    how: Bootstrap
    subjects: int
    of_aus: dict[str, list[Interval]]  # by measure, of MEASURES
    of_average: dict[str, Interval]  # of the average over AUs, and "f1_micro"


def intervals(folds: Sequence[Tally], aus: list[int], how: Bootstrap) -> Intervals:
    """Return the intervals of a system's AUs and averages, the mean over its folds."""
    again = resample(folds, aus, how)
    averages = {measure: interval(again.averages(measure)) for measure in MEASURES}
    return Intervals(
        how,
        sum(len(fold.subjects) for fold in folds),
        {m: [interval(column) for column in again.of(m).T] for m in MEASURES},
        averages | {"f1_micro": interval(again.micro)},
    )
