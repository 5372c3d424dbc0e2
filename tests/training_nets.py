"""The project's nets and solvers, fed with random faces instead of an LMDB."""

from pathlib import Path

import numpy as np
from google.protobuf import text_format

from caffe.proto import caffe_pb2
from drml.nets.names import FACE_SIZE
from drml.nets.prototxt import Training, train_val
from drml.nets.pycaffe import caffe

BATCH, AUS = 2, 12
DEVIATION = 0.25  # of the pixels, as suits the msra filler
SOLVER = Path(__file__).parents[1] / "prototxt" / "drml_solver.prototxt"


def training_net(network, folder):
    """Write the training net with inputs in the place of its data; returns the path."""
    text = train_val(network, Training(fillers="msra"))
    net = text_format.Parse(text, caffe_pb2.NetParameter())
    layers = [layer for layer in net.layer if layer.type != "MultilabelData"]
    inputs = caffe_pb2.LayerParameter(name="data", type="Input", top=["data", "label"])
    for shape in [(BATCH, 3, FACE_SIZE[network], FACE_SIZE[network]), (BATCH, AUS)]:
        inputs.input_param.shape.add(dim=shape)
    del net.layer[:]
    net.layer.extend([inputs, *layers])
    net.force_backward = True  # down to the face, as saliency maps need it
    return _written(net, folder / "net.prototxt")


def training_solver(net, folder):
    """Load DRML's solver, with its own settings and seed, for another training net."""
    solver = text_format.Parse(SOLVER.read_text(), caffe_pb2.SolverParameter())
    solver.net = str(net)
    for field in ("test_iter", "test_interval", "snapshot"):
        solver.ClearField(field)
    return caffe.SGDSolver(str(_written(solver, folder / "solver.prototxt")))


def _written(message, path):
    path.write_text(text_format.MessageToString(message))
    return path


def batches(network, count, seed=1):
    """Yield random faces, and labels of which some are unknown."""
    rng = np.random.default_rng(seed)
    size = FACE_SIZE[network]
    for _ in range(count):
        faces = rng.normal(0, DEVIATION, (BATCH, 3, size, size))
        yield faces.astype(np.float32), rng.choice([-1, 0, 1], (BATCH, AUS))


def feed(net, faces, labels):
    net.blobs["data"].data[...] = faces
    net.blobs["label"].data[...] = labels


def learned(net):
    """Copy weights and biases as float64, without a region layer's statistics."""
    return {
        name: [blob.data.astype(np.float64) for blob in list(blobs)[:2]]
        for name, blobs in net.params.items()
    }
