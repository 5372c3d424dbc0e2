"""F1-frame, ROC AUC and average precision per AU, unknown labels masked.

F1-frame is the harmonic mean of precision and recall over single frames; AUC is the
area under the ROC curve (both: paper, section 4.1); average precision is the area under
the curve of precision over recall, which for a system that guesses is the share of
positive frames. All are fractions in [0, 1] here. An AU that lacks positive or negative
frames has none of them: it is undefined (nan) and left out of the average.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

import numpy as np

COUNTS = ("positives", "negatives", "unknown", "true_positives", "false_positives")
MEANS = ("f1", "f1_all_positive", "auc", "average_precision", "f1_val_threshold")
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
    average_precision: float = nan  # of a constant score: the share of positives
    val_threshold: float = nan  # chosen on the val split; nan: none was
    f1_val_threshold: float = nan  # at that threshold
    true_positives: int = 0  # at THRESHOLD, as f1 is
    false_positives: int = 0

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
    average_precision: float
    f1_val_threshold: float
    f1_micro: float  # F1 of the decisions on all these AUs together


def au_results(
    scores: np.ndarray,
    labels: np.ndarray,
    aus: Sequence[int],
    thresholds: Sequence[float] | None = None,
) -> list[AuResult]:
    """Measure every AU.

    scores: (N, C) float, probabilities in [0, 1]; labels: (N, C), +1 present,
    -1 absent, 0 unknown; aus: the C AU numbers of the columns; thresholds: C, those
    that were chosen on the val split.
    """
    if scores.shape != labels.shape or scores.shape[1:] != (len(aus),):
        raise ValueError(f"{scores.shape}, {labels.shape}, {len(aus)} AUs do not fit")
    thresholds = thresholds or [nan] * len(aus)
    return [
        _au_result(au, scores[:, c], labels[:, c], thresholds[c])
        for c, au in enumerate(aus)
    ]


def _au_result(
    au: int, scores: np.ndarray, labels: np.ndarray, threshold: float
) -> AuResult:
    # Here, since importing it takes a second, which most commands need not wait.
    from sklearn.metrics import average_precision_score, roc_auc_score

    known = labels != 0
    present, scores = labels[known] > 0, scores[known]  # (known,)
    called = scores >= THRESHOLD
    positives, negatives = int(present.sum()), int((~present).sum())
    measures = dict.fromkeys(MEANS, nan)
    if positives and negatives:
        measures = {
            "f1": f1_of(called, present),
            "f1_all_positive": f1_of(np.ones_like(present), present),
            "auc": roc_auc_score(present, scores),
            "average_precision": average_precision_score(present, scores),
            "f1_val_threshold": nan
            if isnan(threshold)
            else f1_of(scores >= threshold, present),
        }
    return AuResult(
        au,
        positives,
        negatives,
        len(labels) - positives - negatives,
        val_threshold=threshold,
        true_positives=int((called & present).sum()),
        false_positives=int((called & ~present).sum()),
        **{name: float(value) for name, value in measures.items()},
    )


def f1_of(called: np.ndarray, present: np.ndarray) -> float:
    """Return F1 of decisions (N,) bool, without the checks of scikit-learn's.

    present: (N,) bool, at least one True.
    """
    return 2 * (called & present).sum() / (called.sum() + present.sum())


def best_thresholds(scores: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return the threshold of highest F1 for each AU, of a val split's scores.

    scores, labels: as of au_results. A score that reaches the threshold is present. Of
    equally good ones the highest is taken; an AU with one class only keeps THRESHOLD.
    """
    return [_best_threshold(s, y) for s, y in zip(scores.T, labels.T, strict=True)]


def _best_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import precision_recall_curve

    known = labels != 0
    present, scores = labels[known] > 0, scores[known]
    if not present.any() or present.all():
        return THRESHOLD
    precision, recall, thresholds = precision_recall_curve(present, scores)
    total = np.maximum(precision + recall, np.finfo(float).tiny)
    f1 = (2 * precision * recall / total)[:-1]  # the last point has no threshold
    return float(thresholds[len(f1) - 1 - f1[::-1].argmax()])


def mean_of_folds(folds: Sequence[AuResult]) -> AuResult:
    """Sum an AU's counts and average its measures over the folds that define it."""
    counts = {n: sum(getattr(r, n) for r in folds) for n in COUNTS}
    thresholds = {r.val_threshold for r in folds}
    threshold = thresholds.pop() if len(thresholds) == 1 else nan
    return AuResult(folds[0].au, val_threshold=threshold, **counts, **_means(folds))


def average(results: Sequence[AuResult]) -> Average:
    """Average the defined AUs; all nan when there is none."""
    return Average(
        sum(r.defined for r in results), f1_micro=f1_micro(results), **_means(results)
    )


def f1_micro(results: Sequence[AuResult]) -> float:
    """Return F1 over the decisions on all defined AUs together; nan without one.

    Frequent AUs weigh more in it than in the mean of the AUs' F1.
    """
    defined = [r for r in results if r.defined]
    hits = sum(r.true_positives for r in defined)
    called = hits + sum(r.false_positives for r in defined)
    return 2 * hits / (called + sum(r.positives for r in defined)) if defined else nan


def _means(results: Sequence[AuResult]) -> dict[str, float]:
    defined = [r for r in results if r.defined]
    return {
        name: fmean(getattr(r, name) for r in defined) if defined else nan
        for name in MEANS
    }
