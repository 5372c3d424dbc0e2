"""DRML, ConvNet and AlexNet in the form in which the authors released them.

Layer for layer the prototxts of github.com/zkl20061823/DRML: their layer types, names,
multipliers and fillers, and a list file of images with labels for each phase. DRML's
region layer is a branch of layers for every patch: Box slices, each patch k = 1, 2, ...
(counted row by row) goes through Batch, ReLU and Convolution, Splice puts the patches
together again, Eltwise adds the identity. With the same weights it computes what one
layer of type Region does, in four layers a patch; `convert` moves weights, statistics
too, between the two forms bit by bit.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from math import prod
from pathlib import Path

from caffe import layers as L
from caffe import params as P
from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.nets import networks
from drml.nets.names import FACE_SIZE
from drml.nets.networks import WEIGHT_AND_BIAS, Filler
from drml.nets.pycaffe import caffe
from drml.nets.weights import Blobs, blob_shape, shapes_text, stored_blobs

STATISTICS = [dict(lr_mult=0)] * 3  # sums of means, of variances, of their weights


@dataclass(frozen=True)
class Grid:
    """rows x columns (two or more in all) patches of height x width pixels each."""

    rows: int = 8
    columns: int = 8
    height: int = 20
    width: int = 20

    @property
    def patches(self) -> int:
        return self.rows * self.columns

    def corners(self) -> dict[str, list[int]]:
        """Upper left corners in row-major order, as Box and Splice take them."""
        numbers = range(self.patches)
        return dict(
            xcoord=[k % self.columns * self.width for k in numbers],
            ycoord=[k // self.columns * self.height for k in numbers],
        )


def branches(net, bottom, grid: Grid, fill: Filler, channels=32, global_stats=False):
    """Give `net` the branches over `bottom`; returns the blob "add", before its ReLU.

    The release normalises by the batch's own statistics in both phases;
    global_stats: by the moving averages, in both.
    """
    boxes = L.Box(
        bottom,
        name="clipping",
        ntop=grid.patches,
        box_param=dict(width=grid.width, height=grid.height, **grid.corners()),
    )
    for k, box in enumerate(boxes, 1):
        net[f"out{k}"] = box
    for k, box in enumerate(boxes, 1):
        net[f"bn1_{k}"] = L.Batch(
            box, param=STATISTICS, batch_param=dict(use_global_stats=global_stats)
        )
    for k in range(1, grid.patches + 1):
        net[f"relu1_{k}"] = L.ReLU(net[f"bn1_{k}"], in_place=True)
    for k in range(1, grid.patches + 1):
        net[f"res1_{k}"] = _convolution(net[f"relu1_{k}"], k, fill, channels)
    results = [net[f"res1_{k}"] for k in range(1, grid.patches + 1)]
    net.concat = L.Splice(*results, name="Splice", splice_param=grid.corners())
    net.add = L.Eltwise(bottom, net.concat, operation=P.Eltwise.SUM)
    return net.add


def _convolution(bottom, k: int, fill: Filler, channels: int):
    return L.Convolution(
        bottom,
        name=f"conv1_{k}",
        num_output=channels,
        kernel_size=3,
        pad=1,
        param=WEIGHT_AND_BIAS,
        **fill(0.01, 1),
    )


@dataclass(frozen=True)
class ImageLists:
    """The data of both phases; a list has a line `image +1 -1 0 ...` for each face."""

    train_list: str
    test_list: str
    mean: str
    aus: int = 12
    batch: int = 128
    test_batch: int = 64


def drml(net, face, aus: int, fill: networks.Fill, grid: Grid) -> None:
    """DRML with branches in the place of region2."""
    net.conv1 = networks.convolution(face, fill.convolution, 32, 11, bias=0)
    add = branches(net, net.conv1, grid, fill.convolution)
    net.relu_res = L.ReLU(add, in_place=True)
    networks.pool3_to_output(net, net.relu_res, aus, fill)


def train_val(network: str, lists: ImageLists, crop: int | None = None) -> str:
    """The network with its data and loss, for `caffe train`.

    network: drml, convnet or alexnet. crop: the face's size where it is not the
    release's; for drml it must be 10 more than a multiple of 8.
    """
    crop = crop or FACE_SIZE[network]
    test = caffe.NetSpec()
    test.data, test.label = _data(lists, caffe.TEST, crop)
    net = caffe.NetSpec()
    net.data, net.label = _data(lists, caffe.TRAIN, crop)
    if network == "drml":
        side = (crop - 10) // 8  # conv1 takes 10 pixels off
        drml(
            net,
            net.data,
            lists.aus,
            networks.FILLERS["release"],
            Grid(8, 8, side, side),
        )
    else:
        networks.NETWORKS[network](
            net, net.data, lists.aus, networks.FILLERS["release"]
        )
    net.loss = L.MultiSigmoidCrossEntropyLoss(net.output, net.label)
    proto = net.to_proto()
    proto.name = network
    proto.layer.insert(1, test.to_proto().layer[0])
    rename(proto)
    return str(proto)


def _data(lists: ImageLists, phase: int, crop: int):
    train = phase == caffe.TRAIN
    return L.MultilabelImageData(
        ntop=2,
        include=dict(phase=phase),
        transform_param=dict(mirror=train, crop_size=crop, mean_file=lists.mean),
        image_data_param=dict(
            source=lists.train_list if train else lists.test_list,
            batch_size=lists.batch if train else lists.test_batch,
            multilabel_num=lists.aus,
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


# ---- Weights, from form to form

Blob = caffe_pb2.BlobProto
FORMS = ("region", "branches")
REGION = "region2"
# The other layers with weights: by our names, and by the release's.
OTHERS = ("conv1", "conv4", "conv5", "conv6", "conv7", "fc8", "fc9", "output")
RELEASE_NAMES = {name: release_name("drml", name) for name in OTHERS}
OUR_NAMES = {release: ours for ours, release in RELEASE_NAMES.items()}


def convert(path: Path, form: str) -> bytes:
    """Return the weights in `path` as a .caffemodel of `form`, one of FORMS.

    It holds what Caffe copies weights by: names and blobs. UserError where the file is
    not DRML's, has that form already, or holds blobs that do not fit one another.
    """
    blobs = stored_blobs(path)
    try:
        if _form(blobs) == form:
            raise UserError(f"has the form '{form}' already; nothing to convert")
        converted = _to_region(blobs) if form == "region" else _to_branches(blobs)
    except UserError as error:
        raise UserError(f"{path} {error}") from None
    net = caffe_pb2.NetParameter(name="drml")
    for name, layer_blobs in converted.items():
        net.layer.add(name=name, blobs=layer_blobs)
    return net.SerializeToString()


def _form(blobs: Blobs) -> str:
    if REGION in blobs:
        return "region"
    if "conv1_1" in blobs:
        return "branches"
    raise UserError(
        f"holds neither a layer {REGION} nor the branches bn1_1, conv1_1, ...; "
        "give the weights of a DRML"
    )


def _to_branches(blobs: Blobs) -> Blobs:
    filters, channels, *kernel = _filter_shape(blobs, REGION)
    bias = len(blobs[REGION]) > 4
    shapes = [(filters, channels, *kernel), *[(filters,)] * (bias + 2), (1,)]
    *cut, steps = _take(blobs, REGION, shapes)
    converted = _renamed(blobs, RELEASE_NAMES)
    patches = zip(*(_cut(blob, filters // channels) for blob in cut), strict=True)
    for k, (*learned, mean, variance) in enumerate(patches, 1):
        converted[f"bn1_{k}"] = [mean, variance, steps]
        converted[f"conv1_{k}"] = learned
    return converted


def _to_region(blobs: Blobs) -> Blobs:
    _, channels, *kernel = _filter_shape(blobs, "conv1_1")
    bias = len(blobs["conv1_1"]) > 1
    learned = [(channels, channels, *kernel), *[(channels,)] * bias]
    patches, steps = [], None
    for k in range(1, 1 + sum(name.startswith("conv1_") for name in blobs)):
        conv = _take(blobs, f"conv1_{k}", learned)
        bn = _take(blobs, f"bn1_{k}", [(channels,), (channels,), (1,)])
        steps = steps or bn[2]
        if bn[2].data != steps.data:
            raise UserError(
                f"has averaged the statistics of bn1_{k} over other iterations than "
                "those of bn1_1, which one layer cannot hold; keep the branches"
            )
        patches.append([*conv, *bn[:2]])
    region = [_join(parts) for parts in zip(*patches, strict=True)]
    return {**_renamed(blobs, OUR_NAMES), REGION: [*region, steps]}


def _renamed(blobs: Blobs, names: dict[str, str]) -> Blobs:
    for name in blobs:
        if name not in names:
            raise UserError(
                f"has weights of a layer {name}, which DRML lacks in that form; "
                "give the weights of a DRML"
            )
    return {names[name]: layer_blobs for name, layer_blobs in blobs.items()}


def _filter_shape(blobs: Blobs, name: str) -> tuple[int, ...]:
    """Return (F, C, k, k): F filters for C channels, F a multiple of C."""
    shape = blob_shape(blobs[name][0])
    if len(shape) != 4 or 0 in shape or shape[0] % shape[1]:
        raise UserError(
            f"has a layer {name} with weights of shape {shapes_text([shape])}; "
            "give the weights of a DRML"
        )
    return shape


def _take(blobs: Blobs, name: str, shapes: list[tuple[int, ...]]) -> list[Blob]:
    """Take a layer's blobs out of `blobs`; UserError unless they have these shapes."""
    layer = blobs.pop(name, [])
    found = [blob_shape(blob) for blob in layer]
    if found != shapes:
        raise UserError(
            f"has {shapes_text(found)} in layer {name} where {shapes_text(shapes)} "
            "would fit the rest; give the weights of one DRML"
        )
    if any(len(blob.data) != prod(blob_shape(blob)) for blob in layer):
        raise UserError(
            f"has fewer values in layer {name} than its shape says; snapshot it again"
        )
    return layer


def _cut(blob: Blob, parts: int) -> list[Blob]:
    """Cut a blob along its first axis."""
    rows, *rest = blob_shape(blob)
    size = len(blob.data) // parts
    return [
        _blob([rows // parts, *rest], blob.data[i * size : (i + 1) * size])
        for i in range(parts)
    ]


def _join(parts: tuple[Blob, ...]) -> Blob:
    """Put blobs together along their first axis."""
    rows, *rest = blob_shape(parts[0])
    values = chain.from_iterable(part.data for part in parts)
    return _blob([rows * len(parts), *rest], values)


def _blob(shape: list[int], values: Iterable[float]) -> Blob:
    return Blob(shape=caffe_pb2.BlobShape(dim=shape), data=values)
