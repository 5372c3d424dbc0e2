"""The project's layers in ONNX: the paper's, and those of the authors' release."""

import numpy as np

from drml.export.graph import Layer, converter
from drml.export.layers import normalised, unfold


@converter("Region")
def region(layer: Layer) -> str:
    """Patches as channels: normalisation, ReLU and a convolution of as many groups."""
    param = layer.param.region_param
    C, H, W = layer.shape[1:]
    rows, columns = param.grid_h or param.grid, param.grid_w or param.grid
    h, w = H // rows, W // columns
    patches = rows * columns
    x = layer.reshape(layer.x, 0, C, rows, h, columns, w)
    x = layer.op("Transpose", x, perm=[0, 2, 4, 1, 3, 5])
    x = layer.reshape(x, 0, patches * C, h, w)

    weight, *bias = layer.blobs[:-3]
    known = not param.HasField("use_global_stats") or param.use_global_stats
    z = normalised(layer, x, patches * C, layer.blobs[-3:], param.eps, known)
    pad = [param.kernel_size // 2] * 4
    y = layer.op("Conv", layer.op("Relu", z), weight, *bias, group=patches, pads=pad)

    y = layer.reshape(y, 0, rows, columns, C, h, w)
    y = layer.op("Transpose", y, perm=[0, 3, 1, 4, 2, 5])
    return layer.op("Add", layer.x, layer.reshape(y, 0, C, H, W))


@converter("LocallyConnected")
def locally_connected(layer: Layer) -> str:
    """A matrix product of its own for each position."""
    param = layer.param.locally_connected_param
    k, filters = param.kernel_size, param.num_output
    C, (H, W) = layer.shape[1], layer.top_shapes[0][2:]
    taps = unfold(layer, C, [k] * 2, [param.stride] * 2, [param.pad] * 2, [1] * 2)
    taps = layer.reshape(taps, 0, C * k * k, H * W)
    taps = layer.op("Transpose", taps, perm=[2, 1, 0])  # (P, K, N)
    y = layer.op(
        "MatMul", layer.blobs[0].reshape(H * W, filters, -1), taps
    )  # (P, O, N)
    if param.bias_term:
        y = layer.op("Add", y, layer.blobs[1].reshape(H * W, filters, 1))
    return layer.reshape(layer.op("Transpose", y, perm=[2, 1, 0]), 0, filters, H, W)


@converter("Batch")
def batch(layer: Layer) -> str:
    """BatchNorm under the release's name."""
    param = layer.param.batch_param
    known = not param.HasField("use_global_stats") or param.use_global_stats
    return normalised(layer, layer.x, layer.shape[1], layer.blobs, param.eps, known)


@converter("Box")
def box(layer: Layer) -> list[str]:
    param = layer.param.box_param
    corners = zip(param.ycoord, param.xcoord, strict=True)
    return [
        layer.slice(layer.x, {2: y, 3: x}, {2: y + param.height, 3: x + param.width})
        for y, x in corners
    ]


@converter("Splice")
def splice(layer: Layer) -> str:
    """Patches side by side: rows of them one below the other, or each in its zeros."""
    param = layer.param.splice_param
    h, w = layer.shape[2:]
    H, W = layer.top_shapes[0][2:]
    corners = list(zip(param.ycoord, param.xcoord, strict=True))
    if sorted(corners) == [(y, x) for y in range(0, H, h) for x in range(0, W, w)]:
        at = dict(zip(corners, layer.bottoms, strict=True))
        rows = [
            layer.op("Concat", *(at[y, x] for x in range(0, W, w)), axis=3)
            for y in range(0, H, h)
        ]
        return layer.op("Concat", *rows, axis=2)
    padded = [
        layer.op("Pad", patch, np.array([0, 0, y, x, 0, 0, H - y - h, W - x - w]), 0.0)
        for patch, (y, x) in zip(layer.bottoms, corners, strict=True)
    ]
    return layer.op("Sum", *padded)
