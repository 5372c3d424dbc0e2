"""PyTorch's side of the comparison; runs in an environment of its own."""

import gc
import logging
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import nn

from bench.engine import Engine, Parameters, trained
from bench.serve import serve
from bench.torch_networks import AUS, build, input_shape
from bench.torch_training import Alone, Training, scorer
from bench.torch_zoo import ZooNet, ZooTraining
from bench.variants import CPU, Arithmetic, Variant


class TorchEngine(Engine):
    """PyTorch, in the variants that are asked for."""

    def about(self, on: Arithmetic) -> dict[str, str]:
        """Name what it computes with."""
        about = {"PyTorch": torch.__version__}
        if on.device == "cuda":
            about["card"] = torch.cuda.get_device_name()
            about["CUDA of PyTorch"] = torch.version.cuda
            about["cuDNN of PyTorch"] = str(torch.backends.cudnn.version())
        return about

    def prepare(
        self,
        network: str,
        phase: str,
        batch: int,
        variant: Variant,
        on: Arithmetic = CPU,
        count: int = 1,
    ) -> None:
        """Load a network for `iterate`, each of whose iterations is `count` of them."""
        with self._computing(on):
            net = build(network, variant.region)
            faces = 50 * torch.randn(batch, *input_shape(network))
            labels = torch.randint(2, (batch, AUS)) * 2 - 1
        if network == "region":
            iteration = Alone(net, variant, faces).iterate
        elif phase == "train":
            iteration = partial(Training(net, variant).iterate, faces, labels)
        else:
            iteration = partial(scorer(net, variant), faces)
        self.iteration = repeated(iteration, count, on)

    def prepare_copy(self, mib: int, on: Arithmetic, count: int) -> None:
        """Copy so many MiB in memory for `iterate`."""
        with self._computing(on):
            source = torch.randn(mib * 2**18)
            target = torch.empty_like(source)
        self.iteration = repeated(lambda: target.copy_(source), count, on)

    def prepare_product(self, side: int, on: Arithmetic, count: int) -> None:
        """Multiply two square matrices for `iterate`."""
        with self._computing(on):
            a, b, c = (torch.randn(side, side) for _ in range(3))
        self.iteration = repeated(lambda: torch.mm(a, b, out=c), count, on)

    def weights(self, network: str) -> int:
        """Count a network's weights and biases."""
        with torch.device("meta"):
            return sum(p.numel() for p in build(network, "grouped").parameters())

    def train(
        self,
        network: str,
        parameters: Parameters,
        faces: np.ndarray,
        labels: np.ndarray,
        variant: Variant,
        on: Arithmetic = CPU,
    ) -> dict[str, np.ndarray]:
        """Return scores, loss, gradients, and the weights' change by two iterations."""
        with self._computing(on):
            net = build(network, variant.region, dropout=0)
            batch = torch.tensor(faces), torch.tensor(labels)
        load(net, parameters)
        training = Training(net, variant)
        output = {k: array(v) for k, v in training.gradients(*batch).items()}
        gradients = {
            layer: [array(weight.grad), array(bias.grad)]
            for layer, weight, bias in learned(net)
        }
        for _ in range(2):
            training.iterate(*batch)
        after = {layer: [array(w), array(b)] for layer, w, b in learned(net)}
        return trained(parameters, output, gradients, after).results

    def prepare_zoo(
        self,
        layers: list[dict],
        parameters: Parameters,
        images: np.ndarray,
        labels: np.ndarray,
        variant: Variant,
    ) -> dict[str, np.ndarray]:
        """Load a net for `iterate`; returns scores, loss and gradients before."""
        with self._computing(CPU):
            net = ZooNet(layers, parameters)
            batch = torch.tensor(images), torch.tensor(labels, dtype=torch.long)
        training = ZooTraining(net, variant)
        results = {k: array(v) for k, v in training.gradients(*batch).items()}
        for name, module in net.made.items():
            for i, parameter in enumerate(module.parameters()):
                results[f"{name} {i}, gradient"] = array(parameter.grad)
        self.iteration = partial(training.iterate, *batch)
        return results

    def score(
        self,
        network: str,
        parameters: Parameters,
        faces: np.ndarray,
        variant: Variant,
        on: Arithmetic = CPU,
    ) -> np.ndarray:
        """Return a network's probabilities in its test phase."""
        with self._computing(on):
            net, batch = build(network, variant.region), torch.tensor(faces)
        load(net, parameters)
        return array(scorer(net, variant)(batch))

    def _computing(self, on: Arithmetic) -> torch.device:
        """Forget the last network; a context in which tensors lie on the device."""
        self.iteration = None
        gc.collect()
        torch.cuda.empty_cache()  # nothing without a GPU
        torch.backends.cuda.matmul.allow_tf32 = on.tf32
        torch.backends.cudnn.allow_tf32 = on.tf32
        torch.backends.cudnn.benchmark = True
        return torch.device(on.device)


def repeated(
    iteration: Callable[[], object], count: int, on: Arithmetic
) -> Callable[[], None]:
    """Return what does `count` iterations and waits for a GPU to have done them."""

    def run() -> None:
        for _ in range(count):
            iteration()
        if on.device == "cuda":
            torch.cuda.synchronize()

    return run


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", copy=True).numpy()


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
