"""The paper's networks in PyTorch, in the formulations that were found to be fast.

Names of layers are those of drml/nets/networks.py; a layer's parameters have the shapes
of our Caffe layer's blobs. Its weights are random: a GPU draws less power, and is
faster, on zeros.
"""

from collections import OrderedDict
from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import functional

from drml.nets.names import FACE_SIZE


class Lrn(nn.Module):
    """Local response normalisation over 5 channels: x (1 + alpha/5 sum x^2)^-beta.

    nn.LocalResponseNorm computes the same by three-dimensional pooling and pow; as
    five shifted sums, and two roots for beta = 3/4, it takes a fraction of the time.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        squares = functional.pad(x * x, (0, 0, 0, 0, 2, 2))
        channels = x.shape[1]
        total = sum(squares[:, i : i + channels] for i in range(5))
        root = torch.rsqrt(1 + 1e-4 / 5 * total)
        return x * root * torch.sqrt(root)


class Region(nn.Module):
    """The region layer (paper 3.2); a subclass says how its patches are convolved."""

    def __init__(self, channels: int = 32, grid: int = 8):
        super().__init__()
        self.grid, outputs = grid, grid * grid * channels
        self.weight = nn.Parameter(0.1 * torch.randn(outputs, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.norm = nn.BatchNorm2d(outputs, affine=False)

    def patch_major(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, P C, H / grid, W / grid)."""
        n, c, h, w = x.shape
        g = self.grid
        cells = x.reshape(n, c, g, h // g, g, w // g)
        return cells.permute(0, 2, 4, 1, 3, 5).reshape(n, g * g * c, h // g, w // g)

    def pixel_major(self, patches: torch.Tensor) -> torch.Tensor:
        """Undo patch_major."""
        n, channels, h, w = patches.shape
        g = self.grid
        cells = patches.reshape(n, g, g, channels // (g * g), h, w)
        return cells.permute(0, 3, 1, 4, 2, 5).reshape(n, -1, g * h, g * w)


class GroupedRegion(Region):
    """All patches at once: a convolution with a group for each."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.patch_major(x)
        active = functional.relu(self.norm(patches))
        added = functional.conv2d(
            active, self.weight, self.bias, padding=1, groups=self.grid**2
        )
        return self.pixel_major(patches + added)


class LoopedRegion(Region):
    """A convolution for each patch, as one reads it in the paper."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.patch_major(x)
        active = functional.relu(self.norm(patches))
        each = (t.chunk(self.grid**2, d) for t, d in self._divided(active))
        added = [
            functional.conv2d(x, weight, bias, padding=1)
            for x, weight, bias in zip(*each, strict=True)
        ]
        return self.pixel_major(patches + torch.cat(added, 1))

    def _divided(self, active: torch.Tensor):
        return (active, 1), (self.weight, 0), (self.bias, 0)


class LocallyConnected(nn.Module):
    """LCN's layer: 3 x 3 filters of their own at each position, a batched product."""

    def __init__(self, channels: int = 32, side: int = 160):
        super().__init__()
        filters = side * side * channels
        self.weight = nn.Parameter(0.1 * torch.randn(filters, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(filters))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        taps = functional.unfold(x, 3, padding=1).permute(2, 1, 0)  # (P, C k k, N)
        weight = self.weight.reshape(h * w, c, c * 9)
        y = torch.baddbmm(self.bias.reshape(h * w, c, 1), weight, taps)  # (P, C, N)
        return y.permute(2, 1, 0).reshape(n, c, h, w)


AUS = 12
REGIONS = {"grouped": GroupedRegion, "looped": LoopedRegion}
Layers = Iterable[tuple[str, nn.Module]]


def input_shape(name: str) -> tuple[int, int, int]:
    """Return (C, H, W) of a face; of "region", of what conv1 makes of it."""
    if name == "region":
        return 32, 160, 160
    return 3, FACE_SIZE[name], FACE_SIZE[name]


def build(name: str, region: str, dropout: float = 0.5) -> nn.Sequential:
    """Return a network from faces to scores, or "region", DRML's layer alone.

    `region` is that layer's formulation.
    """
    if name == "region":
        return nn.Sequential(OrderedDict(region2=REGIONS[region]()))
    layers = dict(alexnet() if name == "alexnet" else face_network(name, region))
    for layer in layers.values():
        if isinstance(layer, nn.Dropout):
            layer.p = dropout
    return nn.Sequential(OrderedDict(layers))


def face_network(name: str, region: str) -> Layers:
    """DRML, ConvNet or LCN, from 3 x 170 x 170."""
    yield "conv1", nn.Conv2d(3, 32, 11)
    if name == "drml":
        yield "region2", REGIONS[region]()
    else:
        yield "relu1", nn.ReLU(inplace=True)
    if name == "lcn":
        yield "local2", LocallyConnected()
    if name != "convnet":
        yield "relu2", nn.ReLU(inplace=True)
    yield "pool3", nn.MaxPool2d(2, 2)
    yield "norm3", Lrn()
    channels = 32
    for number, size, stride in [(4, 8, 1), (5, 8, 1), (6, 6, 2), (7, 5, 1)]:
        yield f"conv{number}", nn.Conv2d(channels, 16, size, stride)
        yield f"relu{number}", nn.ReLU(inplace=True)
        channels = 16
    yield from classifier([(8, 16 * 27 * 27, 4096), (9, 4096, 2048)])


def alexnet() -> Layers:
    """AlexNet from 3 x 227 x 227."""
    channels = 3
    for number, filters, size, more in [
        (1, 96, 11, dict(stride=4)),
        (2, 256, 5, dict(padding=2, groups=2)),
        (3, 384, 3, dict(padding=1)),
        (4, 384, 3, dict(padding=1, groups=2)),
        (5, 256, 3, dict(padding=1, groups=2)),
    ]:
        yield f"conv{number}", nn.Conv2d(channels, filters, size, **more)
        yield f"relu{number}", nn.ReLU(inplace=True)
        if number in (1, 2, 5):
            yield f"pool{number}", nn.MaxPool2d(3, 2)
        if number in (1, 2):
            yield f"norm{number}", Lrn()
        channels = filters
    yield from classifier([(6, 256 * 6 * 6, 4096), (7, 4096, 4096)])


def classifier(sizes: list[tuple[int, int, int]]) -> Layers:
    """Fully connected layers (number, inputs, outputs), and the scores."""
    yield "flatten", nn.Flatten()
    for number, inputs, outputs in sizes:
        yield f"fc{number}", nn.Linear(inputs, outputs)
        yield f"relu{number}", nn.ReLU(inplace=True)
        yield f"drop{number}", nn.Dropout()
    yield "output", nn.Linear(sizes[-1][2], AUS)
