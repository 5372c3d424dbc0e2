"""Convolution, shared by all pixels, and its locally connected form."""

from dataclasses import dataclass

import numpy as np

from twin.banks import (
    add_windows,
    filtered,
    filtered_backward,
    padded,
    unpadded,
    windows,
)


@dataclass(frozen=True)
class Convolution:
    """A convolution; with groups, each sees its own channels only.

    Blobs: weights (O, C / groups, size, size), bias (O).
    """

    size: int
    stride: int = 1
    pad: int = 0
    groups: int = 1

    def forward(self, x, weight, bias):
        parts = self._split(padded(x, self.pad))
        return self._join(filtered(parts, weight, bias, self.size, self.stride))

    def backward(self, dy, x, y, weight, bias):
        parts = self._split(padded(x, self.pad))
        dx, *gradients = filtered_backward(
            self._split(dy), parts, weight, self.size, self.stride
        )
        return unpadded(self._join(dx), self.pad), *gradients

    def _split(self, x):
        """(N, G C, H, W) to (G, N, C, H, W)."""
        num, _, *image = x.shape
        return x.reshape(num, self.groups, -1, *image).swapaxes(0, 1)

    def _join(self, x):
        _, num, _, *image = x.shape
        return x.swapaxes(0, 1).reshape(num, -1, *image)


@dataclass(frozen=True)
class LocallyConnected:
    """Filters of its own for each pixel (Taigman et al. 2014), stride 1.

    Blobs, pixels P of the output row by row: weights (P O, C, size, size), bias (P O).
    """

    size: int
    pad: int

    def forward(self, x, weight, bias):
        seen = windows(padded(x, self.pad), self.size)  # (N, C, H', W', k, k)
        y = filtered(_pixels(seen), weight, bias, self.size)  # (P, N, O, 1, 1)
        return _images(y[..., 0, 0], seen.shape[2:4])

    def backward(self, dy, x, y, weight, bias):
        around = padded(x, self.pad)
        seen = windows(around, self.size)
        dseen, *gradients = filtered_backward(
            _pixels(dy)[..., None, None], _pixels(seen), weight, self.size
        )
        dx = add_windows(_images(dseen, dy.shape[2:]), around.shape)
        return unpadded(dx, self.pad), *gradients


def _pixels(x):
    """(N, C, H, W, ...) to (H W, N, C, ...)."""
    x = np.moveaxis(x, (2, 3), (0, 1))
    return x.reshape(-1, *x.shape[2:])


def _images(x, size):
    """(H W, N, C, ...) to (N, C, H, W, ...)."""
    return np.moveaxis(x.reshape(*size, *x.shape[1:]), (0, 1), (2, 3))
