"""Running time of a training and of a test iteration (paper 4.2, Table 4).

A training iteration is a forward and a backward pass and the update of the weights; a
test iteration is a forward pass from faces to probabilities. Faces, labels and weights
are random (zeros would make pooling faster) and lie in memory, so that reading data
does not count.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

import numpy as np

from caffe import layers as L
from caffe.proto import caffe_pb2
from drml.nets import pycaffe
from drml.nets.names import FACE_SIZE
from drml.nets.networks import FILLERS, NETWORKS
from drml.nets.pycaffe import caffe
from drml.report.paper import Time

AUS = 12
Iteration = Callable[[], object]


def time_trials(iterate: Iteration, trials: int, iterations: int) -> Iterator[float]:
    """Yield each trial's milliseconds an iteration, after one that does not count."""
    iterate()
    for _ in range(trials):
        start = perf_counter()
        for _ in range(iterations):
            iterate()
        yield 1000 * (perf_counter() - start) / iterations


def summarise(trials: Sequence[float]) -> Time:
    """The standard deviation, with n - 1, is nan of one trial."""
    std = float(np.std(trials, ddof=1)) if len(trials) > 1 else np.nan
    return Time(float(np.mean(trials)), std)


def training(network: str, batch: int) -> Iteration:
    """Return what does one iteration of the paper's SGD."""
    solver = training_solver(network, batch)
    rng = np.random.default_rng(0)
    faces, labels = (solver.net.blobs[name].data for name in ("data", "label"))
    faces[...] = rng.normal(0, 50, faces.shape)
    labels[...] = rng.choice((-1, 1), labels.shape)

    def iterate() -> np.ndarray:
        solver.step(1)
        return solver.net.params["conv1"][0].data[0]  # waits for a GPU's update

    return iterate


def scoring(network: str, batch: int) -> Iteration:
    """Return what scores a batch of faces."""
    net = pycaffe.load_net(scoring_net(network, batch))
    faces = net.blobs["data"].data
    faces[...] = np.random.default_rng(0).normal(0, 50, faces.shape)
    return lambda: net.forward()["prob"][0]  # reading it waits for a GPU


def training_solver(
    network: str, batch: int, fillers: str = "release", dropout: bool = True
) -> caffe.SGDSolver:
    """Load the paper's SGD for training_net."""
    return sgd_solver(training_net(network, batch, fillers, dropout))


def training_net(
    network: str, batch: int, fillers: str = "release", dropout: bool = True
) -> caffe_pb2.NetParameter:
    """A net from "data" and "label" to the loss."""
    spec = _network(network, batch, fillers)
    spec.label = L.Input(shape=dict(dim=[batch, AUS]))
    spec.loss = L.MultilabelSigmoidCrossEntropyLoss(spec.output, spec.label)
    net = spec.to_proto()
    if not dropout:
        layers = [layer for layer in net.layer if layer.type != "Dropout"]
        del net.layer[:]
        net.layer.extend(layers)  # dropout works in place, so nothing misses it
    return net


def scoring_net(
    network: str, batch: int, fillers: str = "release"
) -> caffe_pb2.NetParameter:
    """A net from the faces "data" to the probabilities "prob"."""
    spec = _network(network, batch, fillers)
    spec.prob = L.Sigmoid(spec.output)
    return spec.to_proto()


def _network(network: str, batch: int, fillers: str) -> caffe.NetSpec:
    size = FACE_SIZE[network]
    net = caffe.NetSpec()
    net.data = L.Input(shape=dict(dim=[batch, 3, size, size]))
    NETWORKS[network](net, net.data, AUS, FILLERS[fillers])
    return net


def sgd_solver(net: caffe_pb2.NetParameter) -> caffe.SGDSolver:
    """Load the paper's SGD for any net with a loss."""
    param = caffe_pb2.SolverParameter(
        net_param=net,
        base_lr=0.001,
        lr_policy="fixed",
        momentum=0.9,
        weight_decay=0.0005,
        snapshot_after_train=False,
    )
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(str(param))
        file.flush()
        return caffe.SGDSolver(file.name)


PHASES = {"train": training, "test": scoring}
