"""Intervals by bootstrap over subjects, against scikit-learn on repeated frames."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from drml.evaluate.bootstrap import (
    Bootstrap,
    Interval,
    exact,
    interval,
    intervals,
    resample,
    tally,
)
from drml.evaluate.metrics import au_results, average, best_thresholds

AUS = [1, 2, 4]
THRESHOLDS = [0.3, 0.7, 0.5]
SUBJECTS = np.repeat(["F001", "F002", "F003", "M001", "M002"], [30, 50, 20, 60, 40])


def made_up(seed=0):
    """Scores with many ties, some at 0.5, that follow labels, some of them unknown."""
    rng = np.random.default_rng(seed)
    labels = rng.choice((-1, 0, 1), (len(SUBJECTS), 3), p=(0.5, 0.2, 0.3))
    noise = rng.normal(0, 3, labels.shape)
    return np.clip(np.round(5 + labels + noise), 0, 10) / 10, labels


def counted(scores, labels):
    return tally(scores, labels, SUBJECTS, THRESHOLDS)


def test_each_subject_counting_once_gives_the_measures_themselves():
    scores, labels = made_up()
    found = exact([counted(scores, labels)], AUS)
    results = au_results(scores, labels, AUS, THRESHOLDS)
    for measure in ("f1", "auc", "f1_val_threshold"):
        expected = [getattr(r, measure) for r in results]
        np.testing.assert_allclose(found.of(measure)[0], expected)
        mean = getattr(average(results), measure)
        assert found.averages(measure)[0] == pytest.approx(mean)
    assert found.micro[0] == pytest.approx(average(results).f1_micro)


def test_a_subject_that_is_drawn_twice_has_its_frames_twice():
    scores, labels = made_up()
    how = Bootstrap(resamples=7, seed=3)
    fold = counted(scores, labels)
    found = resample([fold], AUS, how)
    names, owner = np.unique(SUBJECTS, return_inverse=True)
    for b, drawn in enumerate(how.draw(names.tolist())):
        assert drawn.sum() == len(names)
        rows = np.repeat(np.arange(len(SUBJECTS)), drawn[owner])
        calls, truths = [], []
        for c in range(len(AUS)):
            known = rows[labels[rows, c] != 0]
            present, values = labels[known, c] > 0, scores[known, c]
            assert found.of("f1")[b, c] == pytest.approx(
                f1_score(present, values >= 0.5)
            )
            assert found.of("auc")[b, c] == pytest.approx(
                roc_auc_score(present, values)
            )
            at_val = f1_score(present, values >= THRESHOLDS[c])
            assert found.of("f1_val_threshold")[b, c] == pytest.approx(at_val)
            calls.append(values >= 0.5)
            truths.append(present)
        micro = f1_score(np.concatenate(truths), np.concatenate(calls))
        assert found.micro[b] == pytest.approx(micro)


def test_folds_are_drawn_by_themselves_and_averaged():
    scores, labels = made_up()
    first, second = SUBJECTS < "M", SUBJECTS >= "M"
    parts = [
        tally(scores[rows], labels[rows], SUBJECTS[rows], THRESHOLDS)
        for rows in (first, second)
    ]
    how = Bootstrap(20, 1)
    both = resample(parts, AUS, how).of("auc")
    alone = [resample([part], AUS, how).of("auc") for part in parts]
    np.testing.assert_allclose(both, np.nanmean(alone, axis=0))


def test_the_seed_decides():
    fold = counted(*made_up())
    one, again, other = (
        intervals([fold], AUS, Bootstrap(200, seed)).of_average for seed in (0, 0, 1)
    )
    assert one == again
    assert one != other


def test_copies_of_frames_make_no_interval_narrower():
    """As frames of one video nearly are; an interval over frames would shrink by 3."""
    scores, labels = made_up()
    many = [np.repeat(values, 9, axis=0) for values in (scores, labels, SUBJECTS)]
    wide = intervals([counted(scores, labels)], AUS, Bootstrap(300)).of_aus["auc"]
    same = intervals([tally(*many)], AUS, Bootstrap(300)).of_aus["auc"]
    np.testing.assert_allclose(same, wide)


def test_a_difference_is_of_the_same_draws():
    scores, labels = made_up()
    better = np.where(labels == 0, scores, np.clip(scores + labels * 0.2, 0, 1))
    how = Bootstrap(400)
    a, b = (resample([counted(s, labels)], AUS, how) for s in (better, scores))
    gap = interval(a.averages("auc") - b.averages("auc"))
    assert gap.excludes_zero
    assert gap.low > 0
    # Each by itself is far less certain than the difference of the two.
    alone = interval(b.averages("auc"))
    assert gap.high - gap.low < (alone.high - alone.low) / 1.5
    none = interval(b.averages("auc") - b.averages("auc"))
    assert none == (0, 0)
    assert not none.excludes_zero


def test_95_percent_lie_inside():
    assert interval(np.arange(1001.0)) == (25, 975)
    assert interval(np.array([np.nan, 1, 1])) == (1, 1)
    assert Interval(-2, -1).excludes_zero


def test_what_is_undefined_stays_so():
    scores, labels = made_up()
    labels[:, 1] = -1
    found = intervals([counted(scores, labels)], AUS, Bootstrap(50))
    assert np.isnan(found.of_aus["f1"][1].low)
    assert not np.isnan(found.of_aus["f1"][0].low)
    assert not np.isnan(found.of_average["f1"].low)
    alone = tally(scores, labels, np.full(len(scores), "F001"))  # nothing to draw
    found = intervals([alone], AUS, Bootstrap(50))
    assert np.isnan([*found.of_aus["auc"], *found.of_average.values()]).all()


def test_no_threshold_of_val_no_measure():
    fold = tally(*made_up(), SUBJECTS)
    assert np.isnan(exact([fold], AUS).of("f1_val_threshold")).all()


def test_best_thresholds_are_those_of_all_that_there_are():
    scores, labels = made_up(5)
    scores[:, 2], labels[:, 2] = 0.4, -1
    found = best_thresholds(scores, labels)
    for c in range(2):
        known = labels[:, c] != 0
        present, values = labels[known, c] > 0, scores[known, c]
        all_f1 = {t: f1_score(present, values >= t) for t in np.unique(values)}
        best = max(all_f1.values())
        assert found[c] == max(t for t, f1 in all_f1.items() if f1 == best)
    assert found[2] == 0.5  # one class only
