"""The solver of LSVM, APL and JPML against textbook methods, and its properties."""

from dataclasses import replace

import numpy as np
import pytest
from proximal import admm, fista, objective, outputs, pairs_slope, small
from sklearn.svm import LinearSVC

from drml.classical import solver
from drml.classical.solver import (
    RIDGE,
    SQUARED_HINGE,
    Problem,
    Relations,
    Weights,
    group_minimum,
    solve,
)

PAIRS = {"positive": [(0, 1)], "negative": [(1, 2)]}
# (beta1, beta2) -> the minimum for small() at a third of lambda_max by a general convex
# solver: cvxpy 1.7.5 with Clarabel, tolerances 1e-13.
CVXPY = {
    (0, 0): 1.701553908257335,
    (0.5, 0.5): 1.9207971140788085,
    (5, 20): 2.02154084747197,
}


def related(betas):
    return Relations(**PAIRS, agree=betas[0], compete=betas[1]) if any(betas) else None


def solved(problem, lambdas, relations=None, tolerance=1e-12, **how):
    return solve(problem, lambdas, relations=relations, tolerance=tolerance, **how)


@pytest.fixture(scope="module")
def problem():
    return small()


@pytest.fixture(scope="module")
def lambdas(problem):
    return problem.largest_lambda() / 3


@pytest.mark.parametrize("betas", CVXPY)
def test_three_solvers_agree(problem, lambdas, betas):
    relations = related(betas)
    found = solved(problem, lambdas, relations).weights
    own = objective(problem, lambdas, relations, found.patches, found.intercepts)
    w, b = fista(problem, lambdas, relations)
    assert own == pytest.approx(objective(problem, lambdas, relations, w, b), abs=1e-10)
    assert np.array_equal(found.norms > 0, np.linalg.norm(w, axis=1) > 1e-7)
    assert own == pytest.approx(CVXPY[betas], abs=1e-10)


def test_admm_agrees(problem, lambdas):
    relations = related((0.5, 0.5))
    found = solved(problem, lambdas, relations).weights
    own = objective(problem, lambdas, relations, found.patches, found.intercepts)
    w, b = admm(problem, lambdas, relations)
    assert objective(problem, lambdas, relations, w, b) == pytest.approx(own, abs=2e-9)


def test_lsvm_is_liblinears(problem):
    """LIBLINEAR shrinks the intercept, too: scaled by 1e4 it hardly does."""
    squared = replace(problem, loss=SQUARED_HINGE)
    strength = 0.1
    weights = solved(squared, 1 / (2 * strength * squared.known), penalty=RIDGE).weights
    every, own = np.hstack(problem.patches), squared.outputs(weights)
    for c, labels in enumerate(problem.labels.T):
        known = labels != 0
        svm = LinearSVC(C=strength, intercept_scaling=1e4, tol=1e-10, dual=False)
        svm.fit(every[known], labels[known])
        assert svm.decision_function(every) == pytest.approx(own[:, c], abs=1e-5)


def test_lambda_max(problem):
    largest = problem.largest_lambda()
    share = (problem.labels > 0).sum(axis=0) / problem.known
    for c, labels in enumerate(problem.labels.T):
        means = [
            [x[labels == kind].mean(axis=0) for x in problem.patches]
            for kind in (1, -1)
        ]
        apart = np.linalg.norm(np.subtract(*means), axis=1).max()
        assert largest[c] == pytest.approx(share[c] * (1 - share[c]) * apart)
    above, below = (solved(problem, largest * by).weights for by in (1.0001, 0.99))
    assert not above.patches.any()
    assert above.intercepts == pytest.approx(np.log(share / (1 - share)), abs=1e-5)
    assert np.count_nonzero(below.norms, axis=0).tolist() == [1, 1, 1]


@pytest.mark.parametrize("betas", [(0, 0), (0.5, 0.5), (5, 20)])
def test_optimality_and_descent(problem, lambdas, betas):
    """The KKT conditions, computed here; gaps are none below 0; it never rises."""
    relations = related(betas)
    for part in (1, 0.1):
        found = solved(problem, lambdas * part, relations)
        w, f = found.weights, problem.outputs(found.weights)
        r = problem.steps / (1 + np.exp(problem.signs * f))
        r += pairs_slope(relations, f) if relations else 0
        gradient = problem.gradient(r)
        norms = np.linalg.norm(w.patches, axis=1, keepdims=True)
        some = np.broadcast_to(norms > 0, w.patches.shape)
        active = gradient + lambdas * part * w.patches / np.maximum(norms, 1e-300)
        assert np.abs(active[some]).max() < 1e-5 * lambdas.min() * part
        rest = np.linalg.norm(gradient, axis=1)[norms[:, 0] == 0]
        assert (rest <= lambdas.max() * part * (1 + 1e-6)).all()
        assert np.abs(r.sum(axis=0)).max() < 1e-6 * lambdas.min() * part
        assert (found.gap > -1e-12).all()
        assert (found.gap <= 1e-10).all()
        assert (np.diff(found.history) <= 1e-12).all()


def test_what_does_not_converge_says_its_gap(problem, lambdas):
    found = solve(problem, lambdas / 30, tolerance=1e-12, most_epochs=5)
    assert found.epochs == 5
    assert (found.gap > 1e-12).all()
    assert np.isfinite(found.gap).all()


def test_beta_0_is_apl(problem, lambdas):
    apl = solved(problem, lambdas).weights
    jpml = solved(problem, lambdas, Relations(**PAIRS, agree=0, compete=0)).weights
    assert jpml.patches == pytest.approx(apl.patches, abs=1e-5)


def test_pairs_are_drawn_together_and_kept_apart(problem, lambdas):
    apart, both = [], []
    for beta in (0, 0.1, 1, 10):
        f = outputs_of(problem, lambdas, Relations([(0, 1)], [], beta, 0))
        apart.append(np.sqrt(np.mean((f[:, 0] - f[:, 1]) ** 2)))
        f = outputs_of(problem, lambdas, Relations([], [(0, 1)], 0, beta))
        both.append(np.mean((f[:, 0] > 0) & (f[:, 1] > 0)))
    assert np.diff(apart).max() < 0
    assert np.diff(both).max() <= 0
    assert both[-1] < both[0] / 2


def outputs_of(problem, lambdas, relations=None):
    return problem.outputs(solved(problem, lambdas, relations).weights)


def test_an_unknown_label_is_a_row_that_is_not_there(problem, lambdas):
    for c in range(problem.aus):
        known = problem.labels[:, c] != 0
        alone = Problem(
            [x[known] for x in problem.patches], problem.labels[known][:, [c]]
        )
        one = solved(alone, lambdas[[c]]).weights
        every = solved(problem, lambdas).weights
        assert one.patches == pytest.approx(every.patches[..., [c]], abs=1e-5)


def test_scaled_features(problem, lambdas):
    """X s at lambda s: the weights are 1/s of before, the scores the same."""
    larger = replace(problem, patches=[3 * x for x in problem.patches])
    same = outputs_of(larger, 3 * lambdas, related((0.5, 0.5)))
    expected = outputs_of(problem, lambdas, related((0.5, 0.5)))
    assert same == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", ["AUs", "patches", "faces"])
def test_order_does_not_matter(problem, lambdas, kind):
    relations, own = related((0.5, 0.5)), lambdas
    expected = outputs_of(problem, lambdas, relations)
    patches, labels = problem.patches, problem.labels
    if kind == "AUs":  # column i of the new ones is order[i] of the old
        order = [2, 0, 1]
        labels, own, expected = labels[:, order], lambdas[order], expected[:, order]
        moved = {
            name: [tuple(order.index(c) for c in pair) for pair in pairs]
            for name, pairs in PAIRS.items()
        }
        relations = Relations(**moved, agree=0.5, compete=0.5)
    elif kind == "patches":
        patches = [patches[i] for i in (3, 1, 0, 2)]
    else:
        order = np.random.default_rng(1).permutation(len(labels))
        patches, labels = [x[order] for x in patches], labels[order]
        expected = expected[order]
    found = outputs_of(Problem(patches, labels), own, relations)
    assert found == pytest.approx(expected, abs=1e-5)


def test_negated_labels(problem, lambdas):
    """APL does not tell present from absent; JPML's negative pairs do."""
    other = replace(problem, labels=-problem.labels)
    apl, negated = (outputs_of(p, lambdas) for p in (problem, other))
    assert negated == pytest.approx(-apl, abs=1e-5)
    relations = related((0, 1))
    jpml, negated = (outputs_of(p, lambdas, relations) for p in (problem, other))
    assert np.abs(negated + jpml).max() > 0.05


def test_one_class_is_no_problem():
    some = small()
    labels = some.labels.copy()
    labels[labels[:, 1] < 0, 1] = 0
    with pytest.raises(ValueError, match="one class"):
        Problem(some.patches, labels)


def test_a_blocks_minimum():
    """Worked by hand: q = (3, 4), L = 1, lambda = 2: u = -q (|q| - lambda) / |q|."""
    q, ones = np.array([[3.0, 4.0], [1.0, 1.0]]), np.ones((2, 2))
    u = group_minimum(q, ones, np.array([2.0, 2.0]))
    assert u == pytest.approx(np.array([[-1.8, -2.4], [0, 0]]))


def test_the_solver_is_as_good_in_float32():
    """The files' precision: half an order above the tolerance is no noise yet."""
    problem = small(faces=300, patches=6, size=8)
    single = replace(problem, patches=[x.astype(np.float32) for x in problem.patches])
    lambdas = problem.largest_lambda() / 30
    found = [outputs_of_loosely(p, lambdas) for p in (problem, single)]
    assert found[1].dtype == np.float32
    assert found[1] == pytest.approx(found[0], abs=2e-2)


def outputs_of_loosely(problem, lambdas):
    found = solve(problem, lambdas)
    assert (found.gap <= solver.TOLERANCE).all()
    return problem.outputs(found.weights)


def test_a_start_is_only_a_start(problem, lambdas):
    far = Weights.zero(problem)
    far = Weights(far.patches + 1, far.intercepts - 2)
    found = outputs_of(problem, lambdas)
    again = solved(problem, lambdas, start=far).weights
    assert problem.outputs(again) == pytest.approx(found, abs=1e-5)
    assert outputs(problem, again.patches, again.intercepts) == pytest.approx(
        found, abs=1e-6
    )
