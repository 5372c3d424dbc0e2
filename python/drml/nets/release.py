"""DRML, ConvNet and AlexNet in the form in which the authors released them.

Layer for layer the prototxts of github.com/zkl20061823/DRML: their layer types and
names, a list file of images with labels for each phase, and for DRML the branches.
"""

import re
from dataclasses import dataclass

from caffe import layers as L
from caffe.proto import caffe_pb2
from drml.nets import networks
from drml.nets.branches import Grid, branches
from drml.nets.names import FACE_SIZE
from drml.nets.pycaffe import caffe


@dataclass(frozen=True)
class Faces:
    """The data of both phases; a list has a line `image +1 -1 0 ...` for each face."""

    train_list: str
    test_list: str
    mean: str
    aus: int = 12
    batch: int = 128
    test_batch: int = 64


def drml(net, face, aus: int, fill: networks.Fill, grid: Grid) -> None:
    """DRML with branches in the place of region2."""
    net.conv1 = networks.convolution(face, fill, 32, 11, bias=0)
    net.relu_res = L.ReLU(branches(net, net.conv1, grid, fill), in_place=True)
    networks.pool3_to_output(net, net.relu_res, aus, fill)


def train_val(network: str, faces: Faces, crop: int | None = None) -> str:
    """The network with its data and loss, for `caffe train`.

    network: drml, convnet or alexnet. crop: the face's size where it is not the
    release's; for drml it must be 10 more than a multiple of 8.
    """
    crop = crop or FACE_SIZE[network]
    test = caffe.NetSpec()
    test.data, test.label = _data(faces, caffe.TEST, crop)
    net = caffe.NetSpec()
    net.data, net.label = _data(faces, caffe.TRAIN, crop)
    if network == "drml":
        side = (crop - 10) // 8  # conv1 takes 10 pixels off
        drml(net, net.data, faces.aus, networks.release, Grid(8, 8, side, side))
    else:
        networks.NETWORKS[network](net, net.data, faces.aus, networks.release)
    net.loss = L.MultiSigmoidCrossEntropyLoss(net.output, net.label)
    proto = net.to_proto()
    proto.name = network
    proto.layer.insert(1, test.to_proto().layer[0])
    rename(proto)
    return str(proto)


def _data(faces: Faces, phase: int, crop: int):
    train = phase == caffe.TRAIN
    return L.MultilabelImageData(
        ntop=2,
        include=dict(phase=phase),
        transform_param=dict(mirror=train, crop_size=crop, mean_file=faces.mean),
        image_data_param=dict(
            source=faces.train_list if train else faces.test_list,
            batch_size=faces.batch if train else faces.test_batch,
            multilabel_num=faces.aus,
        ),
    )


def rename(net: caffe_pb2.NetParameter) -> None:
    """Give layers and blobs the release's names."""
    for layer in net.layer:
        layer.name = release_name(net.name, layer.name)
        for blobs in (layer.bottom, layer.top):
            blobs[:] = [release_name(net.name, blob) for blob in blobs]


def release_name(network: str, name: str) -> str:
    """Translate our name, which is the paper's, to the release's.

    The paper counts region2 and pool3 as layers; the release's numbers are two lower.
    """
    if name == "output":
        return "fc8"
    if (network, name) == ("alexnet", "drop7"):
        return "drop7_k"
    numbered = re.fullmatch("(pool|norm|conv|relu|fc|drop)([3-9])", name)
    if network == "alexnet" or not numbered:
        return name
    return f"{numbered[1]}{int(numbered[2]) - 2}"
