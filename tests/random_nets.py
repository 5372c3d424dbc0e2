"""Nets drawn at random, in which what passes between layers meets in many ways."""

import random
from collections.abc import Sequence
from math import ceil, prod

from caffe.proto import caffe_pb2
from drml.nets.pycaffe import caffe  # before its protocol buffers

CAFFE = caffe_pb2.ConvolutionParameter.CAFFE
WITH_ENGINE = {
    "BatchNorm": "batch_norm_param",
    "Concat": "concat_param",
    "Convolution": "convolution_param",
    "Eltwise": "eltwise_param",
    "InnerProduct": "inner_product_param",
    "LRN": "lrn_param",
    "Pooling": "pooling_param",
    "ReLU": "relu_param",
    "Region": "region_param",
    "Scale": "scale_param",
}
# Their backward passes do without their own tops, which may be overwritten.
BEFORE_IN_PLACE = (
    "Convolution", "InnerProduct", "BatchNorm", "Scale", "Eltwise", "Concat", "Region",
)  # fmt: skip
SPREAD = 0.6  # of weights, over the root of a sum's terms


class RandomNet:
    """A net of the default engine, `param`, and the same of Caffe's own code."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        axes = self.random.choice([4, 4, 4, 4, 3, 5])
        side = {3: (6, 40), 4: (4, 20), 5: (4, 7)}[axes]
        shape = [self.random.choice([1, 2, 3, 8, 16, 17, 20])]
        shape += [self.random.randint(*side) for _ in range(axes - 2)]
        self.param = caffe_pb2.NetParameter(force_backward=True)
        self.param.state.phase = caffe_pb2.TRAIN
        data = self.param.layer.add(name="data", type="Input", top=["data"])
        self.batch = self.random.choice([1, 2, 4, 5])
        data.input_param.shape.add().dim.extend([self.batch, *shape])
        self.shapes = {"data": tuple(shape)}  # of one image
        self.made_by = {"data": "Input"}
        self.last = "data"
        layers = self.random.randint(2, 9)
        while len(self.param.layer) <= layers:
            add = self.random.choices(*zip(*KINDS, strict=True))[0]
            add(self, self._bottom())

    def of_caffe(self) -> caffe_pb2.NetParameter:
        net = caffe_pb2.NetParameter()
        net.CopyFrom(self.param)
        for layer in net.layer:
            if layer.type in WITH_ENGINE:
                getattr(layer, WITH_ENGINE[layer.type]).engine = CAFFE
        return net

    def _bottom(self) -> str:
        # An earlier blob is split.
        if self.random.random() < 0.75:
            return self.last
        return self.random.choice(sorted(self.shapes))

    def _is_used(self, blob: str) -> bool:
        return any(blob in layer.bottom for layer in self.param.layer)

    def _layer(self, kind: str, bottoms: Sequence[str], shape, in_place: float = 0.0):
        """Add a layer; `shape` None where it cannot be."""
        if shape is None or min(shape) < 1 or prod(shape) > 40_000:
            return None
        name = f"{kind.lower()}{len(self.param.layer)}"
        top = name
        if self.random.random() < in_place and self._may_be_overwritten(bottoms[0]):
            top = bottoms[0]
        layer = self.param.layer.add(name=name, type=kind, bottom=bottoms, top=[top])
        self.shapes[top], self.made_by[top], self.last = tuple(shape), kind, top
        return layer

    def _may_be_overwritten(self, blob: str) -> bool:
        return self.made_by[blob] in BEFORE_IN_PLACE and not self._is_used(blob)

    # ---- Layers

    def convolution(self, bottom: str) -> None:
        channels, *sides = self.shapes[bottom]
        if not sides:
            return
        kernel, pad = (
            self.random.choice([1, 1, 2, 3, 3, 3, 5]),
            self.random.randint(0, 2),
        )
        stride, dilation = (
            self.random.choice([1, 1, 1, 2]),
            self.random.choice([1, 1, 2]),
        )
        outputs = self.random.choice([1, 2, 3, 6, 8, 16, 17, 24, 32])
        groups = [
            g for g in (1, 1, 2, 4, channels) if not (channels % g or outputs % g)
        ]
        spread = dilation * (kernel - 1) + 1
        size = [(side + 2 * pad - spread) // stride + 1 for side in sides]
        if self.random.random() < 0.15 and dilation == 1:
            return self.deconvolution(bottom, outputs, kernel, stride)
        layer = self._layer("Convolution", [bottom], [outputs, *size])
        if layer is None:
            return None
        convolution = layer.convolution_param
        convolution.num_output, convolution.group = outputs, self.random.choice(groups)
        convolution.kernel_size.append(kernel)
        convolution.pad.append(pad)
        convolution.stride.append(stride)
        convolution.dilation.append(dilation)
        convolution.bias_term = self.random.random() < 0.8
        fill(convolution, channels // convolution.group * kernel ** len(sides))
        return None

    def deconvolution(self, bottom: str, outputs: int, kernel: int, stride: int):
        channels, *sides = self.shapes[bottom]
        size = [stride * (side - 1) + kernel for side in sides]
        layer = self._layer("Deconvolution", [bottom], [outputs, *size])
        if layer is not None:
            layer.convolution_param.num_output = outputs
            layer.convolution_param.kernel_size.append(kernel)
            layer.convolution_param.stride.append(stride)
            fill(layer.convolution_param, channels * kernel ** len(sides))

    def inner_product(self, bottom: str) -> None:
        outputs = self.random.choice([1, 3, 8, 12, 20])
        layer = self._layer("InnerProduct", [bottom], [outputs])
        if layer is not None:
            layer.inner_product_param.num_output = outputs
            layer.inner_product_param.bias_term = self.random.random() < 0.8
            fill(layer.inner_product_param, prod(self.shapes[bottom]))

    def pooling(self, bottom: str) -> None:
        shape = self.shapes[bottom]
        kernel, stride = self.random.choice([2, 3]), self.random.choice([1, 2, 2, 3])
        pad = self.random.randint(0, kernel - 1)
        if len(shape) != 3 or min(shape[1:]) < kernel:
            return
        size = [self._pooled(side, kernel, stride, pad) for side in shape[1:]]
        layer = self._layer("Pooling", [bottom], [shape[0], *size])
        if layer is not None:
            pooling = layer.pooling_param
            pooling.pool = self.random.choice([pooling.MAX, pooling.MAX, pooling.AVE])
            pooling.kernel_size, pooling.stride, pooling.pad = kernel, stride, pad

    @staticmethod
    def _pooled(side: int, kernel: int, stride: int, pad: int) -> int:
        size = ceil((side + 2 * pad - kernel) / stride) + 1
        # Caffe drops a window that begins in the padding.
        return size - (pad > 0 and (size - 1) * stride >= side + pad)

    def region(self, bottom: str) -> None:
        shape = self.shapes[bottom]
        if len(shape) != 3:
            return
        grids = [g for g in (1, 2, 3, 4, 5) if not (shape[1] % g or shape[2] % g)]
        layer = self._layer("Region", [bottom], shape)
        if layer is not None:
            layer.region_param.grid = self.random.choice(grids)
            layer.region_param.kernel_size = self.random.choice([1, 3, 3, 5])
            fill(layer.region_param, shape[0] * layer.region_param.kernel_size**2)

    def lrn(self, bottom: str) -> None:
        if len(self.shapes[bottom]) != 3:
            return
        layer = self._layer("LRN", [bottom], self.shapes[bottom])
        if layer is not None:
            layer.lrn_param.local_size = self.random.choice([3, 5])
            layer.lrn_param.alpha, layer.lrn_param.beta = 0.5, 0.75
            if self.random.random() < 0.3:
                layer.lrn_param.norm_region = layer.lrn_param.WITHIN_CHANNEL

    def relu(self, bottom: str) -> None:
        layer = self._layer("ReLU", [bottom], self.shapes[bottom], in_place=0.7)
        if layer is not None and self.random.random() < 0.3:
            layer.relu_param.negative_slope = 0.2

    def batch_norm(self, bottom: str) -> None:
        shape = self.shapes[bottom]
        if len(shape) == 1 or prod(shape[1:]) < 4:
            return  # of too few values
        layer = self._layer("BatchNorm", [bottom], shape, in_place=0.6)
        if layer is not None:
            layer.batch_norm_param.use_global_stats = False
            layer.batch_norm_param.eps = 0.1

    def scale(self, bottom: str) -> None:
        layer = self._layer("Scale", [bottom], self.shapes[bottom], in_place=0.6)
        if layer is not None:
            layer.scale_param.bias_term = self.random.random() < 0.8
            layer.scale_param.filler.type = "gaussian"

    def other(self, bottom: str) -> None:
        kinds = ["Sigmoid", "TanH", "ELU", "Power", "Softmax"]
        if len(self.shapes[bottom]) < 4:
            kinds.append("PReLU")
        kind = self.random.choice(kinds)
        layer = self._layer(kind, [bottom], self.shapes[bottom])
        if layer is not None and kind == "Power":
            layer.power_param.scale, layer.power_param.shift = -1.5, 0.3

    def eltwise(self, bottom: str) -> None:
        shape = self.shapes[bottom]
        others = [b for b in self.shapes if b != bottom and self.shapes[b] == shape]
        if not others:
            return
        layer = self._layer("Eltwise", [bottom, self.random.choice(others)], shape)
        if layer is not None:
            kinds = caffe_pb2.EltwiseParameter
            layer.eltwise_param.operation = self.random.choice(
                [kinds.SUM, kinds.SUM, kinds.PROD, kinds.MAX]
            )
            if (
                layer.eltwise_param.operation == kinds.SUM
                and self.random.random() < 0.5
            ):
                layer.eltwise_param.coeff.extend([0.5, -2])

    def concat(self, bottom: str) -> None:
        channels, *sides = self.shapes[bottom]
        others = [
            b for b, s in self.shapes.items() if b != bottom and s[1:] == (*sides,)
        ]
        if others:
            other = self.random.choice(others)
            shape = [channels + self.shapes[other][0], *sides]
            self._layer("Concat", [bottom, other], shape)

    def slice(self, bottom: str) -> None:
        channels, *sides = self.shapes[bottom]
        if channels < 2:
            return
        at = self.random.randint(1, channels - 1)
        layer = self._layer("Slice", [bottom], [at, *sides])
        if layer is not None:
            layer.slice_param.axis = 1
            layer.slice_param.slice_point.append(at)
            rest = f"{layer.name}_rest"
            layer.top.append(rest)
            self.shapes[rest], self.made_by[rest] = (channels - at, *sides), "Slice"

    def reshape(self, bottom: str) -> None:
        """The same memory in another shape."""
        shape = self.shapes[bottom]
        if self.random.random() < 0.5:
            self._layer("Flatten", [bottom], [prod(shape)])
            return
        layer = self._layer("Reshape", [bottom], [*shape[1:], shape[0]])
        if layer is not None:
            layer.reshape_param.shape.dim.extend([0, *shape[1:], shape[0]])


def fill(param, terms: int) -> None:
    param.weight_filler.type = "gaussian"
    param.weight_filler.std = SPREAD / terms**0.5
    param.bias_filler.type = "gaussian"
    param.bias_filler.std = 0.3


KINDS = [
    (RandomNet.convolution, 8),
    (RandomNet.relu, 5),
    (RandomNet.pooling, 4),
    (RandomNet.batch_norm, 2),
    (RandomNet.scale, 2),
    (RandomNet.lrn, 2),
    (RandomNet.region, 2),
    (RandomNet.eltwise, 3),
    (RandomNet.concat, 3),
    (RandomNet.slice, 1),
    (RandomNet.reshape, 1),
    (RandomNet.inner_product, 1),
    (RandomNet.other, 1),
]

__all__ = ["RandomNet", "caffe"]
