"""Any net of bench/zoo.py in PyTorch, layer by layer from Caffe's own description."""

import torch
from torch import nn
from torch.nn import functional

from bench.engine import Parameters
from bench.torch_networks import Lrn
from bench.torch_training import DECAY, Training


class ZooNet(nn.Module):
    """A net of dictionaries, as bench.zoo.described makes them; returns its last top.

    BatchNorm and the Scale behind it are one layer here, PyTorch's own, which has the
    Scale's name.
    """

    def __init__(self, layers: list[dict], parameters: Parameters):
        super().__init__()
        self.steps: list[tuple[str, list[str], str]] = []
        self.made = nn.ModuleDict()
        for layer, following in zip(layers, [*layers[1:], {}], strict=True):
            if layer["type"] in ("Input", "Scale"):
                continue
            name = layer["name"]
            if layer["type"] == "BatchNorm":
                name = following["name"]
            weights = parameters.get(name, [])
            self.made[name] = MAKERS[layer["type"]](layer, *weights)
            self.steps.append((name, layer["bottom"], layer["top"][0]))

        with torch.no_grad():
            for name, module in self.made.items():
                for parameter, value in zip(
                    module.parameters(), parameters.get(name, []), strict=True
                ):
                    parameter.copy_(torch.from_numpy(value))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        blobs = {"data": images}
        for name, bottoms, top in self.steps:
            blobs[top] = self.made[name](*(blobs[bottom] for bottom in bottoms))
        return blobs[top]


class ZooTraining(Training):
    """Classes; all that is learned has the same rate and decay, as Caffe's default."""

    @staticmethod
    def groups(net: nn.Module) -> list[dict]:
        return [dict(params=list(net.parameters()), weight_decay=DECAY)]

    @staticmethod
    def loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(scores, labels)


class Sum(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b


class Joined(nn.Module):
    def forward(self, *blobs: torch.Tensor) -> torch.Tensor:
        return torch.cat(blobs, 1)


class Product(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x.flatten(1), self.weight, self.bias)


def _convolution(layer: dict, weight, bias=None) -> nn.Module:
    given = layer["convolution_param"]
    groups = given.get("group", 1)
    outputs, inputs, size, _ = weight.shape
    return nn.Conv2d(
        inputs * groups,
        outputs,
        size,
        stride=given.get("stride", [1])[0],
        padding=given.get("pad", [0])[0],
        groups=groups,
        bias=bias is not None,
    )


def _normalisation(layer: dict, scale, shift) -> nn.Module:
    return nn.BatchNorm2d(len(scale), eps=1e-5, momentum=0.001)


def _pooling(layer: dict) -> nn.Module:
    given = layer["pooling_param"]
    if given.get("global_pooling"):
        return nn.AdaptiveAvgPool2d(1)
    size, stride, pad = (given.get(k, 0) for k in ("kernel_size", "stride", "pad"))
    return nn.MaxPool2d(size, stride, pad, ceil_mode=True)


MAKERS = {
    "BatchNorm": _normalisation,
    "Concat": lambda layer: Joined(),
    "Convolution": _convolution,
    "Eltwise": lambda layer: Sum(),
    "InnerProduct": lambda layer, weight, bias: Product(*weight.shape[::-1]),
    "LRN": lambda layer: Lrn(),
    "Pooling": _pooling,
    "ReLU": lambda layer: nn.ReLU(inplace=True),
}
