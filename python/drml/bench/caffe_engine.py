"""Our side of the comparison; runs in this project's environment."""

import numpy as np

from drml import timing
from drml.bench.clock import iteration_times, peak_memory
from drml.bench.serve import serve
from drml.pycaffe import caffe

Parameters = dict[str, list[np.ndarray]]


class CaffeEngine:
    """Holds one network at a time."""

    def prepare(self, network: str, phase: str, batch: int) -> None:
        """Load a network for `iterate`."""
        self.iteration = timing.PHASES[phase](network, batch)

    def iterate(self, count: int) -> list[float]:
        """Return the milliseconds of each of `count` iterations."""
        return iteration_times(self.iteration, count)

    def start(self, network: str, batch: int) -> Parameters:
        """Load a training without dropout; returns its random weights."""
        caffe.set_random_seed(1)
        self.network = network
        self.solver = timing.training_solver(network, batch, "msra", dropout=False)
        return self._parameters()

    def train(self, faces: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Return scores, gradients, and the weights' change by two iterations."""
        net = self.solver.net
        net.blobs["data"].data[...] = faces
        net.blobs["label"].data[...] = labels
        net.clear_param_diffs()
        net.forward()
        net.backward()
        before = self._parameters()
        result = {"scores": net.blobs["output"].data.copy()}
        for name, blobs in net.params.items():
            result[f"{name}, gradient"] = blobs[0].diff.copy()
            result[f"{name}, bias gradient"] = blobs[1].diff.copy()
        self.solver.step(2)
        for name, (weight, bias, *_) in self._parameters().items():
            result[f"{name}, change"] = weight - before[name][0]
            result[f"{name}, bias change"] = bias - before[name][1]
        return result

    def statistics(self) -> Parameters:
        """Return the region layer's moving averages, if there is one."""
        return {
            name: [blob.data / blobs[4].data for blob in (blobs[2], blobs[3])]
            for name, blobs in self.solver.net.params.items()
            if len(blobs) > 2
        }

    def score(self, faces: np.ndarray) -> np.ndarray:
        """Return the trained network's probabilities in its TEST phase."""
        net = timing.scoring_net(self.network, len(faces))
        net.share_with(self.solver.net)
        return net.forward(data=faces)["prob"]

    def peak_memory(self) -> float:
        """Return this process's peak in MiB."""
        return peak_memory()

    def _parameters(self) -> Parameters:
        return {
            name: [blob.data.copy() for blob in blobs]
            for name, blobs in self.solver.net.params.items()
        }


if __name__ == "__main__":
    serve(CaffeEngine())
