"""PyTorch's side of the comparison; runs in an environment of its own."""

import numpy as np
import torch

from drml.bench.clock import iteration_times, peak_memory
from drml.bench.serve import serve
from drml.bench.torch_networks import AUS, FACE_SIZE, network
from drml.bench.torch_training import Training, load, scorer
from drml.bench.variants import Variant


class TorchEngine:
    """Holds one network at a time."""

    def version(self) -> str:
        return torch.__version__

    def prepare(self, name: str, phase: str, batch: int, variant: Variant) -> None:
        """Load a network for `iterate`."""
        size = FACE_SIZE[name]
        net = network(name, variant.region)
        faces = 50 * torch.randn(batch, 3, size, size)
        if phase == "train":
            labels = torch.randint(2, (batch, AUS)) * 2 - 1
            training = Training(net, variant)
            self.iteration = lambda: training.iterate(faces, labels)
        else:
            score = scorer(net, variant)
            self.iteration = lambda: score(faces)

    def iterate(self, count: int) -> list[float]:
        """Return the milliseconds of each of `count` iterations."""
        return iteration_times(self.iteration, count)

    def train(
        self, name: str, parameters: dict, faces: np.ndarray, labels: np.ndarray,
        variant: Variant,
    ) -> dict[str, np.ndarray]:  # fmt: skip
        """Return scores, gradients, and the weights' change by two iterations."""
        self.net = network(name, variant.region, dropout=0)
        load(self.net, parameters)
        training = Training(self.net, variant)
        batch = torch.from_numpy(faces), torch.from_numpy(labels)
        result = {"scores": training.gradients(*batch).numpy()}
        for layer, (weight, bias) in self._learned():
            result[f"{layer}, gradient"] = weight.grad.numpy().copy()
            result[f"{layer}, bias gradient"] = bias.grad.numpy().copy()
        for _ in range(2):
            training.iterate(*batch)
        for layer, values in self._learned():
            before = parameters[layer]
            changes = [
                v.detach().numpy() - b for v, b in zip(values, before, strict=False)
            ]
            result[f"{layer}, change"], result[f"{layer}, bias change"] = changes
        return result

    def score(
        self, faces: np.ndarray, statistics: dict, variant: Variant
    ) -> np.ndarray:
        """Return the trained network's probabilities; eval() ends its training."""
        for layer, (mean, variance) in statistics.items():
            norm = getattr(self.net, layer).norm
            norm.running_mean.copy_(torch.from_numpy(mean))
            norm.running_var.copy_(torch.from_numpy(variance))
        return scorer(self.net, variant)(torch.from_numpy(faces)).numpy()

    def peak_memory(self) -> float:
        """Return this process's peak in MiB."""
        return peak_memory()

    def _learned(self):
        for layer, module in self.net.named_children():
            if own := list(module.parameters()):
                yield layer, own


if __name__ == "__main__":
    serve(TorchEngine())
