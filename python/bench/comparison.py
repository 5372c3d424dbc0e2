"""Whether the engines compute the same, before anything is timed."""

from collections.abc import Callable

import numpy as np

from bench.variants import CPU, Arithmetic, Variant
from bench.worker import Worker
from data_prep.base import UserError
from drml.nets.names import FACE_SIZE

BATCH = 4
AUS = 12
# Relative errors |a - b| / |b|. Sums of up to some 100,000 products whose rounding is
# 6e-8 each agree to 1e-5. A gradient jumps where a ReLU's input or two of a maximum's
# are nearer than that: ConvNet's conv1 has three million maxima, and its gradient by
# Caffe's own code and by oneDNN's direct convolutions differs by 1.3e-3. One unit of
# fc8's 4 x 4,096 that falls otherwise is 1.3e-2 of all gradients below it (seen with
# AVX2). Two steps change a weight of 0.1 by 1e-6 or so, and float32 holds it to 4e-9.
TOLERANCE = 1e-4
TOLERANCE_BY_KIND = {"gradient": 2e-2, "change": 2e-2}


def check(
    ours: Callable,
    peer: Worker,
    network: str,
    train: Variant,
    test: Variant,
    on: Arithmetic = CPU,
) -> float:
    """Return the largest relative error of outputs, gradients and probabilities.

    From the same random weights, faces and labels, some of them unknown, both train
    for two iterations without dropout; then both score the faces with the weights that
    ours have become. `ours` is called as a Worker is. UserError where they differ.
    """
    rng = np.random.default_rng(1)
    size = FACE_SIZE[network]
    faces = rng.normal(0, 0.25, (BATCH, 3, size, size)).astype(np.float32)
    labels = rng.choice(np.float32([-1, 0, 1]), (BATCH, AUS))
    trained = ours("train", network=network, faces=faces, labels=labels)
    both = dict(network=network, faces=faces, on=on)
    start = dict(parameters=trained.before, labels=labels, variant=train)
    errors = differences(trained.results, peer("train", **both, **start))
    end = dict(parameters=trained.after, variant=test)
    theirs = {"probabilities": peer("score", **both, **end)}
    errors |= differences({"probabilities": ours("score", faces=faces)}, theirs)
    return judge(network, errors)


def differences(
    ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]
) -> dict[str, float]:
    """Return the relative error of each of ours."""
    return {
        name: float(np.linalg.norm(theirs[name] - value) / np.linalg.norm(value))
        for name, value in ours.items()
    }


def judge(
    network: str,
    errors: dict[str, float],
    by_kind: dict[str, float] = TOLERANCE_BY_KIND,
) -> float:
    """Return the largest error but those of changes; UserError if one is too large."""
    for name, error in errors.items():
        kind = name.split()[-1]
        if not error <= by_kind.get(kind, TOLERANCE):  # or is nan
            raise UserError(
                f"{network}: Caffe and PyTorch differ in {name} by {error:.1e}; "
                "nothing was timed"
            )
    return max(e for name, e in errors.items() if not name.endswith("change"))
