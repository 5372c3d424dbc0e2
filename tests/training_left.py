"""What a training leaves behind, for the tests of model selection and early end."""

from pathlib import Path

import numpy as np
from tiny_dataset import CROP, DEPLOY, make_dataset, store_weights

from caffe.proto import caffe_pb2

SOLVER = """
net: "net.prototxt" snapshot_prefix: "out/tiny" snapshot: 10 max_iter: 45
"""


def make_training():
    """Write into the current folder a val split in data/, a net and its solver."""
    make_dataset(Path("data"), split="val")
    Path("net.prototxt").write_text(DEPLOY)
    Path("solver.prototxt").write_text(SOLVER)
    Path("out").mkdir()


def snapshot(iteration, bias):
    """Write the weights and state of a net that scores all faces alike."""
    weights = Path(f"out/tiny_iter_{iteration}.caffemodel")
    weight = np.zeros((2, 3 * CROP * CROP), np.float32)
    store_weights(weights, weight, np.full(2, bias, np.float32))
    state = caffe_pb2.SolverState(iter=iteration, learned_net=str(weights))
    file = weights.with_suffix(".solverstate")
    file.write_bytes(state.SerializeToString())
