"""The networks that the paper compares, as Caffe layers: section 3.1, Fig. 2, 4.1.

From the authors' release are the multipliers, the "release" fillers, norm3 and
AlexNet's sizes; the paper names no fillers (docs/training.md). Where LCN's locally
connected layer sits is our reading: the paper says "ConvNet with locally connected
layer", so it stands where DRML has region2.
"""

from collections.abc import Callable
from typing import NamedTuple

from caffe import layers as L
from caffe import params as P

WEIGHT_AND_BIAS = [dict(lr_mult=1, decay_mult=1), dict(lr_mult=2, decay_mult=0)]


def release(std: float, bias: float, behind_relu: bool = True) -> dict:
    """The authors' fillers: weights N(0, std^2) and a constant bias."""
    return dict(
        weight_filler=dict(type="gaussian", std=std),
        bias_filler=dict(type="constant", value=bias),
    )


def unbiased(std: float, bias: float, behind_relu: bool = True) -> dict:
    """The authors' weights, and biases of 0."""
    return dict(weight_filler=dict(type="gaussian", std=std))


def preserving(std: float, bias: float, behind_relu: bool = True) -> dict:
    """Fillers that keep signals' size from layer to layer, and biases of 0.

    behind_relu: a ReLU alone stands before, which halves the mean square: weights of
    variance 2 / inputs (He et al. 2015) make up for it. Pooling, which takes the
    largest, wants 1 / inputs (Glorot and Bengio 2010).
    """
    return dict(weight_filler=dict(type="msra" if behind_relu else "xavier"))


def msra(std: float, bias: float, behind_relu: bool = True) -> dict:
    """He et al.'s fillers and biases of 0."""
    return dict(weight_filler=dict(type="msra"))


# From the release's std and bias, and behind_relu, to the layer's filler options.
Filler = Callable[..., dict]


class Fill(NamedTuple):
    """The fillers of a network, by kind of layer."""

    convolution: Filler
    fully_connected: Filler
    output: Filler
    scale: float  # of the faces, 0 to 255 less the mean: what these fillers suit


# "preserving": differences between faces reach the fully connected layers, whose
# small weights the base rates are then learned by, not by the convolutions
# (docs/training.md). "msra" is for short trainings by Adam.
FILLERS = {
    "release": Fill(release, release, release, scale=1),
    "preserving": Fill(preserving, unbiased, unbiased, scale=0.02),
    "msra": Fill(msra, msra, release, scale=0.02),
}
# The release's, where a network learns with them under the paper's solver.
DEFAULT_FILLERS = {
    "drml": "release",
    "convnet": "release",
    "lcn": "preserving",
    "alexnet": "release",
}


def convolution(
    bottom,
    fill: Filler,
    filters: int,
    size: int,
    bias=1,
    stride=1,
    behind_relu=True,
    **more,
):
    """A convolution; `more` is pad and group where Caffe's 0 and 1 don't hold.

    behind_relu: no pooling stands between the bottom and a ReLU.
    """
    return L.Convolution(
        bottom,
        num_output=filters,
        kernel_size=size,
        stride=stride,
        param=WEIGHT_AND_BIAS,
        **more,
        **fill(0.01, bias, behind_relu),
    )


def rectified(net, number: int | str, layer):
    """Name the ReLU after a layer; returns the blob after it."""
    relu = net[f"relu{number}"] = L.ReLU(layer, in_place=True)
    return relu


def max_pooling(bottom, size: int):
    return L.Pooling(bottom, pool=P.Pooling.MAX, kernel_size=size, stride=2)


def normalisation(bottom):
    """Local response normalisation across channels, Krizhevsky's constants."""
    return L.LRN(bottom, local_size=5, alpha=1e-4, beta=0.75)


def fully_connected(net, name: str, bottom, fill: Fill, outputs: int):
    """An inner product with ReLU and dropout; returns the blob after them."""
    number = name.removeprefix("fc")
    net[name] = L.InnerProduct(
        bottom,
        num_output=outputs,
        param=WEIGHT_AND_BIAS,
        **fill.fully_connected(0.005, 1),
    )
    blob = rectified(net, number, net[name])
    net[f"drop{number}"] = L.Dropout(blob, in_place=True, dropout_ratio=0.5)
    return net[f"drop{number}"]


def scores(net, bottom, aus: int, fill: Fill) -> None:
    """The blob "output", one score an AU."""
    net.output = L.InnerProduct(
        bottom, num_output=aus, param=WEIGHT_AND_BIAS, **fill.output(0.01, 0)
    )


def pool3_to_output(net, blob, aus: int, fill: Fill) -> None:
    """What DRML, ConvNet and LCN share, from 32 x 160 x 160 to the scores."""
    net.pool3 = max_pooling(blob, 2)
    blob = net.norm3 = normalisation(net.pool3)
    for number, size, stride in [(4, 8, 1), (5, 8, 1), (6, 6, 2), (7, 5, 1)]:
        conv = net[f"conv{number}"] = convolution(
            blob,
            fill.convolution,
            16,
            size,
            stride=stride,
            behind_relu=number != 4,
        )
        blob = rectified(net, number, conv)
    blob = fully_connected(net, "fc8", blob, fill, 4096)
    blob = fully_connected(net, "fc9", blob, fill, 2048)
    scores(net, blob, aus, fill)


def drml(net, face, aus: int, fill: Fill, grid: int = 8) -> None:
    """DRML from the 170 x 170 face; region2 has the ReLU for conv1 inside."""
    net.conv1 = convolution(face, fill.convolution, 32, 11, bias=0)
    net.region2 = L.Region(
        net.conv1,
        param=WEIGHT_AND_BIAS,
        region_param=dict(grid=grid, **fill.convolution(0.01, 1)),
    )
    pool3_to_output(net, rectified(net, 2, net.region2), aus, fill)


def convnet(net, face, aus: int, fill: Fill) -> None:
    """DRML without its region layer."""
    net.conv1 = convolution(face, fill.convolution, 32, 11, bias=0)
    pool3_to_output(net, rectified(net, 1, net.conv1), aus, fill)


def lcn(net, face, aus: int, fill: Fill) -> None:
    """ConvNet with one filter bank per pixel where DRML has one per patch."""
    net.conv1 = convolution(face, fill.convolution, 32, 11, bias=0)
    net.local2 = L.LocallyConnected(
        rectified(net, 1, net.conv1),
        param=WEIGHT_AND_BIAS,
        locally_connected_param=dict(
            num_output=32, kernel_size=3, pad=1, **fill.convolution(0.01, 1)
        ),
    )
    pool3_to_output(net, rectified(net, 2, net.local2), aus, fill)


def alexnet(net, face, aus: int, fill: Fill) -> None:
    """AlexNet from the 227 x 227 face, in the order of Caffe's reference model."""
    blob = face
    for number, filters, size, bias, more in [
        (1, 96, 11, 0, dict(stride=4)),
        (2, 256, 5, 1, dict(pad=2, group=2)),
        (3, 384, 3, 0, dict(pad=1)),
        (4, 384, 3, 1, dict(pad=1, group=2)),
        (5, 256, 3, 1, dict(pad=1, group=2)),
    ]:
        conv = convolution(
            blob,
            fill.convolution,
            filters,
            size,
            bias,
            behind_relu=number not in (2, 3),
            **more,
        )
        net[f"conv{number}"] = conv
        blob = rectified(net, number, conv)
        if number in (1, 2, 5):
            blob = net[f"pool{number}"] = max_pooling(blob, 3)
        if number in (1, 2):
            blob = net[f"norm{number}"] = normalisation(blob)
    blob = fully_connected(net, "fc6", blob, fill, 4096)
    blob = fully_connected(net, "fc7", blob, fill, 4096)
    scores(net, blob, aus, fill)


NETWORKS = {"drml": drml, "convnet": convnet, "lcn": lcn, "alexnet": alexnet}
