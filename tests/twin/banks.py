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
    rows = _as_rows(x, size, stride)  # (B, N, H', W', C k k)
    banks, *places, taps = rows.shape
    weight = weight.reshape(banks, -1, taps)  # (B, O, C k k)
    y = rows.reshape(banks, -1, taps) @ weight.swapaxes(1, 2)  # (B, N H' W', O)
    y += bias.reshape(banks, 1, -1)
    return np.moveaxis(y.reshape(banks, *places, -1), -1, 2)


def filtered_backward(dy, x, weight, size, stride=1):
    """Give the gradients of x, weight and bias for dy (B, N, O, H', W')."""
    rows = _as_rows(x, size, stride)  # (B, N, H', W', C k k)
    banks, *places, taps = rows.shape
    dy = np.moveaxis(dy, 2, -1).reshape(banks, -1, dy.shape[2])  # (B, N H' W', O)
    dweight = dy.swapaxes(1, 2) @ rows.reshape(banks, -1, taps)  # (B, O, C k k)
    drows = dy @ weight.reshape(dweight.shape)  # (B, N H' W', C k k)
    parts = drows.reshape(banks, *places, -1, size, size)
    dx = add_windows(np.moveaxis(parts, 4, 2), x.shape, stride)
    return dx, dweight.reshape(weight.shape), dy.sum(axis=1).ravel()


def _as_rows(x, size, stride):
    """Unroll what each output sees: (B, N, C, H, W) to (B, N, H', W', C k k)."""
    view = np.moveaxis(windows(x, size, stride), 2, 4)  # (B, N, H', W', C, k, k)
    return view.reshape(*view.shape[:4], -1)
