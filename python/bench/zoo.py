"""Nets of public zoos at full size, from images of 224 x 224 to 1,000 scores."""

from collections.abc import Iterator

from google.protobuf.json_format import MessageToDict

from caffe import layers as L
from caffe import params as P
from caffe.proto import caffe_pb2
from drml.nets.pycaffe import caffe

MAX, AVE = P.Pooling.MAX, P.Pooling.AVE
MSRA = dict(type="msra")
SIDE, CLASSES = 224, 1000


class Builder:
    """A net that grows from "data" on; methods add layers and return their top."""

    def __init__(self, batch: int):
        self.net = caffe.NetSpec()
        self.net.data = L.Input(shape=dict(dim=[batch, 3, SIDE, SIDE]))

    def convolution(self, name: str, bottom, channels: int, size: int, **more):
        self.net[name] = L.Convolution(
            bottom, num_output=channels, kernel_size=size, weight_filler=MSRA, **more
        )
        return self.net[name]

    def rectified(self, name: str, bottom, channels: int, size: int, **more):
        top = self.convolution(name, bottom, channels, size, **more)
        self.net[f"{name}_relu"] = L.ReLU(top, in_place=True)
        return top

    def normed(self, name: str, bottom, channels: int, size: int, relu=True, **more):
        top = self.convolution(name, bottom, channels, size, bias_term=False, **more)
        self.net[f"{name}_bn"] = L.BatchNorm(top, in_place=True)
        self.net[f"{name}_scale"] = L.Scale(
            top, bias_term=True, in_place=True, filler=dict(value=0.5)
        )
        if relu:
            self.net[f"{name}_relu"] = L.ReLU(top, in_place=True)
        return top

    def pool(self, name: str, bottom, method=MAX, size=3, stride=2, pad=0):
        self.net[name] = L.Pooling(
            bottom, pool=method, kernel_size=size, stride=stride, pad=pad
        )
        return self.net[name]

    def average(self, bottom):
        self.net.average = L.Pooling(bottom, pool=AVE, global_pooling=True)
        return self.net.average

    def product(self, name: str, bottom, outputs: int):
        self.net[name] = L.InnerProduct(
            bottom, num_output=outputs, weight_filler=dict(type="gaussian", std=0.01)
        )
        return self.net[name]

    def classified(self, bottom) -> caffe_pb2.NetParameter:
        self.product("scores", bottom, CLASSES)
        return self.net.to_proto()


def vgg16(batch: int) -> caffe_pb2.NetParameter:
    b = Builder(batch)
    x = b.net.data
    for block, (channels, count) in enumerate(
        [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1
    ):
        for i in range(1, count + 1):
            x = b.rectified(f"conv{block}_{i}", x, channels, 3, pad=1)
        x = b.pool(f"pool{block}", x, size=2)
    for name in ("fc6", "fc7"):
        x = b.product(name, x, 4096)
        b.net[f"{name}_relu"] = L.ReLU(x, in_place=True)
    return b.classified(x)


def resnet50(batch: int) -> caffe_pb2.NetParameter:
    b = Builder(batch)
    x = b.pool("pool1", b.normed("conv1", b.net.data, 64, 7, stride=2, pad=3))
    for stage, (width, blocks) in enumerate(
        [(64, 3), (128, 4), (256, 6), (512, 3)], start=2
    ):
        for block in range(blocks):
            name = f"res{stage}{chr(97 + block)}"
            stride = 2 if block == 0 and stage > 2 else 1
            short = x
            if block == 0:
                short = b.normed(
                    f"{name}_1", x, 4 * width, 1, relu=False, stride=stride
                )
            y = b.normed(f"{name}_2a", x, width, 1, stride=stride)
            y = b.normed(f"{name}_2b", y, width, 3, pad=1)
            y = b.normed(f"{name}_2c", y, 4 * width, 1, relu=False)
            b.net[name] = L.Eltwise(short, y)
            b.net[f"{name}_relu"] = L.ReLU(b.net[name], in_place=True)
            x = b.net[name]
    return b.classified(b.average(x))


# Channels of an inception module: 1 x 1; 3 x 3, reduced and full; 5 x 5, likewise; the
# pooled branch's.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet(batch: int) -> caffe_pb2.NetParameter:
    b = Builder(batch)
    x = b.pool("pool1", b.rectified("conv1", b.net.data, 64, 7, stride=2, pad=3))
    b.net.norm1 = L.LRN(x, local_size=5, alpha=1e-4, beta=0.75)
    x = b.rectified("conv2_reduce", b.net.norm1, 64, 1)
    x = b.rectified("conv2", x, 192, 3, pad=1)
    b.net.norm2 = L.LRN(x, local_size=5, alpha=1e-4, beta=0.75)
    x = b.pool("pool2", b.net.norm2)
    for name, (one, three_in, three, five_in, five, pooled) in INCEPTIONS.items():
        branches = [
            b.rectified(f"{name}_1x1", x, one, 1),
            b.rectified(
                f"{name}_3x3",
                b.rectified(f"{name}_3x3r", x, three_in, 1),
                three,
                3,
                pad=1,
            ),
            b.rectified(
                f"{name}_5x5",
                b.rectified(f"{name}_5x5r", x, five_in, 1),
                five,
                5,
                pad=2,
            ),
            b.rectified(
                f"{name}_proj", b.pool(f"{name}_pool", x, stride=1, pad=1), pooled, 1
            ),
        ]
        x = b.net[name] = L.Concat(*branches)
        if name in ("3b", "4e"):
            x = b.pool(f"pool{name[0]}", x)
    return b.classified(b.average(x))


def mobilenet(batch: int) -> caffe_pb2.NetParameter:
    """Version 1, of width 1."""
    b = Builder(batch)
    x, channels = b.normed("conv1", b.net.data, 32, 3, stride=2, pad=1), 32
    for i, (outputs, stride) in enumerate(_mobile_layers(), start=2):
        x = b.normed(
            f"conv{i}_dw", x, channels, 3, pad=1, stride=stride, group=channels
        )
        x = b.normed(f"conv{i}", x, outputs, 1)
        channels = outputs
    return b.classified(b.average(x))


def _mobile_layers() -> Iterator[tuple[int, int]]:
    yield from [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    yield from [(512, 1)] * 5
    yield from [(1024, 2), (1024, 1)]


ZOO = {
    "resnet50": resnet50,
    "googlenet": googlenet,
    "mobilenet": mobilenet,
    "vgg16": vgg16,
}
TITLES = {
    "resnet50": "ResNet-50",
    "googlenet": "GoogLeNet",
    "mobilenet": "MobileNet",
    "vgg16": "VGG-16",
}


def training(network: str, batch: int) -> caffe_pb2.NetParameter:
    """Return a net from "data" and "label" (a class an image) to the loss."""
    net = ZOO[network](batch)
    label = net.layer.add(name="label", type="Input", top=["label"])
    label.input_param.shape.add(dim=[batch])
    net.layer.add(
        name="loss", type="SoftmaxWithLoss", bottom=["scores", "label"], top=["loss"]
    )
    return net


def described(network: str, batch: int) -> list[dict]:
    """Return a net's layers as dictionaries, for whoever has no Caffe."""
    layers = ZOO[network](batch).layer
    return [MessageToDict(layer, preserving_proto_field_name=True) for layer in layers]
