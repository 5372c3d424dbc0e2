"""The networks of the paper as Caffe layers: section 3.1, Fig. 2.

Fillers, lr_mult and decay_mult are those of the authors' release, as is norm3.
"""

from caffe import layers as L
from caffe import params as P

WEIGHT_AND_BIAS = [dict(lr_mult=1, decay_mult=1), dict(lr_mult=2, decay_mult=0)]


def gaussian(std: float, bias: float) -> dict:
    """Fillers of a layer with weights N(0, std^2) and a constant bias."""
    return dict(
        weight_filler=dict(type="gaussian", std=std),
        bias_filler=dict(type="constant", value=bias),
        param=WEIGHT_AND_BIAS,
    )


def convolution(bottom, filters: int, size: int, bias: float = 1, stride: int = 1):
    """A convolution without padding."""
    return L.Convolution(
        bottom, num_output=filters, kernel_size=size, stride=stride,
        **gaussian(0.01, bias),
    )  # fmt: skip


def region(bottom, grid: int):
    """The region layer (paper 3.2, Fig. 3) of 3 x 3 convolutions."""
    fillers = gaussian(0.01, bias=1)
    param = fillers.pop("param")
    return L.Region(bottom, param=param, region_param=dict(grid=grid, **fillers))


def fully_connected(net, name: str, bottom, outputs: int):
    """An inner product with ReLU and dropout; returns the blob after them."""
    number = name.removeprefix("fc")
    net[name] = L.InnerProduct(bottom, num_output=outputs, **gaussian(0.005, 1))
    net["relu" + number] = L.ReLU(net[name], in_place=True)
    net["drop" + number] = L.Dropout(net[name], in_place=True, dropout_ratio=0.5)
    return net["drop" + number]


def drml(net, face, aus: int) -> None:
    """DRML from the 170 x 170 face to the blob "output", one score an AU."""
    net.conv1 = convolution(face, 32, 11, bias=0)
    net.region2 = region(net.conv1, grid=8)
    net.relu2 = L.ReLU(net.region2, in_place=True)
    net.pool3 = L.Pooling(net.relu2, pool=P.Pooling.MAX, kernel_size=2, stride=2)
    net.norm3 = L.LRN(net.pool3, local_size=5, alpha=1e-4, beta=0.75)
    blob = net.norm3
    for number, filters, size, stride in [
        (4, 16, 8, 1),
        (5, 16, 8, 1),
        (6, 16, 6, 2),
        (7, 16, 5, 1),
    ]:
        name = f"conv{number}"
        net[name] = convolution(blob, filters, size, stride=stride)
        net[f"relu{number}"] = L.ReLU(net[name], in_place=True)
        blob = net[f"relu{number}"]
    blob = fully_connected(net, "fc8", blob, 4096)
    blob = fully_connected(net, "fc9", blob, 2048)
    net.output = L.InnerProduct(blob, num_output=aus, **gaussian(0.01, 0))


NETWORKS = {"drml": drml}
FACE_SIZE = {"drml": 170}
