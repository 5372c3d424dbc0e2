"""The networks of the paper as Caffe layers: section 3.1, Fig. 2.

Multipliers, norm3 and the "release" fillers are those of the authors' release.
"""

from collections.abc import Callable

from caffe import layers as L
from caffe import params as P

WEIGHT_AND_BIAS = [dict(lr_mult=1, decay_mult=1), dict(lr_mult=2, decay_mult=0)]


def release(std: float, bias: float) -> dict:
    """The authors' fillers: weights N(0, std^2) and a constant bias.

    The differences between faces shrink some 5,000 times from conv1 to the output.
    """
    return dict(
        weight_filler=dict(type="gaussian", std=std),
        bias_filler=dict(type="constant", value=bias),
    )


def msra(std: float, bias: float) -> dict:
    """He et al.'s fillers (2015), which keep signals' size, for short trainings."""
    return dict(weight_filler=dict(type="msra"))


FILLERS = {"release": release, "msra": msra}
Fill = Callable[[float, float], dict]


def convolution(bottom, fill: Fill, filters: int, size: int, bias=1, stride=1):
    """A convolution without padding."""
    return L.Convolution(
        bottom,
        num_output=filters,
        kernel_size=size,
        stride=stride,
        param=WEIGHT_AND_BIAS,
        **fill(0.01, bias),
    )


def fully_connected(net, name: str, bottom, fill: Fill, outputs: int):
    """An inner product with ReLU and dropout; returns the blob after them."""
    number = name.removeprefix("fc")
    net[name] = L.InnerProduct(
        bottom, num_output=outputs, param=WEIGHT_AND_BIAS, **fill(0.005, 1)
    )
    net[f"relu{number}"] = L.ReLU(net[name], in_place=True)
    net[f"drop{number}"] = L.Dropout(net[name], in_place=True, dropout_ratio=0.5)
    return net[f"drop{number}"]


def drml(net, face, aus: int, fill: Fill) -> None:
    """DRML from the 170 x 170 face to the blob "output", one score an AU."""
    net.conv1 = convolution(face, fill, 32, 11, bias=0)
    net.region2 = L.Region(
        net.conv1, param=WEIGHT_AND_BIAS, region_param=dict(grid=8, **fill(0.01, 1))
    )
    net.relu2 = L.ReLU(net.region2, in_place=True)
    net.pool3 = L.Pooling(net.relu2, pool=P.Pooling.MAX, kernel_size=2, stride=2)
    net.norm3 = L.LRN(net.pool3, local_size=5, alpha=1e-4, beta=0.75)
    blob = net.norm3
    for number, size, stride in [(4, 8, 1), (5, 8, 1), (6, 6, 2), (7, 5, 1)]:
        conv = convolution(blob, fill, 16, size, stride=stride)
        net[f"conv{number}"] = conv
        blob = net[f"relu{number}"] = L.ReLU(conv, in_place=True)
    blob = fully_connected(net, "fc8", blob, fill, 4096)
    blob = fully_connected(net, "fc9", blob, fill, 2048)
    net.output = L.InnerProduct(
        blob, num_output=aus, param=WEIGHT_AND_BIAS, **release(0.01, 0)
    )


NETWORKS = {"drml": drml}
FACE_SIZE = {"drml": 170}
