"""Our side of the comparison; runs in this project's environment."""

import numpy as np

from bench.engine import Engine, Parameters, Trained, averaged, trained
from bench.serve import serve
from bench.zoo import training
from drml.nets import timing
from drml.nets.pycaffe import caffe, load_net


class CaffeEngine(Engine):
    """Caffe, by way of pycaffe."""

    def prepare(self, network: str, phase: str, batch: int) -> None:
        """Load a network for `iterate`."""
        self.iteration = timing.PHASES[phase](network, batch)

    def prepare_files(self, net: str, weights: str, values: np.ndarray) -> None:
        """Load any net for `iterate`, which scores these images."""
        loaded = caffe.Net(net, caffe.TEST, weights=weights)
        (data,), (output,) = loaded.inputs, loaded.outputs

        def score() -> np.ndarray:
            loaded.blobs[data].data[...] = values
            return loaded.forward()[output]

        self.iteration = score

    def score_prepared(self) -> np.ndarray:
        return self.iteration().copy()

    def prepare_zoo(
        self, network: str, images: np.ndarray, labels: np.ndarray
    ) -> tuple[Parameters, dict[str, np.ndarray]]:
        """Load a net for `iterate`, which trains it.

        Returns what is learned, random as yet, and scores, loss and gradients.
        """
        caffe.set_random_seed(1)
        param = training(network, len(images))
        solver = timing.sgd_solver(param)
        net = solver.net
        net.blobs["data"].data[...] = images
        net.blobs["label"].data[...] = labels
        net.clear_param_diffs()
        net.forward()
        net.backward()
        results = {"scores": net.blobs["scores"].data.copy()}
        results["loss"] = net.blobs["loss"].data.copy()
        statistics = {layer.name for layer in param.layer if layer.type == "BatchNorm"}
        parameters = {}
        for name in net.params.keys() - statistics:
            parameters[name] = [blob.data.copy() for blob in net.params[name]]
            for i, blob in enumerate(net.params[name]):
                results[f"{name} {i}, gradient"] = blob.diff.copy()
        self.iteration = lambda: solver.step(1)
        return parameters, results

    def train(self, network: str, faces: np.ndarray, labels: np.ndarray) -> Trained:
        """Train for two iterations, without dropout, from random weights."""
        caffe.set_random_seed(1)
        solver = timing.training_solver(network, len(faces), "msra", dropout=False)
        self.network, self.solver, net = network, solver, solver.net
        before = _parameters(net)
        net.blobs["data"].data[...] = faces
        net.blobs["label"].data[...] = labels
        net.clear_param_diffs()
        net.forward()
        net.backward()
        output = {"scores": net.blobs["output"].data.copy()}
        gradients = {
            name: [blob.diff.copy() for blob in blobs]
            for name, blobs in net.params.items()
        }
        solver.step(2)
        return trained(before, output, gradients, _parameters(net))

    def score(self, faces: np.ndarray) -> np.ndarray:
        """Return the trained network's probabilities in its TEST phase."""
        net = load_net(timing.scoring_net(self.network, len(faces)))
        net.share_with(self.solver.net)
        return net.forward(data=faces)["prob"].copy()


def _parameters(net: caffe.Net) -> Parameters:
    return {
        name: averaged([blob.data.copy() for blob in blobs])
        for name, blobs in net.params.items()
    }


if __name__ == "__main__":
    serve(CaffeEngine())
