"""PyTorch's side of the comparison; runs in an environment of its own."""

import logging
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from drml.bench.engine import Engine, Parameters
from drml.bench.serve import serve
from drml.bench.torch_networks import AUS, FACE_SIZE, build
from drml.bench.torch_training import Training, scorer
from drml.bench.variants import Variant


class TorchEngine(Engine):
    """PyTorch, in the variants that are asked for."""

    def version(self) -> str:
        return torch.__version__

    def prepare(self, network: str, phase: str, batch: int, variant: Variant) -> None:
        """Load a network for `iterate`."""
        net = build(network, variant.region)
        size = FACE_SIZE[network]
        faces = 50 * torch.randn(batch, 3, size, size)
        if phase == "train":
            labels = torch.randint(2, (batch, AUS)) * 2 - 1
            training = Training(net, variant)
            self.iteration = lambda: training.iterate(faces, labels)
        else:
            score = scorer(net, variant)
            self.iteration = lambda: score(faces)

    def train(
        self,
        network: str,
        parameters: Parameters,
        faces: np.ndarray,
        labels: np.ndarray,
        variant: Variant,
    ) -> dict[str, np.ndarray]:
        """Return scores, gradients, and the weights' change by two iterations."""
        net = build(network, variant.region, dropout=0)
        load(net, parameters)
        training = Training(net, variant)
        batch = torch.from_numpy(faces), torch.from_numpy(labels)
        result = {"scores": training.gradients(*batch).numpy()}
        for layer, weight, bias in learned(net):
            result[f"{layer}, gradient"] = weight.grad.numpy().copy()
            result[f"{layer}, bias gradient"] = bias.grad.numpy().copy()
        for _ in range(2):
            training.iterate(*batch)
        for layer, weight, bias in learned(net):
            old_weight, old_bias, *_ = parameters[layer]
            result[f"{layer}, change"] = weight.detach().numpy() - old_weight
            result[f"{layer}, bias change"] = bias.detach().numpy() - old_bias
        return result

    def score(
        self, network: str, parameters: Parameters, faces: np.ndarray, variant: Variant
    ) -> np.ndarray:
        """Return a network's probabilities in its test phase."""
        net = build(network, variant.region)
        load(net, parameters)
        return scorer(net, variant)(torch.from_numpy(faces)).numpy()


def load(net: nn.Sequential, parameters: Parameters) -> None:
    """Copy what Caffe has learned into a network."""
    with torch.no_grad():
        for layer, (weight, bias, *statistics) in parameters.items():
            module = getattr(net, layer)
            module.weight.copy_(torch.from_numpy(weight))
            module.bias.copy_(torch.from_numpy(bias))
            if statistics:
                mean, variance = map(torch.from_numpy, statistics)
                module.norm.running_mean.copy_(mean)
                module.norm.running_var.copy_(variance)


def learned(net: nn.Sequential) -> Iterator[tuple[str, nn.Parameter, nn.Parameter]]:
    """Yield each layer that learns, with its weight and bias."""
    for layer, module in net.named_children():
        if hasattr(module, "weight"):
            yield layer, module.weight, module.bias


if __name__ == "__main__":
    torch._logging.set_logs(all=logging.ERROR)  # no warnings of a missing GPU
    serve(TorchEngine())
