"""Test frames under the readings of the paper's protocol, and its own cells."""

import numpy as np
import pytest

from data_prep.aus import BP4D_AUS, BP4D_SKEWNESS, DISFA_AUS
from data_prep.base import UserError
from data_prep.renderer.labels import RATES, SHARES
from drml.evaluate.predictions import Predictions
from drml.evaluate.protocols import ALL, HALF, SAMPLED, Protocol
from drml.report.paper import assumed, contradicting, near_chance, read_paper

VIDEOS, FRAMES = ("F001_T1", "F001_T2", "F002_T1"), 40
COUNTS = (6, 12)


def made_up(coded=False):
    rng = np.random.default_rng(1)
    keys = [f"{i:08d}_{VIDEOS[i // FRAMES]}_{i % FRAMES}" for i in range(3 * FRAMES)]
    intensities = rng.choice(
        (-1, 0, 1, 2, 3, 5), (len(keys), 2), p=(0.1, 0.5, 0.1, 0.1, 0.1, 0.1)
    )
    intensities[:FRAMES, 0] = 0  # a video without a positive of the first AU
    labels = np.where(intensities < 0, 0, np.where(intensities >= 3, 1, -1))
    about = {"subjects": ["F001", "F002"], "title": "DRML"}
    scores = np.zeros(labels.shape, np.float32)
    coded = intensities if coded else None
    return Predictions(about, [1, 12], keys, scores, labels, coded)


def by_video(labels):
    return labels.reshape(3, FRAMES, 2)


def test_all_frames_are_as_they_are():
    found = made_up()
    assert np.array_equal(Protocol(ALL, COUNTS).of(found).labels, found.labels)


def test_sampled_as_in_training_takes_so_many_of_each_kind():
    found = made_up()
    labels = Protocol(SAMPLED, COUNTS).of(found).labels
    assert set(labels[labels != found.labels]) <= {0}
    for kind, most in ((1, 6), (-1, 12)):
        there = (by_video(found.labels) == kind).sum(axis=1)
        taken = (by_video(labels) == kind).sum(axis=1)
        assert np.array_equal(taken, np.minimum(there, most))


def test_one_to_two_is_so_in_every_video():
    found = made_up()
    labels = Protocol(HALF, COUNTS).of(found).labels
    assert set(labels[labels != found.labels]) <= {0}
    positive, negative = ((by_video(labels) == kind).sum(axis=1) for kind in (1, -1))
    assert np.array_equal(negative, 2 * positive)
    there = (by_video(found.labels) == 1).sum(axis=1)
    assert np.array_equal(positive, np.minimum(there, 6))
    assert positive[0, 0] == 0


def test_the_seed_decides_which_frames():
    found = made_up()
    one, same, other = (
        Protocol(HALF, COUNTS, seed=seed).of(found).labels for seed in (0, 0, 1)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_another_threshold_is_of_the_same_predictions():
    found = made_up(coded=True)
    labels = Protocol(ALL, COUNTS, threshold=2).of(found).labels
    assert np.array_equal(labels == 0, found.intensities < 0)
    assert np.array_equal(labels > 0, found.intensities >= 2)
    assert np.array_equal(Protocol(ALL, COUNTS, 3).of(found).labels, found.labels)
    with pytest.raises(UserError, match="hold no intensities; import the dataset"):
        Protocol(ALL, COUNTS, threshold=2).of(made_up())


def test_base_rates_are_the_renderers_and_the_papers():
    rates = read_paper()["base_rates"]
    for au in BP4D_AUS:
        assert rates["BP4D"][str(au)] == pytest.approx(100 * RATES[au], abs=0.05)
    for au, skewness in BP4D_SKEWNESS.items():
        expected = 100 / (1 + skewness)
        assert rates["BP4D"][str(au)] == pytest.approx(expected, abs=0.05)
    assert [tuple(rates["DISFA"][str(au)]) for au in DISFA_AUS] == [
        SHARES[au] for au in DISFA_AUS
    ]


def test_all_present_by_base_rates():
    # AU 26 at intensity 3: 3.1% present; 2 * 3.1 / (100 + 3.1) = 6.0%.
    assert assumed(3, ALL, 3)[26] == pytest.approx(6.0, abs=0.05)
    # A third is present: 2 * (1/3) / (4/3) = 1/2.
    assert [*assumed(2, HALF).values()] == pytest.approx([50] * 12)
    # 8.8% of 4,845 frames a video: 426 positives and 1600 negatives; 2r / (1 + r).
    share = 426.4 / (426.4 + 1600)
    expected = 200 * share / (1 + share)
    assert assumed(3, SAMPLED, 2)[26] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("table", "frames", "threshold", "count"),
    [
        (2, ALL, None, 15),
        (2, HALF, None, 4),
        (3, ALL, 3, 31),
        (3, ALL, 2, 22),
        (3, SAMPLED, 3, 9),
        (3, SAMPLED, 2, 0),
        (3, HALF, 3, 0),
    ],
)
def test_cells_of_the_paper_that_contradict(table, frames, threshold, count):
    """Issue: 31 of 31 in Table 3 and 15 of 35 in Table 2 on all frames."""
    assert len(near_chance(table)) == {2: 35, 3: 31}[table]
    found = contradicting(table, assumed(table, frames, threshold))
    assert len(found) == count


def test_a_guess_never_beats_calling_all_present():
    """What the argument rests on: F1 of guessing a share q grows with q."""
    rng = np.random.default_rng(0)
    present = rng.random(200_000) < 0.2
    f1 = []
    for q in (0.2, 0.5, 0.9, 1.0):
        called = rng.random(len(present)) < q
        f1.append(2 * (called & present).sum() / (called.sum() + present.sum()))
        assert f1[-1] == pytest.approx(2 * 0.2 * q / (0.2 + q), abs=0.01)
    assert f1 == sorted(f1)
