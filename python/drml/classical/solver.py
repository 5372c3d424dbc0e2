"""Block coordinate descent: the linear models of all AUs at once, patch by patch.

For AU c, with its n_c known labels y, f_c = sum over patches p of X_p w_c^p, plus b_c:

    (1/n_c) sum loss(y f_c) + lambda_c (sum over p of |w_c^p|, or |w_c|^2 / 2)

and, where AUs are related, the term of `Relations`, which couples them. A patch's block
is solved exactly for the quadratic that bounds the loss, and every five epochs are
followed by an Anderson extrapolation, which is taken where the objective falls: so it
never rises. The spectrum of centred descriptors is what makes this fast: centre them.

The bound is far above the loss's curvature where faces are told apart well. AUs that
have not converged after REFRESH epochs, and are not related, go on with the curvature
at hand; an epoch in which an AU's objective rises is then taken back, and its curvature
doubled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr

GROUP_EPOCHS = 5  # the first sweeps all patches, the others the active ones
MOST_EPOCHS = 200
REFRESH = (25, 100)
NEARLY_ALL = 0.9  # of the faces: so many known labels are taken for all in a bound
FLOOR = 0.08  # least curvature of a face, of the largest
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


def _sigmoid_of_minus(m: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # 1 / inf is the 0 that it should be
        return 1 / (1 + np.exp(m))


LOGISTIC = Loss(
    value=lambda m: np.logaddexp(0, -m),
    pull=_sigmoid_of_minus,
    bend=lambda m: _sigmoid_of_minus(m) * _sigmoid_of_minus(-m),
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
        apart, both = self._apart(outputs), self._both(outputs)
        squares = [np.square(x, dtype=np.float64).sum() for x in (apart, both)]
        return (self.agree * squares[0] + self.compete * squares[1]) / 2 / len(outputs)

    def slope(self, outputs: np.ndarray) -> np.ndarray:
        """dR/df (N, C)."""
        faces, aus = outputs.shape
        slope = (
            self._apart(outputs)
            @ self._signs(self.positive, -1, outputs)
            * (self.agree / faces)
        )
        return slope + self._both(outputs) @ self._signs(self.negative, 1, outputs) * (
            self.compete / faces
        )

    def stiffness(self, aus: int) -> np.ndarray:
        """r (C,): r_c / N bounds R's curvature when all AUs move at once."""
        degrees = [
            np.bincount(np.ravel(pairs).astype(int), minlength=aus)
            for pairs in (self.positive, self.negative)
        ]
        return 2 * (self.agree * degrees[0] + self.compete * degrees[1])

    def _apart(self, outputs: np.ndarray) -> np.ndarray:
        return outputs @ self._signs(self.positive, -1, outputs).T

    def _both(self, outputs: np.ndarray) -> np.ndarray:
        return np.maximum(0, outputs @ self._signs(self.negative, 1, outputs).T)

    @staticmethod
    def _signs(pairs: Sequence, second: int, outputs: np.ndarray) -> np.ndarray:
        signs = np.zeros((len(pairs), outputs.shape[1]), outputs.dtype)
        for row, (j, k) in enumerate(pairs):
            signs[row, j], signs[row, k] = 1, second
        return signs


NO_RELATIONS = Relations((), (), 0, 0)


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

    @property
    def size(self) -> int:
        return self.patches.size + self.intercepts.size

    def take(self, columns: np.ndarray) -> "Weights":
        return Weights(
            np.ascontiguousarray(self.patches[..., columns]), self.intercepts[columns]
        )


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
    def products(self) -> list[dict[bytes, np.ndarray]]:
        """Return each patch's X'X of the rows that an AU knows, by the mask's bytes.

        Those of nearly all rows are bounded by those of all, for all such AUs at once.
        """
        masks = {mask.tobytes(): mask for mask in (*self._masks.T, self._all_rows)}
        return [
            {key: patch[mask].T @ patch[mask] for key, mask in masks.items()}
            for patch in self.patches
        ]

    @cached_property
    def _all_rows(self) -> np.ndarray:
        return np.ones(len(self.labels), bool)

    @cached_property
    def _masks(self) -> np.ndarray:
        """The rows (N, C) that an AU's bound is of: the known ones, or all."""
        known = self.labels != 0
        return known | (self.known >= NEARLY_ALL * len(known))

    def bounds(self, relations: Relations = NO_RELATIONS) -> "Bounds":
        """Decompose each block's bound of the curvature."""
        stiffness, faces = relations.stiffness(self.aus), len(self.labels)
        own = self.loss.curvature / self.known  # of X'X
        related = stiffness / faces
        keys, every = [m.tobytes() for m in self._masks.T], self._all_rows.tobytes()
        values, vectors = [], []
        for products in self.products:
            common = np.linalg.eigh(products[every].astype(np.float64))
            found = [
                (common[0] * (own[c] + related[c]), common[1])
                if key == every
                else np.linalg.eigh(own[c] * products[key].astype(np.float64)
                                    + related[c] * products[every])
                for c, key in enumerate(keys)
            ]  # fmt: skip
            values.append(np.maximum([v for v, _ in found], 0))
            vectors.append(np.stack([v for _, v in found]).astype(self.dtype))
        shift = self.loss.curvature + stiffness
        return Bounds(np.stack(values), np.stack(vectors), shift)

    def curvature_at(self, outputs: np.ndarray) -> "Bounds":
        """Decompose the curvature at outputs f (N, C), which bounds nothing.

        FLOOR times the bound is its least.
        """
        bends = self.loss.bend(self.signs * outputs)
        bends = np.maximum(bends, FLOOR * self.loss.curvature)
        bends = np.where(self.signs != 0, bends / self.known, 0).astype(self.dtype)
        values, vectors = [], []
        for x in self.patches:
            matrices = np.stack([(x.T * bend) @ x for bend in bends.T])
            eigenvalues, eigenvectors = np.linalg.eigh(matrices.astype(np.float64))
            values.append(np.maximum(eigenvalues, 0))
            vectors.append(eigenvectors.astype(self.dtype))
        shift = bends.sum(axis=0, dtype=np.float64)
        return Bounds(np.stack(values), np.stack(vectors), shift)

    def largest_lambda(self) -> np.ndarray:
        """Return (C,): from there on a group lasso's weights are all 0."""
        zero = Weights.zero(self)
        outputs = self.outputs(zero)
        outputs += balance(self, outputs).astype(self.dtype)
        slope = self.steps * self.loss.pull(self.signs * outputs)
        return np.linalg.norm(self.gradient(slope), axis=1).max(axis=0)


class Bounds(NamedTuple):
    """H = Q diag(L) Q' for every patch and AU."""

    values: np.ndarray  # L: (P, C, D) float64, >= 0
    vectors: np.ndarray  # Q: (P, C, D, D)
    shift: np.ndarray  # (C,), of the intercept

    def take(self, columns: np.ndarray) -> "Bounds":
        return Bounds(
            self.values[:, columns], self.vectors[:, columns], self.shift[columns]
        )


def balance(problem: Problem, outputs: np.ndarray) -> np.ndarray:
    """Return what to add to each AU's outputs (C,) for the best intercept."""
    if not problem.intercept:
        return np.zeros(problem.aus)
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
    epochs: np.ndarray
    history: list[float]  # the whole objective after every five epochs


def solve(
    problem: Problem,
    lambdas: np.ndarray,
    bounds: Bounds,
    start: Weights | None = None,
    relations: Relations | None = None,
    penalty: str = GROUP,
    tolerance: float = TOLERANCE,
    most_epochs: int = MOST_EPOCHS,
    on_check: Callable[[int, float], None] = lambda epochs, gap: None,
) -> Solution:
    """Minimise from `start` (zero) on, until every AU's gap is at most `tolerance`.

    lambdas: (C,); bounds: problem.bounds(relations); on_check is told the epochs and
    the largest gap. An AU that reached the tolerance is left as it is (its minimum does
    not hang on the others), unless AUs are related.
    """
    start = start or Weights.zero(problem)
    live = np.arange(problem.aus)
    patches, intercepts = start.patches.copy(), start.intercepts.copy()
    shape = problem.aus
    objective, gap, epochs = np.zeros(shape), np.full(shape, np.inf), np.zeros(shape)
    history, done = [], 0
    work = _Descent(problem, lambdas, bounds, relations, penalty, start)
    while live.size and done < most_epochs:
        if relations is None and done in REFRESH:
            work.refresh()
        work.run(GROUP_EPOCHS)
        done += GROUP_EPOCHS
        found = work.gaps()
        patches[..., live], intercepts[live] = work.weights.patches, work.b
        objective[live], gap[live], epochs[live] = work.objectives(), found, done
        history.append(objective.sum() + (relations.value(work.f) if relations else 0))
        on_check(done, found.max())
        left = found > tolerance
        if relations and left.any():
            left[:] = True  # their minimum is one
        live = live[left]
        if not left.all() and live.size:
            work = work.take(left)
    return Solution(
        Weights(patches, intercepts), objective, gap, epochs.astype(int), history
    )


@dataclass
class _Descent:
    """The descent's state for some AUs: weights w, intercepts b and outputs f."""

    problem: Problem  # of these AUs
    lambdas: np.ndarray
    bounds: Bounds
    relations: Relations | None
    penalty: str
    start: Weights

    def __post_init__(self):
        self.w = self.start.patches.copy()  # (P, D, C)
        self.b = self.start.intercepts.copy()
        self.f = self.problem.outputs(self.start)
        self.active = [True] * len(self.w)
        self.share = None  # with refresh(): by what an AU's curvature is multiplied

    @property
    def weights(self) -> Weights:
        return Weights(self.w, self.b)

    def take(self, left: np.ndarray) -> "_Descent":
        """Go on with some AUs; left: (C,) bool."""
        return replace(
            self,
            problem=replace(self.problem, labels=self.problem.labels[:, left]),
            lambdas=self.lambdas[left],
            bounds=self.bounds.take(left),
            start=self.weights.take(np.flatnonzero(left)),
        )

    def run(self, epochs: int) -> None:
        """Descend so many epochs, and extrapolate from them."""
        passed = [self._copy()]
        for epoch in range(epochs):
            self._epoch(every_patch=epoch == 0)
            if self.share is not None:
                self._take_back(passed[-1])
            passed.append(self._copy())
        self._extrapolate(passed)

    def refresh(self) -> None:
        """Go on with the curvature at hand."""
        self.bounds = self.problem.curvature_at(self.f)
        self.share = np.ones(len(self.b))

    def _take_back(self, before: tuple) -> None:
        """Undo the epoch for AUs whose objective rose, and double their curvature."""
        w, b, f = before
        rounding = 1 + 4 * np.finfo(self.f.dtype).eps
        worse = self.objectives() > self._objectives(w, f) * rounding
        self.w[..., worse], self.b[worse] = w[..., worse], b[worse]
        self.f[:, worse] = f[:, worse]
        self.share = np.minimum(self.share * np.where(worse, 2, 1), 1 / FLOOR)

    def _epoch(self, every_patch: bool) -> None:
        for patch in range(len(self.w)):
            if every_patch or self.active[patch]:
                self._block(patch)
        if self.problem.intercept:
            slope = self._slope().sum(axis=0, dtype=np.float64)
            step = slope / self.bounds.shift
            step /= 1 if self.share is None else self.share
            self.b -= step.astype(self.b.dtype)
            self.f -= step.astype(self.b.dtype)

    def _slope(self) -> np.ndarray:
        """d objective / df (N, C)."""
        p = self.problem
        slope = p.steps * p.loss.pull(p.signs * self.f)
        return slope if self.relations is None else slope + self.relations.slope(self.f)

    def _block(self, patch: int) -> None:
        """Minimise exactly over one patch's weights of all AUs.

        1. The gradient g, and q = Q'(g - H w) in the bound's eigenvectors.
        2. The minimum u in these, w = Q u.
        3. The outputs that follow.
        """
        x, before = self.problem.patches[patch], self.w[patch]
        values, vectors = self.bounds.values[patch], self.bounds.vectors[patch]
        if self.share is not None:
            values = values * self.share[:, None]
        gradient = x.T @ self._slope()  # (D, C)                                    (1)
        turned = np.swapaxes(vectors, 1, 2)  # Q'
        q = _apply(turned, gradient) - values * _apply(turned, before)  # (C, D)
        if self.penalty == RIDGE:
            u = -q / (values + self.lambdas[:, None])
        else:
            u = group_minimum(q, values, self.lambdas)  # (2)
        after = _apply(vectors, u.T.astype(x.dtype)).T.astype(x.dtype)
        self.active[patch] = bool(after.any())
        if self.active[patch] or before.any():
            self.f += x @ (after - before)  # (3)
            self.w[patch] = after

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

    def _copy(self) -> tuple:
        return self.w.copy(), self.b.copy(), self.f.copy()

    def _extrapolate(self, passed: list[tuple]) -> None:
        """Anderson's step from the epochs' results, taken where the objective falls.

        Each AU by itself; all as one where they are related.
        """
        flat = np.stack(
            [np.concatenate([w.reshape(-1, w.shape[-1]), [b]]) for w, b, _ in passed]
        )
        moves = np.diff(flat.astype(np.float64), axis=0)  # (K, size, C)
        if self.relations is None:
            grams = np.einsum("ksc,lsc->ckl", moves, moves)
        else:
            gram = np.einsum("ksc,lsc->kl", moves, moves)
            grams = np.broadcast_to(gram, (moves.shape[2], *gram.shape))
        shares = _shares(grams).astype(self.w.dtype)  # (C, K)
        states = zip(*passed[1:], strict=True)
        w, b, f = (np.einsum("ck,k...c->...c", shares, np.stack(s)) for s in states)
        now, then = self.objectives(), self._objectives(w, f)
        if self.relations is None:
            better = then < now
        else:
            now, then = now.sum(), then.sum()
            now += self.relations.value(self.f)
            then += self.relations.value(f)
            better = np.full(len(b), then < now)
        self.w[..., better], self.b[better] = w[..., better], b[better]
        self.f[:, better] = f[:, better]
        self.active = self.w.any(axis=(1, 2)).tolist()

    def gaps(self) -> np.ndarray:
        """Return how far each AU is from its minimum (C,), with the best intercept."""
        if self.relations is not None:
            return kkt(self.problem.gradient(self._slope()), self, self.lambdas)
        shift = balance(self.problem, self.f).astype(self.b.dtype)
        self.b += shift
        self.f += shift
        return self._duality_gaps()

    def _duality_gaps(self) -> np.ndarray:
        p, primal = self.problem, self.objectives()
        pulls = p.loss.pull(p.signs * self.f).astype(np.float64)
        pulls[p.signs == 0] = 0
        gradient = self.problem.gradient(p.steps * pulls.astype(p.dtype))
        means = pulls.sum(axis=0) / p.known
        if self.penalty == RIDGE:
            squares = np.square(gradient).sum(axis=(0, 1)) / self.lambdas
            own = np.square(pulls).sum(axis=0) / p.known
            scale = means / (own + squares)
            dual = scale * means - scale**2 * (own + squares) / 2
        else:
            largest = np.linalg.norm(gradient, axis=1).max(axis=0)
            scale = np.minimum(1, self.lambdas / np.maximum(largest, 1e-300))
            dual = p.loss.conjugate(scale * pulls).sum(axis=0) / p.known
        return (primal - dual) / primal


def kkt(gradient: np.ndarray, at: "_Descent", lambdas: np.ndarray) -> np.ndarray:
    """Return the group lasso's largest violation of optimality over lambda (C,).

    gradient: (P, D, C) of all but the penalty; at: .w and .b, and .problem.
    """
    norms = np.linalg.norm(at.w.astype(np.float64), axis=1, keepdims=True)
    unit = np.divide(at.w, norms, out=np.zeros(at.w.shape), where=norms > 0)
    active = np.linalg.norm(gradient + lambdas * unit, axis=1)
    rest = np.maximum(0, np.linalg.norm(gradient, axis=1) - lambdas)
    violations = np.where(norms[:, 0] > 0, active, rest).max(axis=0)
    if at.problem.intercept:
        slope = np.abs(at._slope().sum(axis=0, dtype=np.float64))
        violations = np.maximum(violations, slope)
    return violations / lambdas


def _apply(matrices: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return each AU's matrix (C, D, D) times its column of (D, C), as (C, D)."""
    return np.matmul(matrices, columns.T[..., None])[..., 0]


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


def _shares(grams: np.ndarray) -> np.ndarray:
    """Return (C, K) summing to 1 that make the sum of the moves (nearly) smallest."""
    k = grams.shape[-1]
    scale = np.trace(grams, axis1=1, axis2=2)[:, None, None]
    grams = grams + np.eye(k) * (1e-10 * scale + 1e-300)
    shares = np.linalg.solve(grams, np.ones((len(grams), k, 1)))[..., 0]
    return shares / shares.sum(axis=1, keepdims=True)
