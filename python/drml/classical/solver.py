"""Block coordinate descent and Newton's method: the linear models of all AUs at once.

For AU c, with its n_c known labels y, f_c = sum over patches p of X_p w_c^p, plus b_c:

    (1/n_c) sum loss(y f_c) + lambda_c (sum over p of |w_c^p|, or |w_c|^2 / 2)

and, where AUs are related, the term of `Relations`, which couples them. In turns:

1. A sweep over the patches finds which of them are 0: each one's block is solved
   exactly for a quadratic that bounds the loss.
2. A step of Newton's method in the weights that are not 0, where the objective is
   smooth, by conjugate gradients; it is halved until the objective falls.

An epoch is a pass over all faces' descriptors: a sweep, or a product with the Hessian.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr, expit

MOST_EPOCHS = 1000
MOST_PRODUCTS = 20  # of one step of Newton's method
PRECISION = 0.1  # of that step: the residual's norm over the gradient's
HALVINGS = 10  # of a step that is too long
LEAST_FALL = 1e-4  # of what the gradient promises
TOLERANCE = 1e-3  # relative duality gap, or with relations KKT violation over lambda
GROUP, RIDGE = "group", "ridge"


# ---- Losses of margins m = y f


@dataclass(frozen=True)
class Loss:
    """value(m), pull(m) = -value'(m), bend(m) = value''(m); conjugate(a): dual value
    of a = pull(m).
    """

    value: Callable[[np.ndarray], np.ndarray]
    pull: Callable[[np.ndarray], np.ndarray]
    bend: Callable[[np.ndarray], np.ndarray]
    conjugate: Callable[[np.ndarray], np.ndarray]
    curvature: float  # the largest


LOGISTIC = Loss(
    value=lambda m: np.logaddexp(0, -m),
    pull=lambda m: expit(-m),
    bend=lambda m: expit(m) * expit(-m),
    conjugate=lambda a: entr(a) + entr(1 - a),
    curvature=0.25,
)
SQUARED_HINGE = Loss(
    value=lambda m: np.maximum(0, 1 - m) ** 2 / 2,
    pull=lambda m: np.maximum(0, 1 - m),
    bend=lambda m: (m < 1).astype(m.dtype),
    conjugate=lambda a: a - a * a / 2,
    curvature=1.0,
)


# ---- Relations of AUs


@dataclass(frozen=True)
class Relations:
    """JPML's coupling, our reading: R over all N faces, labels not needed.

    R = agree/(2N) sum over positive pairs (j, k), faces i of (f_ij - f_ik)^2
      + compete/(2N) sum over negative pairs of max(0, f_ij + f_ik)^2

    Convex and smooth. The second term touches only faces where both of a pair fire.
    """

    positive: Sequence[tuple[int, int]]  # columns of AUs
    negative: Sequence[tuple[int, int]]
    agree: float  # beta1
    compete: float  # beta2

    def value(self, outputs: np.ndarray) -> float:
        """R of outputs f (N, C)."""
        terms, _ = self._terms(outputs)
        return (np.square(terms, dtype=np.float64) @ self._betas).sum() / 2 / len(terms)

    def slope(self, outputs: np.ndarray) -> np.ndarray:
        """dR/df (N, C)."""
        terms, _ = self._terms(outputs)
        return self._weighed(terms) @ self._signs(outputs)

    def bend(self, outputs: np.ndarray, along: np.ndarray) -> np.ndarray:
        """R's second derivative at outputs, times a direction (N, C)."""
        _, bent = self._terms(outputs)
        signs = self._signs(along)
        return self._weighed(bent * (along @ signs.T)) @ signs

    def own_bend(self, outputs: np.ndarray) -> np.ndarray:
        """That derivative's diagonal (N, C)."""
        _, bent = self._terms(outputs)
        signs = self._signs(outputs)
        return self._weighed(bent.astype(outputs.dtype)) @ np.abs(signs)

    def stiffness(self, aus: int) -> np.ndarray:
        """r (C,): r_c / N bounds R's curvature when all AUs move at once."""
        return 2 * self._betas @ np.abs(self._signs(np.empty((0, aus))))

    @property
    def _betas(self) -> np.ndarray:
        pairs = len(self.positive), len(self.negative)
        return np.repeat((float(self.agree), float(self.compete)), pairs)

    def _terms(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is squared, of each face and pair; and whether it is not held at 0."""
        terms = outputs @ self._signs(outputs).T
        bent = terms > 0
        bent[:, : len(self.positive)] = True
        return bent * terms, bent

    def _weighed(self, terms: np.ndarray) -> np.ndarray:
        return terms * (self._betas / len(terms)).astype(terms.dtype)

    def _signs(self, outputs: np.ndarray) -> np.ndarray:
        """(pairs, C): f_j - f_k of the positive pairs, then f_j + f_k of the others."""
        signs = np.zeros((len(self._betas), outputs.shape[1]), outputs.dtype)
        for row, (j, k) in enumerate((*self.positive, *self.negative)):
            signs[row, j], signs[row, k] = 1, -1 if row < len(self.positive) else 1
        return signs


# ---- The problem


@dataclass(frozen=True)
class Weights:
    """A linear model an AU."""

    patches: np.ndarray  # (P, D, C)
    intercepts: np.ndarray  # (C,)

    @classmethod
    def zero(cls, problem: "Problem") -> "Weights":
        shape = (len(problem.patches), problem.patches[0].shape[1], problem.aus)
        return cls(np.zeros(shape, problem.dtype), np.zeros(problem.aus, problem.dtype))

    @property
    def norms(self) -> np.ndarray:
        """Each patch's l2 norm (P, C)."""
        return np.linalg.norm(self.patches, axis=1)


@dataclass(frozen=True)
class Problem:
    """Faces, their labels and the loss, without lambda.

    patches: P arrays (N, D), contiguous and centred, all float32 or all float64;
    labels: (N, C), +1 present, -1 absent, 0 unknown, each AU with both classes.
    """

    patches: Sequence[np.ndarray]
    labels: np.ndarray
    loss: Loss = LOGISTIC
    intercept: bool = True

    def __post_init__(self):
        kinds = [(self.labels == kind).any(axis=0) for kind in (1, -1)]
        if not np.all(kinds):
            raise ValueError("an AU has one class only")

    @property
    def dtype(self) -> np.dtype:
        return self.patches[0].dtype

    @property
    def aus(self) -> int:
        return self.labels.shape[1]

    @cached_property
    def known(self) -> np.ndarray:
        """n (C,): known labels."""
        return np.count_nonzero(self.labels, axis=0)

    @cached_property
    def signs(self) -> np.ndarray:
        return np.ascontiguousarray(self.labels, self.dtype)

    @cached_property
    def steps(self) -> np.ndarray:
        """-y / n_c (N, C): what turns a loss's pull into its gradient."""
        return (-self.labels / self.known).astype(self.dtype)

    def outputs(self, weights: Weights) -> np.ndarray:
        """f (N, C)."""
        total = np.tile(weights.intercepts, (len(self.labels), 1))
        for patch, own in zip(self.patches, weights.patches, strict=True):
            if own.any():
                total += patch @ own
        return total

    def gradient(self, slope: np.ndarray) -> np.ndarray:
        """Return X'r (P, D, C) float64 of r = d/df (N, C)."""
        return np.stack([p.T @ slope for p in self.patches]).astype(np.float64)

    @cached_property
    def spectra(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues (P, D) and vectors (P, D, D) of each patch's X'X.

        Of all faces: more than those that an AU knows, so that one of them bounds all.
        """
        products = np.stack([x.T @ x for x in self.patches]).astype(np.float64)
        values, vectors = np.linalg.eigh(products)
        return np.maximum(values, 0), vectors.astype(self.dtype)

    def largest_lambda(self) -> np.ndarray:
        """Return (C,): from there on a group lasso's weights are all 0."""
        zero = Weights.zero(self)
        outputs = self.outputs(zero)
        if self.intercept:
            outputs += best_shifts(self, outputs).astype(self.dtype)
        slope = self.steps * self.loss.pull(self.signs * outputs)
        return np.linalg.norm(self.gradient(slope), axis=1).max(axis=0)


def best_shifts(problem: Problem, outputs: np.ndarray) -> np.ndarray:
    """Return what to add to each AU's outputs (C,) for the best intercept."""
    return np.array(
        [
            _best_shift(problem.loss, problem.labels[:, c], outputs[:, c])
            for c in range(problem.aus)
        ]
    )


def _best_shift(loss: Loss, labels: np.ndarray, outputs: np.ndarray) -> float:
    known = labels != 0
    y, f = labels[known].astype(np.float64), outputs[known].astype(np.float64)
    far = np.abs(f).max() + 40  # beyond which one of the classes pulls no more
    return brentq(lambda b: (y @ loss.pull(y * (f + b))) / len(y), -far, far)


# ---- Solving


@dataclass(frozen=True)
class Solution:
    """What minimises the objective, and how well. Arrays (C,), but for weights."""

    weights: Weights
    objective: np.ndarray  # without the relations' term
    gap: np.ndarray  # relative duality gap, or KKT violation over lambda
    epochs: int
    history: list[float]  # the whole objective after every sweep


def solve(
    problem: Problem,
    lambdas: np.ndarray,
    start: Weights | None = None,
    relations: Relations | None = None,
    penalty: str = GROUP,
    tolerance: float = TOLERANCE,
    most_epochs: int = MOST_EPOCHS,
    on_epoch: Callable[[int, float], None] = lambda epochs, gap: None,
) -> Solution:
    """Minimise from `start` (zero) on, until every AU's gap is at most `tolerance`.

    lambdas: (C,); on_epoch is told the epochs so far and the last largest gap. AUs go
    on together until the last one is there: a pass over the faces serves all of them.
    """
    start = start or Weights.zero(problem)
    work = _Descent(problem, lambdas, relations, penalty, start)
    epochs, history = 0, []
    while True:
        work.sweep()
        gradient = problem.gradient(work.slope())
        gap = work.gaps(gradient)
        history.append(work.whole_objective())
        epochs += 1
        on_epoch(epochs, gap.max())
        if gap.max() <= tolerance or epochs >= most_epochs:
            return Solution(work.weights, work.objectives(), gap, epochs, history)
        most = min(MOST_PRODUCTS, most_epochs - epochs - 1)  # a sweep comes after it
        for _ in work.newton(gradient, most):
            epochs += 1
            on_epoch(epochs, gap.max())


@dataclass
class _Descent:
    """The state: weights w, intercepts b and outputs f."""

    problem: Problem
    lambdas: np.ndarray
    relations: Relations | None
    penalty: str
    start: Weights

    def __post_init__(self):
        self.w = self.start.patches.copy()  # (P, D, C)
        self.b = self.start.intercepts.copy()
        self.f = self.problem.outputs(self.start)

    @property
    def weights(self) -> Weights:
        return Weights(self.w, self.b)

    @property
    def stiffness(self) -> np.ndarray | int:
        """r (C,) of the relations."""
        return self.relations.stiffness(len(self.b)) if self.relations else 0

    def slope(self) -> np.ndarray:
        """d objective / df (N, C)."""
        p = self.problem
        slope = p.steps * p.loss.pull(p.signs * self.f)
        return slope + self.relations.slope(self.f) if self.relations else slope

    def sweep(self) -> None:
        """Minimise over one patch's weights after the other, in the loss's bound.

        1. The gradient g, and q = Q'(g - H w) in the bound's eigenvectors.
        2. The minimum u in these, w = Q u.
        3. The outputs that follow.
        """
        p = self.problem
        bound = p.loss.curvature / p.known + self.stiffness / len(self.f)  # (C,)
        for x, w, values, vectors in zip(p.patches, self.w, *p.spectra, strict=True):
            own = np.outer(bound, values)  # H: (C, D)
            gradient = x.T @ self.slope()  # (D, C)                                 (1)
            q = (vectors.T @ gradient).T - own * (vectors.T @ w).T
            if self.penalty == RIDGE:
                u = -q / (own + self.lambdas[:, None])
            else:
                u = group_minimum(q, own, self.lambdas)  # (2)
            after = vectors @ u.T.astype(x.dtype)
            if after.any() or w.any():
                self.f += x @ (after - w)  # (3)
                w[:] = after
        if p.intercept:
            self._shift_intercepts()

    def _shift_intercepts(self) -> None:
        """To the best ones, or where AUs are related to the best in the bound."""
        if self.relations is None:
            shift = best_shifts(self.problem, self.f)
        else:
            slope = self.slope().sum(axis=0, dtype=np.float64)
            shift = -slope / (self.problem.loss.curvature + self.stiffness)
        self.b += shift.astype(self.b.dtype)
        self.f += shift.astype(self.b.dtype)

    def newton(self, gradient: np.ndarray, most: int) -> Iterator[None]:
        """Go to the minimum of the objective's quadratic model: a step of Newton's.

        A patch whose weights would turn to the other side stops at 0. Where the
        objective falls too little, half of the way is gone, a quarter and so on.
        gradient: problem.gradient(slope()). Yields after each of its products.
        """
        model = _Quadratic(self)
        downhill = model.downhill(gradient)
        way, outputs = yield from model.minimum(downhill, most)
        patches = model.patches(way)
        crossing = (self.w * (self.w + patches)).sum(axis=1, keepdims=True) < 0
        if self.penalty == GROUP and crossing.any():
            patches = np.where(crossing, -self.w, patches)
            way = model.vector(patches, way[-1])
            outputs = self.problem.outputs(Weights(patches, way[-1]))
        fall = np.maximum(0, model.dot(downhill, way))
        step, now = np.ones_like(self.b), self._falling(self.w, self.f)
        rounding = 4 * np.finfo(step.dtype).eps * now
        for _ in range(HALVINGS):
            then = self._falling(self.w + step * patches, self.f + step * outputs)
            short = then > now - LEAST_FALL * step * fall + rounding
            if not short.any():
                break
            step[short] /= 2
        step[short] = 0
        self.w += step * patches
        self.b += step * way[-1]
        self.f += step * outputs

    def _falling(self, w: np.ndarray, f: np.ndarray) -> np.ndarray:
        """What has to fall for an AU to move (C,): the whole, where AUs are related."""
        own = self._objectives(w, f)
        if self.relations is None:
            return own
        return np.full_like(own, own.sum() + self.relations.value(f))

    def whole_objective(self) -> float:
        related = self.relations.value(self.f) if self.relations else 0
        return float(self.objectives().sum() + related)

    def objectives(self) -> np.ndarray:
        """Each AU's objective (C,) without the relations' term."""
        return self._objectives(self.w, self.f)

    def _objectives(self, w: np.ndarray, f: np.ndarray) -> np.ndarray:
        p = self.problem
        losses = np.where(p.signs != 0, p.loss.value(p.signs * f), 0)
        total = losses.sum(axis=0, dtype=np.float64) / p.known
        squares = np.square(w, dtype=np.float64).sum(axis=1)
        if self.penalty == RIDGE:
            return total + self.lambdas * squares.sum(axis=0) / 2
        return total + self.lambdas * np.sqrt(squares).sum(axis=0)

    def units(self) -> np.ndarray:
        """Each patch's w / |w| (P, D, C) float64, 0 for 0."""
        return _ratio(self.w, self.weights.norms[:, None])

    def gaps(self, gradient: np.ndarray) -> np.ndarray:
        """Return how far each AU is from its minimum (C,).

        gradient: problem.gradient(slope()), with the best intercepts.
        """
        if self.relations is None:
            return self._duality_gaps(gradient)
        return self._violations(gradient)

    def _duality_gaps(self, gradient: np.ndarray) -> np.ndarray:
        """Relative to the objective; the dual point is the loss's pulls, scaled."""
        p, primal = self.problem, self.objectives()
        pulls = p.loss.pull(p.signs * self.f).astype(np.float64)
        pulls[p.signs == 0] = 0
        if self.penalty == RIDGE:
            means = pulls.sum(axis=0) / p.known
            squares = np.square(gradient).sum(axis=(0, 1)) / self.lambdas
            own = np.square(pulls).sum(axis=0) / p.known
            scale = _ratio(means, own + squares)  # 0 / 0 where nothing pulls
            dual = scale * means - scale**2 * (own + squares) / 2
        else:
            largest = np.linalg.norm(gradient, axis=1).max(axis=0)
            scale = np.minimum(1, self.lambdas / np.maximum(largest, 1e-300))
            dual = p.loss.conjugate(scale * pulls).sum(axis=0) / p.known
        return (primal - dual) / primal

    def _violations(self, gradient: np.ndarray) -> np.ndarray:
        """The group lasso's largest violation of optimality, over lambda."""
        active = np.linalg.norm(gradient + self.lambdas * self.units(), axis=1)
        rest = np.maximum(0, np.linalg.norm(gradient, axis=1) - self.lambdas)
        violations = np.where(self.w.any(axis=1), active, rest).max(axis=0)
        if self.problem.intercept:
            slope = np.abs(self.slope().sum(axis=0, dtype=np.float64))
            violations = np.maximum(violations, slope)
        return violations / self.lambdas


class _Quadratic:
    """The objective's quadratic model at a point, in the weights that are not 0 there.

    The penalty's part is lambda (I - ww'/|w|^2) / |w| for a patch's w, or lambda I.
    A vector is (P * D + 1, C): all weights, and the intercepts.
    """

    def __init__(self, at: _Descent):
        p, norms = at.problem, at.weights.norms[:, None]  # (P, 1, C)
        self.at, self.shape = at, at.w.shape
        if at.penalty == RIDGE:
            self.some, self.units = np.ones(norms.shape), np.zeros((1, 1, 1), p.dtype)
            self.stiff = at.lambdas * self.some
        else:
            self.some, self.units = norms > 0, at.units().astype(p.dtype)
            self.stiff = _ratio(at.lambdas, norms)  # (P, 1, C)
        bends = p.loss.bend(p.signs * at.f) * (p.signs != 0) / p.known
        self.bends = bends.astype(p.dtype)  # (N, C)
        self.total = self.bends.sum(axis=0, dtype=np.float64)
        if at.relations:
            self.total += at.relations.own_bend(at.f).sum(axis=0, dtype=np.float64)
        values, self.vectors = p.spectra
        mean = self.total / len(at.f)
        blocks = values[..., None] * mean + self.stiff  # (P, D, C)
        self.blocks = np.maximum(blocks, np.finfo(p.dtype).tiny).astype(p.dtype)
        self.stiff = self.stiff.astype(p.dtype)

    def patches(self, vector: np.ndarray) -> np.ndarray:
        return vector[:-1].reshape(self.shape)

    def dot(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Each AU's (C,), or where AUs are related the sum of all."""
        own = np.einsum("ic,ic->c", one, other, dtype=np.float64)
        return own if self.at.relations is None else np.full_like(own, own.sum())

    def downhill(self, gradient: np.ndarray) -> np.ndarray:
        """Less the objective's gradient there."""
        slope = self.at.slope().sum(axis=0, dtype=np.float64)
        return -self.vector(gradient + self.stiff * self.at.w, slope)

    def minimum(
        self, downhill: np.ndarray, most: int
    ) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
        """Return the way there and how outputs change (N, C) on it.

        Preconditioned conjugate gradients, each AU by itself, unless they are related.
        """
        way, outputs = np.zeros_like(downhill), np.zeros_like(self.bends)
        left = downhill
        direction = self._precondition(left)
        size = self.dot(left, direction)
        enough = PRECISION**2 * size
        for _ in range(most):
            if (size <= enough).all():
                break
            product, change = self._product(direction)
            step = _ratio(size, self.dot(direction, product)).astype(left.dtype)
            way = way + step * direction
            outputs += step * change
            left = left - step * product
            conditioned = self._precondition(left)
            before, size = size, self.dot(left, conditioned)
            again = _ratio(size, before).astype(left.dtype)
            direction = conditioned + again * direction
            yield
        return way, outputs

    def _product(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the Hessian times a vector, and the outputs' change (N, C)."""
        p, at, w = self.at.problem, self.at, self.patches(vector)
        change = p.outputs(Weights(w, vector[-1]))
        slope = self.bends * change
        if at.relations:
            slope += at.relations.bend(at.f, change)
        along = np.einsum("pdc,pdc->pc", self.units, w)[:, None]
        penalty = self.stiff * (w - along * self.units)
        total = slope.sum(axis=0, dtype=np.float64)
        return self.vector(p.gradient(slope) + penalty, total), change

    def _precondition(self, vector: np.ndarray) -> np.ndarray:
        """Divide by each patch's own block, at the faces' mean curvature."""
        turned = np.swapaxes(self.vectors, 1, 2) @ self.patches(vector)
        return self.vector(self.vectors @ (turned / self.blocks),
                            _ratio(vector[-1], self.total))  # fmt: skip

    def vector(self, patches: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
        """Join them, 0 where the model has no such weights."""
        flat = (patches * self.some).reshape(-1, self.shape[-1])
        last = intercepts * self.at.problem.intercept
        return np.vstack([flat, last]).astype(self.bends.dtype)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Divide, 0 where the divisor is none above 0."""
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.divide(top, bottom, out=np.zeros(top.shape), where=bottom > 0)


def group_minimum(q: np.ndarray, values: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
    """Return u (C, D) float64 that minimises q'u + u' diag(L) u / 2 + lambda |u|.

    |q| <= lambda: 0. Else u = -q t / (L t + lambda) with t = |u|, which solves
    s(t) = sum of q^2 / (L t + lambda)^2 = 1: by Newton on 1 / sqrt(s) - 1, from below.
    """
    q = q.astype(np.float64)
    norms = np.linalg.norm(q, axis=1)
    u = np.zeros_like(q)
    some = norms > lambdas
    if not some.any():
        return u
    squares, level = np.square(q[some]), lambdas[some, None]
    values = values[some]
    t = ((norms[some, None] - level) / values.max(axis=1, keepdims=True))[:, 0]
    for _ in range(50):
        bottom = values * t[:, None] + level
        s = (squares / bottom**2).sum(axis=1)
        change = (1 - np.sqrt(s)) * s / (squares * values / bottom**3).sum(axis=1)
        t = t - change
        if (np.abs(change) <= 1e-14 * t).all():
            break
    u[some] = -q[some] * t[:, None] / (values * t[:, None] + level)
    return u
