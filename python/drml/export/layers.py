"""BVLC Caffe's layers, one function each: what they compute at test time, in ONNX.

Names and defaults of options are caffe.proto's. Layers that read data or measure a
loss have no part in a deploy net, and none here.
"""

import math
from math import prod

import numpy as np

from caffe.proto import caffe_pb2
from drml.export.graph import Layer, converter

Pooling = caffe_pb2.PoolingParameter


# ---- A value at a time


@converter("AbsVal")
def absolute(layer: Layer) -> str:
    return layer.op("Abs", layer.x)


@converter("BNLL")
def softplus(layer: Layer) -> str:
    return layer.op("Softplus", layer.x)


@converter("Clip")
def clip(layer: Layer) -> str:
    return layer.op(
        "Clip", layer.x, layer.param.clip_param.min, layer.param.clip_param.max
    )


@converter("Dropout", "Split")
def identity(layer: Layer) -> list[str]:
    return [layer.x] * len(layer.param.top)


@converter("ELU")
def elu(layer: Layer) -> str:
    return layer.op("Elu", layer.x, alpha=layer.param.elu_param.alpha)


@converter("Exp")
def exponential(layer: Layer) -> str:
    """base ^ (shift + scale x); a base of -1 is e."""
    param = layer.param.exp_param
    log = 1.0 if param.base == -1 else math.log(param.base)
    return layer.op("Exp", linear(layer, layer.x, log * param.scale, log * param.shift))


@converter("Log")
def logarithm(layer: Layer) -> str:
    """The logarithm of shift + scale x to a base; -1 is e."""
    param = layer.param.log_param
    log = layer.op("Log", linear(layer, layer.x, param.scale, param.shift))
    return log if param.base == -1 else layer.op("Div", log, math.log(param.base))


@converter("Power")
def power(layer: Layer) -> str:
    """(shift + scale x) ^ power."""
    param = layer.param.power_param
    x = linear(layer, layer.x, param.scale, param.shift)
    return x if param.power == 1 else layer.op("Pow", x, param.power)


def linear(layer: Layer, x: str, scale: float, shift: float) -> str:
    """shift + scale x, in no more nodes than it takes."""
    x = x if scale == 1 else layer.op("Mul", x, scale)
    return x if shift == 0 else layer.op("Add", x, shift)


@converter("PReLU")
def prelu(layer: Layer) -> str:
    slopes = layer.blobs[0].reshape(-1, *[1] * (len(layer.shape) - 2))
    return layer.op("PRelu", layer.x, slopes)


@converter("ReLU")
def relu(layer: Layer) -> str:
    slope = layer.param.relu_param.negative_slope
    if slope:
        return layer.op("LeakyRelu", layer.x, alpha=slope)
    return layer.op("Relu", layer.x)


@converter("Sigmoid")
def sigmoid(layer: Layer) -> str:
    return layer.op("Sigmoid", layer.x)


@converter("Swish")
def swish(layer: Layer) -> str:
    gate = linear(layer, layer.x, layer.param.swish_param.beta, 0)
    return layer.op("Mul", layer.x, layer.op("Sigmoid", gate))


@converter("TanH")
def tanh(layer: Layer) -> str:
    return layer.op("Tanh", layer.x)


@converter("Threshold")
def threshold(layer: Layer) -> str:
    above = layer.op("Greater", layer.x, layer.param.threshold_param.threshold)
    return layer.op("Cast", above, to=1)


# ---- Weighted sums


@converter("Convolution")
def convolution(layer: Layer) -> str:
    return layer.op("Conv", layer.x, *weights(layer), **window(layer))


@converter("Deconvolution")
def deconvolution(layer: Layer) -> str:
    return layer.op("ConvTranspose", layer.x, *weights(layer), **window(layer))


def weights(layer: Layer) -> list[np.ndarray]:
    """The filters, and the bias as a vector, which old files have as 1x1x1xN."""
    return [layer.blobs[0], *(blob.ravel() for blob in layer.blobs[1:])]


def window(layer: Layer) -> dict:
    """The options of a convolution, whose axes are all after the channels'."""
    param = layer.param.convolution_param
    if layer.axis(param.axis) != 1:
        raise layer.refuse("channels are axis 1 in ONNX")
    axes = len(layer.shape) - 2
    pads = sizes(param, "pad", axes, 0)
    return dict(
        kernel_shape=sizes(param, "kernel", axes),
        strides=sizes(param, "stride", axes, 1),
        dilations=[*param.dilation] * (axes if len(param.dilation) == 1 else 1)
        or [1] * axes,
        pads=pads * 2,
        group=param.group,
    )


def sizes(param, name: str, axes: int, default: int = 0) -> list[int]:
    """Read an option of each axis: pad_h and pad_w, or pad, once or for each."""
    if param.HasField(f"{name}_h") or param.HasField(f"{name}_w"):
        return [getattr(param, f"{name}_h"), getattr(param, f"{name}_w")]
    values = getattr(param, "kernel_size" if name == "kernel" else name)
    values = [values] if isinstance(values, int) else list(values)
    return values * (axes if len(values) == 1 else 1) or [default] * axes


def unfold(layer: Layer, channels: int, kernel, stride, pad, dilation) -> str:
    """Caffe's im2col, (N, C k k, H', W'): a convolution by filters of a single 1."""
    taps = prod(kernel)
    filters = np.eye(taps).reshape(1, taps, 1, *kernel).repeat(channels, axis=0)
    return layer.op(
        "Conv",
        layer.x,
        filters.reshape(channels * taps, 1, *kernel),
        kernel_shape=kernel,
        strides=stride,
        dilations=dilation,
        pads=[*pad, *pad],
        group=channels,
    )


@converter("Im2col")
def im2col(layer: Layer) -> str:
    options = window(layer)
    kernel, stride, dilation = (
        options[name] for name in ("kernel_shape", "strides", "dilations")
    )
    pad = options["pads"][: len(kernel)]
    return unfold(layer, layer.shape[1], kernel, stride, pad, dilation)


@converter("InnerProduct")
def inner_product(layer: Layer) -> str:
    param = layer.param.inner_product_param
    axis, outputs = layer.axis(param.axis), param.num_output
    weight = layer.blobs[0].reshape(-1, outputs) if param.transpose else None
    if weight is None:
        weight = layer.blobs[0].reshape(outputs, -1)
    bias = [blob.ravel() for blob in layer.blobs[1:]]
    if axis == 1:
        x = layer.x if len(layer.shape) == 2 else layer.op("Flatten", layer.x, axis=1)
        return layer.op("Gemm", x, weight, *bias, transB=int(not param.transpose))
    flat = (*layer.shape[:axis], prod(layer.shape[axis:]))
    x = layer.shaped(layer.x, layer.shape, flat)
    if not axis:  # a vector: MatMul gives one
        layer.fix_batch()
    y = layer.op("MatMul", x, weight if param.transpose else weight.T)
    return layer.op("Add", y, *bias) if bias else y


@converter("Embed")
def embed(layer: Layer) -> str:
    """Rows of the weights, by number."""
    rows = layer.op("Gather", layer.blobs[0], layer.op("Cast", layer.x, to=7), axis=0)
    return layer.op("Add", rows, layer.blobs[1]) if layer.blobs[1:] else rows


@converter("Bias")
def bias(layer: Layer) -> str:
    return layer.op("Add", layer.x, _beside(layer, layer.param.bias_param.axis))


@converter("Scale")
def scale(layer: Layer) -> str:
    param = layer.param.scale_param
    y = layer.op("Mul", layer.x, _beside(layer, param.axis))
    if not param.bias_term:
        return y
    shape = layer.bottom_shapes[1] if len(layer.bottoms) > 1 else layer.blobs[0].shape
    axis = layer.axis(param.axis) if shape else 0
    return layer.op("Add", y, layer.blobs[-1].reshape(_broadcast(layer, shape, axis)))


def _beside(layer: Layer, axis: int) -> str | np.ndarray:
    """The factor or summand, its axes from `axis` of the first bottom on."""
    axis = layer.axis(axis)
    if len(layer.bottoms) == 1:
        values = layer.blobs[0]
        return values.reshape(_broadcast(layer, values.shape, axis))
    shape = layer.bottom_shapes[1]
    if not shape:
        return layer.bottoms[1]
    if axis == 0 and shape[0] == layer.shape[0]:
        ones = [1] * (len(layer.shape) - len(shape))
        return layer.reshape(layer.bottoms[1], *[0] * len(shape), *ones)
    layer.fix_batch()
    return layer.reshape(layer.bottoms[1], *_broadcast(layer, shape, axis))


def _broadcast(layer: Layer, shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape, *[1] * (len(layer.shape) - axis - len(shape))) if shape else ()


# ---- Normalisation


@converter("BatchNorm")
def batch_norm(layer: Layer) -> str:
    param = layer.param.batch_norm_param
    known = not param.HasField("use_global_stats") or param.use_global_stats
    return normalised(layer, layer.x, layer.shape[1], layer.blobs, param.eps, known)


def normalised(
    layer: Layer, x: str, channels: int, blobs, eps: float, known=True
) -> str:
    """Normalise channels by moving averages, or else by those of the batch itself.

    blobs: sums of means and of variances (C), and of their weights (1).
    """
    if known:
        means, variances, weight = (blob.ravel() for blob in blobs)
        one = 1 / weight if weight[0] else weight  # as Caffe: no iteration, all 0
        ones, zeros = np.ones(channels), np.zeros(channels)
        return layer.op(
            "BatchNormalization",
            x,
            ones,
            zeros,
            means * one,
            variances * one,
            epsilon=eps,
        )
    axes = [axis for axis in range(max(len(layer.shape), 2)) if axis != 1]
    centred = layer.op("Sub", x, layer.op("ReduceMean", x, axes=axes))
    variance = layer.op("ReduceMean", layer.op("Mul", centred, centred), axes=axes)
    deviation = layer.op("Sqrt", layer.op("Add", variance, eps))
    return layer.op("Div", centred, deviation)


@converter("LRN")
def lrn(layer: Layer) -> str:
    param = layer.param.lrn_param
    if param.norm_region == caffe_pb2.LRNParameter.ACROSS_CHANNELS:
        return layer.op(
            "LRN",
            layer.x,
            size=param.local_size,
            alpha=param.alpha,
            beta=param.beta,
            bias=param.k,
        )
    side = param.local_size
    square = layer.op("Mul", layer.x, layer.x)
    pad = (side - 1) // 2
    mean = pooled(layer, square, Pooling.AVE, [side] * 2, [1] * 2, [pad] * 2)
    factor = layer.op("Pow", linear(layer, mean, param.alpha, 1), -param.beta)
    return layer.op("Mul", layer.x, factor)


@converter("MVN")
def mvn(layer: Layer) -> str:
    param = layer.param.mvn_param
    axes = list(range(1 if param.across_channels else 2, len(layer.shape)))
    centred = layer.op("Sub", layer.x, layer.op("ReduceMean", layer.x, axes=axes))
    if not param.normalize_variance:
        return centred
    variance = layer.op("ReduceMean", layer.op("Mul", centred, centred), axes=axes)
    return layer.op(
        "Div", centred, layer.op("Add", layer.op("Sqrt", variance), param.eps)
    )


@converter("Softmax")
def softmax(layer: Layer) -> str:
    axis = layer.axis(layer.param.softmax_param.axis)
    if axis == 0:
        layer.fix_batch()
    return layer.op("Softmax", layer.x, axis=axis)


# ---- Pooling


@converter("Pooling")
def pooling(layer: Layer) -> str:
    param = layer.param.pooling_param
    if len(layer.param.top) > 1:
        raise layer.refuse("ONNX counts the places of maxima otherwise; drop that top")
    if param.global_pooling and param.pool != Pooling.STOCHASTIC:
        kind = "GlobalMaxPool" if param.pool == Pooling.MAX else "GlobalAveragePool"
        return layer.op(kind, layer.x)
    kernel, stride = sizes(param, "kernel", 2), sizes(param, "stride", 2, 1)
    ceil = param.round_mode == Pooling.CEIL
    return pooled(
        layer, layer.x, param.pool, kernel, stride, sizes(param, "pad", 2), ceil
    )


def pooled(layer: Layer, x: str, method, kernel, stride, pad, ceil=True) -> str:
    """Pool as Caffe does, which rounds the output's size up.

    The last windows may reach over the padding's end: by `over` pixels, which are
    padding in ONNX, and of which Caffe's averages take no count, other than of `pad`.
    """
    if method not in (Pooling.MAX, Pooling.AVE):
        raise layer.refuse("stochastic pooling is not for testing")
    over = [
        (outputs(*of, ceil) - 1) * of[2] + of[1] - of[0] - 2 * of[3]
        for of in zip(layer.shape[2:], kernel, stride, pad, strict=True)
    ]
    if method == Pooling.MAX:
        ends = [max(p + o, 0) for p, o in zip(pad, over, strict=True)]
        return layer.op(
            "MaxPool", x, kernel_shape=kernel, strides=stride, pads=[*pad, *ends]
        )
    over = [max(o, 0) for o in over]
    window = dict(kernel_shape=kernel, strides=stride)
    if not any(over):
        return layer.op(
            "AveragePool", x, pads=[*pad, *pad], count_include_pad=1, **window
        )
    if any(pad):
        x = layer.op("Pad", x, np.array([0, 0, *pad, 0, 0, *pad]), 0.0)
    return layer.op("AveragePool", x, pads=[0, 0, *over], **window)


def outputs(size: int, kernel: int, stride: int, pad: int, ceil: bool = True) -> int:
    """Return how many windows Caffe's pooling puts along an axis."""
    last = size + 2 * pad - kernel
    count = (-(-last // stride) if ceil else last // stride) + 1
    # A window that would start in the padding behind the image is dropped.
    return count - 1 if pad and (count - 1) * stride >= size + pad else count


@converter("SPP")
def spatial_pyramid(layer: Layer) -> str:
    """Pooling into 1, 2 x 2, 4 x 4, ... bins, one after another."""
    param = layer.param.spp_param
    levels = []
    for level in range(param.pyramid_height):
        bins = 2**level
        kernel = [-(-size // bins) for size in layer.shape[2:]]
        pad = [
            (k * bins - size + 1) // 2
            for k, size in zip(kernel, layer.shape[2:], strict=True)
        ]
        levels.append(pooled(layer, layer.x, param.pool, kernel, kernel, pad))
    if len(levels) == 1:  # as Caffe
        return levels[0]
    flat = [layer.op("Flatten", level, axis=1) for level in levels]
    return layer.op("Concat", *flat, axis=1)


# ---- Several blobs


@converter("Concat")
def concat(layer: Layer) -> str:
    param = layer.param.concat_param
    axis = param.concat_dim if param.HasField("concat_dim") else layer.axis(param.axis)
    if axis == 0:
        layer.fix_batch()
    return layer.op("Concat", *layer.bottoms, axis=axis)


@converter("Eltwise")
def eltwise(layer: Layer) -> str:
    param = layer.param.eltwise_param
    if param.operation == caffe_pb2.EltwiseParameter.MAX:
        return layer.op("Max", *layer.bottoms)
    if param.operation == caffe_pb2.EltwiseParameter.PROD:
        product = layer.x
        for factor in layer.bottoms[1:]:
            product = layer.op("Mul", product, factor)
        return product
    coefficients = param.coeff or [1] * len(layer.bottoms)
    summands = [
        linear(layer, x, coefficient, 0)
        for x, coefficient in zip(layer.bottoms, coefficients, strict=True)
    ]
    return layer.op("Sum", *summands)


@converter("BatchReindex")
def batch_reindex(layer: Layer) -> str:
    layer.fix_batch()
    numbers = layer.op("Cast", layer.bottoms[1], to=7)
    return layer.op("Gather", layer.x, numbers, axis=0)


@converter("Silence")
def silence(layer: Layer) -> None:
    return None


@converter("Parameter")
def parameter(layer: Layer) -> str:
    layer.fix_batch()
    return layer.constant(layer.blobs[0])


# ---- Shapes


@converter("Flatten")
def flatten(layer: Layer) -> str:
    return layer.shaped(layer.x, layer.shape, layer.top_shapes[0])


@converter("Reshape")
def reshape(layer: Layer) -> str:
    """The batch stays free where it is a 0, or the one -1, or before what changes."""
    param = layer.param.reshape_param
    axes = param.shape.dim
    first = (
        layer.axis(param.axis) if param.axis >= 0 else 1 + param.axis + len(layer.shape)
    )
    if first == 0 and (not axes or axes[0] > 0):
        layer.fix_batch()
    return layer.shaped(layer.x, layer.shape, layer.top_shapes[0])


@converter("Crop")
def crop(layer: Layer) -> str:
    """Cut the first bottom to the second's size."""
    param = layer.param.crop_param
    first = layer.axis(param.axis)
    if first == 0:
        layer.fix_batch()
    axes = range(first, len(layer.shape))
    offsets = list(param.offset) or [0]
    offsets *= len(axes) if len(offsets) == 1 else 1
    starts = dict(zip(axes, offsets, strict=True))
    ends = {axis: starts[axis] + layer.bottom_shapes[1][axis] for axis in axes}
    return layer.slice(layer.x, starts, ends)


@converter("Slice")
def slice_(layer: Layer) -> list[str]:
    param = layer.param.slice_param
    axis = param.slice_dim if param.HasField("slice_dim") else layer.axis(param.axis)
    if axis == 0:
        layer.fix_batch()
    parts = np.array([shape[axis] for shape in layer.top_shapes])
    if len(parts) == 1:
        return [layer.x]
    return layer.op("Split", layer.x, parts, outputs=len(parts), axis=axis)


@converter("Tile")
def tile(layer: Layer) -> str:
    axis = layer.axis(layer.param.tile_param.axis)
    if axis == 0:
        layer.fix_batch()
    times = np.ones(len(layer.shape), np.int64)
    times[axis] = layer.param.tile_param.tiles
    return layer.op("Tile", layer.x, times)


# ---- Summaries


@converter("ArgMax")
def arg_max(layer: Layer) -> str:
    """The places of the k largest values, or the values, or both."""
    param = layer.param.argmax_param
    if param.HasField("axis"):
        axis, x = layer.axis(param.axis), layer.x
    else:
        axis, x = 1, layer.op("Flatten", layer.x, axis=1)
    if axis == 0:
        layer.fix_batch()
    values, places = layer.op("TopK", x, np.array([param.top_k]), outputs=2, axis=axis)
    places = layer.op("Cast", places, to=1)
    if param.HasField("axis"):
        return values if param.out_max_val else places
    ones = [1] * (len(layer.top_shapes[0]) - 3)
    places = layer.reshape(places, 0, 1, param.top_k, *ones)
    if not param.out_max_val:
        return places
    values = layer.reshape(values, 0, 1, param.top_k, *ones)
    return layer.op("Concat", places, values, axis=1)


@converter("Reduction")
def reduction(layer: Layer) -> str:
    param = layer.param.reduction_param
    axis = layer.axis(param.axis)
    if axis == 0:
        layer.fix_batch()
    axes = list(range(axis, len(layer.shape)))
    kind = caffe_pb2.ReductionParameter.ReductionOp.Name(param.operation)
    if kind == "SUM":  # its axes became an input in this opset
        total = layer.op("ReduceSum", layer.x, np.array(axes), keepdims=0)
    else:
        of = {"ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}
        total = layer.op(of[kind], layer.x, axes=axes, keepdims=0)
    return linear(layer, total, param.coeff, 0)
