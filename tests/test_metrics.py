"""F1-frame and AUC against cases worked out by hand."""

from math import isnan

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from drml.evaluate.metrics import au_results, average, mean_of_folds


def measure(scores, labels):
    """Measure one AU."""
    scores = np.array(scores, np.float32)[:, None]
    return au_results(scores, np.array(labels, np.int8)[:, None], [12])[0]


def test_worked_case():
    r = measure([0.9, 0.6, 0.4, 0.7, 0.2, 0.1], [1, 1, 1, -1, -1, -1])
    assert (r.au, r.positives, r.negatives, r.unknown) == (12, 3, 3, 0)
    # At 0.5: TP = 2 (0.9, 0.6), FP = 1 (0.7), FN = 1 (0.4); 2*2 / (2*2 + 1 + 1) = 2/3.
    assert r.f1 == pytest.approx(2 / 3)
    # All present: TP = 3, FP = 3, FN = 0; 2*3 / (2*3 + 3) = 2/3.
    assert r.f1_all_positive == pytest.approx(2 / 3)
    # Of the 9 pairs, 0.9 wins 3, 0.6 wins 2, 0.4 wins 2: 7/9.
    assert r.auc == pytest.approx(7 / 9)


def test_unknown_frames_do_not_count():
    known = measure([0.9, 0.6, 0.7, 0.2], [1, 1, -1, -1])
    mixed = measure([0.9, 0.99, 0.6, 0.7, 0.01, 0.2], [1, 0, 1, -1, 0, -1])
    assert mixed.unknown == 2
    assert (mixed.f1, mixed.auc) == (known.f1, known.auc)
    # TP = 2, FP = 1, FN = 0: 4/5; pairs: 0.9 wins 2, 0.6 wins 1: 3/4.
    assert (mixed.f1, mixed.auc) == (pytest.approx(0.8), pytest.approx(0.75))


def test_ties_count_half():
    r = measure([0.5, 0.5, 0.5], [1, -1, -1])
    # A tied pair counts 1/2: (1/2 + 1/2) / 2 = 1/2.
    assert r.auc == pytest.approx(0.5)
    # A score of exactly 0.5 is present: TP = 1, FP = 2, FN = 0; 2 / (2 + 2) = 1/2.
    assert r.f1 == pytest.approx(0.5)


def test_a_tie_among_others():
    r = measure([0.9, 0.4, 0.4, 0.1], [1, 1, -1, -1])
    # Of the 4 pairs 0.9 wins 2; 0.4 ties one and wins one: 3.5 / 4.
    assert r.auc == pytest.approx(0.875)
    # TP = 1 (0.9), FP = 0, FN = 1 (0.4): 2 / (2 + 1).
    assert r.f1 == pytest.approx(2 / 3)


def test_nothing_called_present_is_f1_zero():
    r = measure([0.4, 0.3], [1, -1])
    assert r.f1 == 0.0  # TP = 0, FN = 1: 0 / 1
    assert r.auc == 1.0


@pytest.mark.parametrize("labels", [[1, 1, 1], [-1, -1, -1], [1, 0, 1], [0, 0, 0]])
def test_one_class_is_undefined(labels):
    r = measure([0.9, 0.5, 0.1], labels)
    assert not r.defined
    assert isnan(r.f1)
    assert isnan(r.f1_all_positive)
    assert isnan(r.auc)
    assert r.unknown == labels.count(0)


def test_average_leaves_undefined_out_and_says_so():
    scores = np.array([[0.9, 0.9, 0.1], [0.6, 0.9, 0.9]], np.float32)
    labels = np.array([[1, 1, 1], [-1, 1, -1]], np.int8)
    mean = average(au_results(scores, labels, [1, 2, 4]))
    assert mean.aus == 2
    # AU 1: TP 1, FP 1: 2/3, its pair is won: 1. AU 4: TP 0: 0, its pair is lost: 0.
    assert mean.f1 == pytest.approx((2 / 3 + 0) / 2)
    assert mean.auc == pytest.approx((1 + 0) / 2)
    assert mean.f1_all_positive == pytest.approx(2 / 3)


def test_mean_of_folds_counts_each_fold_that_is_defined_alike():
    folds = [
        measure([0.9, 0.6, 0.1], [1, -1, -1]),  # TP 1, FP 1: 2/3; both pairs won
        measure([0.2, 0.8, 0.9, 0.1], [1, -1, -1, 0]),  # TP 0: 0; both pairs lost
        measure([0.9, 0.8], [-1, -1]),  # one class only
    ]
    mean = mean_of_folds(folds)
    assert (mean.positives, mean.negatives, mean.unknown) == (2, 6, 1)
    assert mean.f1 == pytest.approx((2 / 3 + 0) / 2)
    assert mean.auc == pytest.approx((1 + 0) / 2)
    # All present: 2*1 / (2*1 + 2) in both.
    assert mean.f1_all_positive == pytest.approx(1 / 2)
    assert not mean_of_folds(folds[2:]).defined


def test_average_of_nothing():
    mean = average(au_results(np.ones((2, 1)), np.zeros((2, 1)), [1]))
    assert mean.aus == 0
    assert isnan(mean.f1)


def test_each_column_is_scikit_learns_over_its_known_frames():
    rng = np.random.default_rng(4)
    labels = rng.choice((-1, 0, 1), (200, 3), p=(0.5, 0.2, 0.3))
    scores = rng.integers(0, 11, labels.shape) / 10  # many ties, some at 0.5
    for column, found in enumerate(au_results(scores, labels, [1, 2, 4])):
        known = labels[:, column] != 0
        present, values = labels[known, column] > 0, scores[known, column]
        assert found.f1 == pytest.approx(f1_score(present, values >= 0.5))
        assert found.auc == pytest.approx(roc_auc_score(present, values))
        # And by definition: of all pairs, those in order, a tie counts half.
        gaps = values[present][:, None] - values[~present]
        assert found.auc == pytest.approx(np.mean((gaps > 0) + (gaps == 0) / 2))
        assert found.positives + found.negatives + found.unknown == 200


def test_columns_must_match_the_aus():
    with pytest.raises(ValueError, match="do not fit"):
        au_results(np.ones((2, 3)), np.ones((2, 3)), [1, 2])
