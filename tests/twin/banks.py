"""Banks of filters that each convolve their own part of the input.

The channels of a group, a patch of the grid, the window around one pixel: convolution,
the region layer and the locally connected layer differ only in these parts.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(x, size, stride=1):
    """View every window of an image: (..., H, W) to (..., H', W', size, size)."""
    view = sliding_window_view(x, (size, size), axis=(-2, -1))
    return view[..., ::stride, ::stride, :, :]


def add_windows(parts, shape, stride=1):
    """Sum windows into an image of that shape, each where `windows` sees it."""
    *_, rows, columns, size, _ = parts.shape
    x = np.zeros(shape)
    for i, j in np.ndindex(size, size):
        across = slice(j, j + stride * columns, stride)
        x[..., i : i + stride * rows : stride, across] += parts[..., i, j]
    return x


def padded(x, pad):
    """Put `pad` zeros around images (..., H, W)."""
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(pad, pad)] * 2)


def unpadded(x, pad):
    """Take the padding off again."""
    return x[..., pad : x.shape[-2] - pad, pad : x.shape[-1] - pad]


def filtered(x, weight, bias, size, stride=1):
    """Convolve parts (B, N, C, H, W), each by its bank: (B, N, O, H', W').

    weight (B O, C, size, size), bias (B O).
    """
    columns = _columns(x, size, stride)  # (B, C, k, k, N, H', W')
    banks, channels, _, _, num, rows, cols = columns.shape
    taps = channels * size * size
    weight = weight.reshape(banks, -1, taps)  # (B, O, C k k)
    y = weight @ columns.reshape(banks, taps, -1)  # (B, O, N H' W')
    y += bias.reshape(banks, -1, 1)
    return y.reshape(banks, -1, num, rows, cols).swapaxes(1, 2)


def filtered_backward(dy, x, weight, size, stride=1):
    """Give the gradients of x, weight and bias for dy (B, N, O, H', W')."""
    columns = _columns(x, size, stride)  # (B, C, k, k, N, H', W')
    banks, outputs = len(x), dy.shape[2]
    dy = dy.swapaxes(1, 2).reshape(banks, outputs, -1)  # (B, O, N H' W')
    dweight = dy @ columns.reshape(banks, -1, dy.shape[2]).swapaxes(1, 2)
    dcolumns = weight.reshape(dweight.shape).swapaxes(1, 2) @ dy
    parts = dcolumns.reshape(columns.shape).transpose(0, 4, 1, 5, 6, 2, 3)
    dx = add_windows(parts, x.shape, stride)
    return dx, dweight.reshape(weight.shape), dy.sum(axis=2).ravel()


def _columns(x, size, stride):
    """Unroll what each output sees: (B, N, C, H, W) to (B, C, k, k, N, H', W')."""
    view = windows(x, size, stride)  # (B, N, C, H', W', k, k)
    return np.ascontiguousarray(view.transpose(0, 2, 5, 6, 1, 3, 4))
