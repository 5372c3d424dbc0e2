"""The paper's networks in PyTorch; names of layers as in drml.networks."""

from collections import OrderedDict
from collections.abc import Iterable

from torch import nn

from bench.torch_layers import GroupedRegion, LocallyConnected, LoopedRegion, Lrn
from drml.nets.names import FACE_SIZE

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
