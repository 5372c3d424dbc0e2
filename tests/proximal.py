"""APL and JPML by the textbook, for tests: FISTA and ADMM, in plain float64 numpy."""

import numpy as np

from drml.classical.solver import Problem, Relations


def small(faces=60, patches=4, size=3, aus=3, seed=0) -> Problem:
    """Faces of which AU c hangs on patch c, with some labels unknown."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(patches, faces, size))
    x -= x.mean(axis=1, keepdims=True)
    signal = np.stack([x[c] @ rng.normal(size=size) for c in range(aus)], axis=1)
    labels = np.where(signal + rng.normal(size=(faces, aus)) + 0.3 > 0, 1, -1)
    labels[rng.random((faces, aus)) < 0.1] = 0
    return Problem(list(x), labels.astype(np.int8))


def objective(problem, lambdas, relations, w, b) -> float:
    """w: (P, D, C)."""
    f = outputs(problem, w, b)
    losses = np.where(problem.labels, np.logaddexp(0, -problem.labels * f), 0)
    value = (losses.sum(axis=0) / problem.known).sum()
    value += (lambdas * np.linalg.norm(w, axis=1)).sum()
    return value + (relations.value(f) if relations else 0)


def outputs(problem, w, b):
    return sum(x @ own for x, own in zip(problem.patches, w, strict=True)) + b


def slope(problem, relations, f):
    y = problem.labels
    own = -y / problem.known / (1 + np.exp(y * f))
    return own + (pairs_slope(relations, f) if relations else 0)


def pairs_slope(relations: Relations, f):
    """dR/df, pair by pair as it is written down."""
    found = np.zeros_like(f)
    for j, k in relations.positive:
        found[:, j] += relations.agree * (f[:, j] - f[:, k]) / len(f)
        found[:, k] -= relations.agree * (f[:, j] - f[:, k]) / len(f)
    for j, k in relations.negative:
        both = relations.compete * np.maximum(0, f[:, j] + f[:, k]) / len(f)
        found[:, j] += both
        found[:, k] += both
    return found


def shrink(w, by):
    norms = np.linalg.norm(w, axis=1, keepdims=True)
    return w * np.maximum(0, 1 - by / np.maximum(norms, 1e-300))


def fista(problem, lambdas, relations=None, steps=1500):
    """Return w (P, D, C) and b (C,). Restarts where the momentum points uphill."""
    every = np.hstack([*problem.patches, np.ones((len(problem.labels), 1))])
    stiff = relations.stiffness(problem.aus).max() if relations else 0
    curvature = 0.25 / problem.known.min() + stiff / len(every)
    step = 1 / (np.linalg.norm(every, 2) ** 2 * curvature)
    shape = (len(problem.patches), problem.patches[0].shape[1], problem.aus)
    now = ahead = np.zeros((every.shape[1], problem.aus))
    t = 1.0
    for _ in range(steps):
        moved = ahead - step * every.T @ slope(problem, relations, every @ ahead)
        w = shrink(moved[:-1].reshape(shape), step * lambdas)
        then = np.concatenate([w.reshape(-1, problem.aus), moved[-1:]])
        if ((ahead - then) * (then - now)).sum() > 0:
            t = 1.0
        after = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead, now, t = then + (t - 1) / after * (then - now), then, after
    return now[:-1].reshape(shape), now[-1]


def admm(problem, lambdas, relations, rho=0.01, steps=100):
    """Return w and b: outputs z = X w + b parted from the weights, coupled by rho.

    The z-step by Newton face by face (their term is separable), the w-step by proximal
    gradient from where the last one ended.
    """
    every = np.hstack([*problem.patches, np.ones((len(problem.labels), 1))])
    shape = (len(problem.patches), problem.patches[0].shape[1], problem.aus)
    wide = np.zeros((every.shape[1], problem.aus))
    z = u = np.zeros(problem.labels.shape)
    step = 1 / np.linalg.norm(every, 2) ** 2
    for _ in range(steps):
        for _ in range(30):  # w: rho/2 |X w - z + u|^2 + penalty
            moved = wide - step * every.T @ (every @ wide - z + u)
            w = shrink(moved[:-1].reshape(shape), step * lambdas / rho)
            wide = np.concatenate([w.reshape(-1, problem.aus), moved[-1:]])
        f = every @ wide
        for _ in range(30):  # z: losses + R + rho/2 |z - f - u|^2
            gradient = slope(problem, relations, z) + rho * (z - f - u)
            if np.abs(gradient).max() < 1e-13:
                break
            z = (
                z
                - np.linalg.solve(
                    _bend(problem, relations, z) + rho * np.eye(problem.aus),
                    gradient[..., None],
                )[..., 0]
            )
        u = u + f - z
    return wide[:-1].reshape(shape), wide[-1]


def _bend(problem, relations, z):
    """Return the second derivatives (N, C, C) of losses and R."""
    a = 1 / (1 + np.exp(-z))
    bend = np.einsum(
        "nc,cd->ncd", np.where(problem.labels, a * (1 - a), 0), np.eye(problem.aus)
    )
    bend /= problem.known[:, None]
    faces = len(z)
    for j, k in relations.positive:
        for row, column, sign in ((j, j, 1), (k, k, 1), (j, k, -1), (k, j, -1)):
            bend[:, row, column] += sign * relations.agree / faces
    for j, k in relations.negative:
        fires = (z[:, j] + z[:, k] > 0) * relations.compete / faces
        for row, column in ((j, j), (k, k), (j, k), (k, j)):
            bend[:, row, column] += fires
    return bend
