"""SGD as the paper has it: DRML's solver on a net small enough for all its steps.

Each step is checked from Caffe's own state before it: float32 loses what is added to a
weight of 1 when it is below 6e-8. Over 16,001 steps that adds up (seen: 2e-4 here) and
would hide errors of its size in the formula.
"""

import numpy as np
import pytest
from training_nets import feed, learned, training_solver
from twin.layers import FullyConnected
from twin.loss import multilabel_loss
from twin.networks import Network
from twin.sgd import Sgd

from caffe import layers as L
from drml.nets.networks import WEIGHT_AND_BIAS
from drml.nets.pycaffe import caffe

BATCH, PIXELS, AUS, ITERATIONS = 8, 5, 3, 16_001
TWIN = Network([("output", FullyConnected())])


def small_net(folder):
    """Write a net of one fully connected layer, with the multipliers of all ours."""
    net = caffe.NetSpec()
    shapes = [dict(dim=[BATCH, PIXELS]), dict(dim=[BATCH, AUS])]
    net.data, net.label = L.Input(ntop=2, shape=shapes)
    net.output = L.InnerProduct(
        net.data,
        num_output=AUS,
        param=WEIGHT_AND_BIAS,
        weight_filler=dict(type="gaussian", std=1),
    )
    net.loss = L.MultilabelSigmoidCrossEntropyLoss(net.output, net.label)
    path = folder / "small.prototxt"
    path.write_text(str(net.to_proto()))
    return path


def expected_step(face, labels, weights, velocities, iteration):
    """Return weights and velocities after a step from these, {layer: blobs} each."""
    values = TWIN.forward(face, weights, {})
    _, doutput = multilabel_loss(values["output"], labels)
    _, gradients = TWIN.backward(doutput, values, weights, {})
    sgd = Sgd(velocities=velocities)
    sgd.update(weights, gradients, iteration)
    return weights, sgd.velocities


def velocities_of(net):
    """Read v: a solver's step leaves it in the place of the gradient."""
    return {"output": [b.diff.astype(np.float64) for b in net.params["output"]]}


def largest(blobs, less=None):
    """Return the largest size of a number, or of its difference from another."""
    others = less["output"] if less else [0, 0]
    return max(abs(b - o).max() for b, o in zip(blobs["output"], others, strict=True))


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """Train; returns the rates, and the errors of velocities and weights, by step."""
    folder = tmp_path_factory.mktemp("sgd")
    solver = training_solver(small_net(folder), folder)
    rng = np.random.default_rng(1)
    face = rng.normal(size=(BATCH, PIXELS)).astype(np.float32)
    labels = rng.choice([-1, 0, 1], (BATCH, AUS))
    feed(solver.net, face, labels)
    weights, velocities, seen = learned(solver.net), {}, []
    for iteration in range(ITERATIONS):
        expected = expected_step(face, labels, weights, velocities, iteration)
        rate = solver.lr
        solver.step(1)
        weights, velocities = learned(solver.net), velocities_of(solver.net)
        assert largest(weights) < 8
        errors = [largest(velocities, expected[1]), largest(weights, expected[0])]
        seen.append((rate, *errors))
    return np.array(seen).T


def test_learning_rate_falls_at_8000(training):
    rates, _, _ = training
    assert rates[[0, 7999, 8000, 16000]] == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])


def test_velocity_gains_gradient_and_decay(training):
    rates, errors, _ = training
    # Gradients here stay below 1, so velocities below 10 rates (momentum 0.9), whose
    # rounding is 6e-7 rates; three terms are added. Weight decay is some 1e-3 rates.
    assert (errors / rates).max() < 2e-6


def test_weights_lose_the_velocity(training):
    _, _, errors = training
    assert errors.max() < 2.5e-7  # half of float32's spacing below 8: 2.4e-7
