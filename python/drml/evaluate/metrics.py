"""F1-frame and ROC AUC per AU (paper, section 4.1), unknown labels masked.

F1-frame is the harmonic mean of precision and recall over single frames; AUC is the
area under the ROC curve. Both are fractions in [0, 1] here. An AU that lacks positive
or negative frames has neither: it is undefined (nan) and left out of the average.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

COUNTS = ("positives", "negatives", "unknown")
THRESHOLD = 0.5  # on the sigmoid; a score of exactly 0.5 counts as present


@dataclass(frozen=True)
class AuResult:
    """One AU's counts and measures; the measures are nan where undefined."""

    au: int
    positives: int
    negatives: int
    unknown: int
    f1: float
    f1_all_positive: float  # of calling the AU present in every frame
    auc: float  # of a constant score it would be 0.5

    @property
    def defined(self) -> bool:
        return not isnan(self.f1)


@dataclass(frozen=True)
class Average:
    """The plain mean over the `aus` AUs that are defined."""

    aus: int
    f1: float
    f1_all_positive: float
    auc: float


def au_results(
    scores: np.ndarray, labels: np.ndarray, aus: Sequence[int]
) -> list[AuResult]:
    """Measure every AU.

    scores: (N, C) float, probabilities in [0, 1]; labels: (N, C), +1 present,
    -1 absent, 0 unknown; aus: the C AU numbers of the columns.
    """
    if scores.shape != labels.shape or scores.shape[1:] != (len(aus),):
        raise ValueError(f"{scores.shape}, {labels.shape}, {len(aus)} AUs do not fit")
    return [_au_result(au, scores[:, c], labels[:, c]) for c, au in enumerate(aus)]


def _au_result(au: int, scores: np.ndarray, labels: np.ndarray) -> AuResult:
    known = labels != 0
    present, scores = labels[known] > 0, scores[known]  # (known,)
    positives, negatives = int(present.sum()), int((~present).sum())
    f1 = f1_all_positive = auc = nan
    if positives and negatives:
        f1 = float(f1_score(present, scores >= THRESHOLD))
        f1_all_positive = float(f1_score(present, np.ones_like(present)))
        auc = float(roc_auc_score(present, scores))
    unknown = len(labels) - positives - negatives
    return AuResult(au, positives, negatives, unknown, f1, f1_all_positive, auc)


def mean_of_folds(folds: Sequence[AuResult]) -> AuResult:
    """Sum an AU's counts and average its measures over the folds that define it."""
    counts = {n: sum(getattr(r, n) for r in folds) for n in COUNTS}
    return AuResult(folds[0].au, **counts, **_means(folds))


def average(results: Sequence[AuResult]) -> Average:
    """Average the defined AUs; all nan when there is none."""
    return Average(sum(r.defined for r in results), **_means(results))


def _means(results: Sequence[AuResult]) -> dict[str, float]:
    defined = [r for r in results if r.defined]
    return {
        name: fmean(getattr(r, name) for r in defined) if defined else nan
        for name in ("f1", "f1_all_positive", "auc")
    }
