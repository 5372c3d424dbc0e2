"""Along a path of parameters: each point trained from the one before, then one chosen.

LSVM: C from 1e-4 to 1e-1. APL: lambda, from just below lambda_max downwards, and
further where an AU does best at the last. JPML: APL's lambdas as they are, so that
(0, 0) is APL; beta1 rises, then beta2 at the best beta1. LSVM and APL choose for each
AU by its F1 on the val split (ties: AUC, then the stronger regularisation), JPML by the
average.

A point is a file of --out/path, written once it is trained, from which a stopped run
goes on.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from data_prep.base import UserError, write
from drml.classical.model import Descriptors, Model, by_patch, flat, pack, patches_of
from drml.classical.pairs import Pairs
from drml.classical.solver import (
    GROUP,
    LOGISTIC,
    MOST_EPOCHS,
    RIDGE,
    SQUARED_HINGE,
    TOLERANCE,
    Problem,
    Relations,
    solve,
)
from drml.evaluate.metrics import au_results
from drml.nets.names import METHODS

LSVM, APL, JPML = "lsvm", "apl", "jpml"
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # C of LSVM
EXPONENTS = (0.5, 1.0, 1.5, 2.0, 2.5)  # lambda = lambda_max 10^-exponent
LAST_EXPONENT = 4.0  # where a path that goes on ends
BETAS = (0.01, 0.03, 0.1, 0.3)

Validate = Callable[[Model], tuple[np.ndarray, np.ndarray]]  # F1 and AUC (C,)


@dataclass(frozen=True)
class Training:
    """The faces to train on. columns: of the AUs that have both classes."""

    aus: list[int]
    problem: Problem  # of the columns
    columns: np.ndarray
    mean: np.ndarray  # (D,)

    @property
    def undefined(self) -> list[int]:
        """AUs of one class only."""
        return [au for c, au in enumerate(self.aus) if c not in self.columns]

    def model(
        self, weights: np.ndarray, intercepts: np.ndarray, about: dict | None = None
    ) -> Model:
        """Return the model of all AUs; weights (D, C), intercepts: of the columns."""
        every = np.full((len(self.mean), len(self.aus)), np.nan, np.float32)
        shifts = np.full(len(self.aus), np.nan, np.float32)
        every[:, self.columns], shifts[self.columns] = weights, intercepts
        return Model(self.aus, every, shifts, self.mean, about or {})


def prepare(
    method: str,
    aus: list[int],
    rows: np.ndarray,
    scale: float,
    labels: np.ndarray,
    intercept: bool = True,
) -> Training:
    """Get faces ready to train on.

    rows: descriptors (N, D) as they are kept; labels (N, C), 0 where unknown. Without
    an intercept descriptors are not centred, as in the authors' code.
    """
    both = [(labels == kind).any(axis=0) for kind in (1, -1)]
    columns = np.flatnonzero(both[0] & both[1])
    if not columns.size:
        raise UserError("no AU has both present and absent frames to train on")
    patches, mean = patches_of(rows, scale, centred=intercept)
    loss = SQUARED_HINGE if method == LSVM else LOGISTIC
    problem = Problem(patches, labels[:, columns], loss, intercept)
    return Training(aus, problem, columns, mean)


def prepare_file(
    method: str, aus: list[int], faces: Descriptors, intercept: bool = True
) -> Training:
    """The same of a file's faces."""
    rows, scale, labels = faces.rows(), faces.scale, faces.labels
    return prepare(method, aus, rows, scale, labels, intercept)


# ---- Points


@dataclass(frozen=True)
class Point:
    """A trained point. Arrays are of the training's columns (C,), nan: not trained."""

    names: dict[str, float]  # C; exponent; or beta1 and beta2
    weights: np.ndarray  # (D, C) float32
    intercepts: np.ndarray
    lambdas: np.ndarray
    objective: np.ndarray
    gap: np.ndarray  # relative duality gap; of JPML KKT violation over lambda
    epochs: np.ndarray
    seconds: float
    f1: np.ndarray  # on the val split
    auc: np.ndarray

    @property
    def active(self) -> np.ndarray:
        """Patches with weights that are not 0 (C,)."""
        norms = by_patch(self.weights, self.intercepts).norms
        return np.count_nonzero(norms, axis=0)


_ARRAYS = tuple("weights intercepts lambdas objective gap epochs f1 auc".split())


def write_point(file: Path, point: Point) -> None:
    about = {"names": json.dumps(point.names), "seconds": point.seconds}
    write(file, pack({n: getattr(point, n) for n in _ARRAYS}, about))


def read_point(file: Path) -> Point:
    try:
        with h5py.File(file) as content:
            arrays = {name: content[name][:] for name in _ARRAYS}
            names = json.loads(content.attrs["names"])
            return Point(names, seconds=float(content.attrs["seconds"]), **arrays)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{file} cannot be read ({error}); delete it to train it again"
        ) from None


@dataclass
class Points:
    """The points of one training, in order; folder: where they are kept, if at all."""

    training: Training
    validate: Validate
    folder: Path | None = None
    progress: tqdm | None = None

    def __post_init__(self):
        self.points: list[Point] = []

    def point(
        self,
        names: dict[str, float],
        lambdas: np.ndarray,
        start: Point | None,
        columns: np.ndarray | None = None,
        **how,
    ) -> Point:
        """Train a point, or read it where it is there already.

        lambdas: (C,); start: whose weights it starts from; columns: bool (C,), those to
        train (all); how: for solve().
        """
        file = self.folder and self.folder / f"{len(self.points):02d}.h5"
        if file and file.exists():
            point = read_point(file)
        else:
            some = slice(None) if columns is None else columns
            point = self._solve(names, lambdas, start, some, how)
            if file:
                write_point(file, point)
        self.points.append(point)
        if self.progress is not None:
            self.progress.update()
        return point

    def _solve(self, names, lambdas, start, some, how) -> Point:
        began, problem = time.monotonic(), self.training.problem
        if not isinstance(some, slice):
            labels = problem.labels[:, some]
            problem = replace(problem, labels=labels)
        initial = None
        if start is not None:
            initial = by_patch(start.weights[:, some], start.intercepts[some])
        how |= {"on_epoch": self._say, "most_epochs": MOST_EPOCHS}
        found = solve(problem, lambdas[some], initial, **how)
        wide = np.full(len(self.training.columns), np.nan)
        weights = np.full((len(self.training.mean), len(wide)), np.nan, np.float32)
        intercepts = wide.astype(np.float32)
        weights[:, some] = flat(found.weights)
        intercepts[some] = found.weights.intercepts
        arrays = {n: wide.copy() for n in ("lambdas", "objective", "gap", "epochs")}
        arrays["lambdas"][some] = lambdas[some]
        for name in ("objective", "gap", "epochs"):
            arrays[name][some] = getattr(found, name)
        found = self.validate(self.training.model(weights, intercepts))
        lacking = np.isnan(intercepts)
        for name, values in zip(("f1", "auc"), found, strict=True):
            arrays[name] = np.where(lacking, np.nan, values[self.training.columns])
        seconds = time.monotonic() - began
        return Point(names, weights, intercepts, seconds=seconds, **arrays)

    def _say(self, epochs: int, gap: float) -> None:
        if self.progress is not None:
            self.progress.set_postfix_str(f"epoch {epochs}, gap {gap:.1e}")


def validation(descriptors: Descriptors) -> Validate:
    """Measure models on a file of descriptors."""
    labels = descriptors.labels

    def validate(model: Model) -> tuple[np.ndarray, np.ndarray]:
        return measures(descriptors.scores(model), labels, model.aus)

    return validate


def measures(scores, labels, aus) -> tuple[np.ndarray, np.ndarray]:
    """Return F1 and AUC (C,), nan where an AU has one class only."""
    results = au_results(scores, labels, aus)
    return np.array([r.f1 for r in results]), np.array([r.auc for r in results])


# ---- The three methods


@dataclass(frozen=True)
class Chosen:
    """The points of a path and, for each of the training's columns, the one chosen."""

    points: list[Point]
    which: np.ndarray  # (C,) int

    @property
    def best(self) -> Point:
        """The chosen model, as a point that has each column of another one."""
        columns = range(len(self.which))
        own = [self.points[w] for w in self.which]
        arrays = {
            n: np.stack(
                [getattr(p, n)[..., c] for p, c in zip(own, columns, strict=True)]
            )
            for n in _ARRAYS
        }
        arrays["weights"] = np.ascontiguousarray(arrays["weights"].T)
        return Point({}, seconds=sum(p.seconds for p in self.points), **arrays)


def descend(
    method: str,
    training: Training,
    val: Descriptors,
    folder: Path | None = None,
    apl: Point | None = None,
    pairs: Pairs | None = None,
) -> Chosen:
    """Go along a method's path, with a progress bar, and choose on `val`.

    folder: where points are kept; apl, pairs: where JPML starts, and of AU numbers.
    """
    points = {LSVM: len(STRENGTHS), APL: len(EXPONENTS), JPML: 2 * len(BETAS)}[method]
    with tqdm(total=points, desc=METHODS[method], unit="point") as progress:
        path = Points(training, validation(val), folder, progress)
        if method == JPML:
            return train_jpml(path, apl, pairs)
        return train(method, path)


def train(method: str, path: Points) -> Chosen:
    """LSVM or APL."""
    return train_lsvm(path) if method == LSVM else train_apl(path)


def train_lsvm(path: Points) -> Chosen:
    """Train LSVM: squared hinge and ridge, lambda = 1 / (2 C n), as LIBLINEAR's."""
    problem, start = path.training.problem, None
    for strength in STRENGTHS:
        lambdas = 1 / (2 * strength * problem.known)
        names = {"C": strength}
        start = path.point(names, lambdas, start, penalty=RIDGE)
    return Chosen(path.points, best_of_each(path.points))


def train_apl(path: Points, exponents: Sequence[float] | None = None) -> Chosen:
    """Train APL: logistic loss and group lasso over the 49 patches."""
    problem, start = path.training.problem, None
    largest = problem.largest_lambda()
    for exponent in exponents or EXPONENTS:
        names = {"exponent": exponent}
        start = path.point(names, largest * 10**-exponent, start, penalty=GROUP)
    which = best_of_each(path.points)
    while exponent < LAST_EXPONENT and (which == len(path.points) - 1).any():
        if path.progress is not None:
            path.progress.total += 1
        exponent += 0.5
        names, lambdas = {"exponent": exponent}, largest * 10**-exponent
        last = which == len(path.points) - 1
        start = path.point(names, lambdas, start, last, penalty=GROUP)
        which = best_of_each(path.points)
    return Chosen(path.points, which)


def train_jpml(path: Points, apl: Point, pairs: Pairs) -> Chosen:
    """Train JPML from APL's model and lambdas; pairs: of AU numbers."""
    training = path.training
    problem = training.problem
    pairs = pairs.columns([training.aus[c] for c in training.columns])
    first = replace(apl, names={"beta1": 0.0, "beta2": 0.0}, seconds=0.0)
    path.points.append(first)
    agree = compete = 0.0
    for name in ("beta1", "beta2"):
        start = path.points[best_on_average(path.points)] if agree else first
        for beta in BETAS:
            agree, compete = (beta, 0.0) if name == "beta1" else (agree, beta)
            relations = Relations(*pairs, agree, compete)
            start = path.point(
                {"beta1": agree, "beta2": compete},
                apl.lambdas,
                start,
                relations=relations,
            )
        agree = path.points[best_on_average(path.points)].names["beta1"]
    which = best_on_average(path.points)
    return Chosen(path.points, np.full(problem.aus, which))


def best_of_each(points: Sequence[Point]) -> np.ndarray:
    """Return each column's best point; points: the stronger regularisation first.

    A column that val has one class of takes the others' median point.
    """
    f1 = np.stack([p.f1 for p in points])  # (points, C)
    auc = np.stack([p.auc for p in points])
    measured = ~np.isnan(f1)
    ranks = [
        max(
            np.flatnonzero(measured[:, c]),
            key=lambda i, c=c: (f1[i, c], auc[i, c], -i),
            default=-1,
        )
        for c in range(f1.shape[1])
    ]
    which = np.array(ranks)
    known = which[which >= 0]
    middle = int(np.median(known)) if known.size else len(points) // 2
    return np.where(which < 0, middle, which)


def best_on_average(points: Sequence[Point]) -> int:
    """Return the point of best average F1 (ties: AUC, then the smaller betas)."""
    means = [(_mean(p.f1), _mean(p.auc), -i) for i, p in enumerate(points)]
    return max(range(len(points)), key=means.__getitem__)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else 0.0


def unfinished(aus: Sequence[int], point: Point) -> Iterator[str]:
    """Name the AUs whose training ended before its tolerance, and their gaps."""
    for au, gap in zip(aus, point.gap, strict=True):
        if gap > TOLERANCE:
            yield (
                f"AU {au} ended at a gap of {gap:.1e} after {MOST_EPOCHS} epochs "
                f"(wanted: {TOLERANCE:g})"
            )


def retrain(method: str, training: Training, names: Sequence[dict]) -> Model:
    """Train at parameters that were chosen on other faces; names: of each column."""
    problem = training.problem
    if method == LSVM:
        strengths = np.array([own["C"] for own in names])
        lambdas, penalty = 1 / (2 * strengths * problem.known), RIDGE
    else:
        exponents = np.array([own["exponent"] for own in names])
        lambdas, penalty = problem.largest_lambda() * 10**-exponents, GROUP
    found = solve(problem, lambdas, penalty=penalty, most_epochs=MOST_EPOCHS)
    return training.model(flat(found.weights), found.weights.intercepts)
