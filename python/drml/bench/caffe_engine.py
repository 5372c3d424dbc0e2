"""Our side of the comparison; runs in this project's environment."""

from collections.abc import Sequence

import numpy as np

from drml import timing
from drml.bench.engine import Engine, Parameters
from drml.bench.serve import serve
from drml.pycaffe import caffe


class CaffeEngine(Engine):
    """Caffe, by way of pycaffe."""

    def prepare(self, network: str, phase: str, batch: int) -> None:
        """Load a network for `iterate`."""
        self.iteration = timing.PHASES[phase](network, batch)

    def start(self, network: str, batch: int) -> None:
        """Load a training without dropout, from random weights."""
        caffe.set_random_seed(1)
        self.network = network
        self.solver = timing.training_solver(network, batch, "msra", dropout=False)

    def parameters(self) -> Parameters:
        """Return what has been learned; a region layer's moving averages, too."""
        return {name: _values(blobs) for name, blobs in self.solver.net.params.items()}

    def train(self, faces: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Return scores, gradients, and the weights' change by two iterations."""
        net = self.solver.net
        net.blobs["data"].data[...] = faces
        net.blobs["label"].data[...] = labels
        net.clear_param_diffs()
        net.forward()
        net.backward()
        result = {"scores": net.blobs["output"].data.copy()}
        for name, blobs in net.params.items():
            result[f"{name}, gradient"] = blobs[0].diff.copy()
            result[f"{name}, bias gradient"] = blobs[1].diff.copy()
        before = self.parameters()
        self.solver.step(2)
        for name, (weight, bias, *_) in self.parameters().items():
            result[f"{name}, change"] = weight - before[name][0]
            result[f"{name}, bias change"] = bias - before[name][1]
        return result

    def score(self, faces: np.ndarray) -> np.ndarray:
        """Return the trained network's probabilities in its TEST phase."""
        net = timing.scoring_net(self.network, len(faces))
        net.share_with(self.solver.net)
        return net.forward(data=faces)["prob"].copy()


def _values(blobs: Sequence) -> list[np.ndarray]:
    values = [blob.data.copy() for blob in blobs]
    if len(values) == 5:  # sums of means, of variances, and of their weights
        scale = values.pop() or 1
        values[2:] = [total / scale for total in values[2:]]
    return values


if __name__ == "__main__":
    serve(CaffeEngine())
