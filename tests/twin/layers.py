"""The layers without filters, and the fully connected one."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import correlate1d

from twin.banks import add_windows, windows


class ReLU:
    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, dy, x, y):
        # Of the output: what works in place has overwritten its input.
        return (dy * (y > 0),)


@dataclass(frozen=True)
class Dropout:
    """What is kept, where mask is true, is scaled so that the mean stays."""

    ratio: float = 0.5

    def forward(self, x, mask):
        return x * mask / (1 - self.ratio)

    def backward(self, dy, x, y, mask):
        return (dy * mask / (1 - self.ratio),)


@dataclass(frozen=True)
class MaxPool:
    """Windows must fill the image exactly, as those of the paper's networks do."""

    size: int
    stride: int

    def forward(self, x):
        return windows(x, self.size, self.stride).max(axis=(-2, -1))

    def backward(self, dy, x, y):
        seen = windows(x, self.size, self.stride)  # (N, C, H', W', k, k)
        parts = np.zeros(seen.shape)
        flat = parts.reshape(*dy.shape, -1)
        first = seen.reshape(flat.shape).argmax(axis=-1)  # of several maxima
        np.put_along_axis(flat, first[..., None], dy[..., None], axis=-1)
        return (add_windows(parts, x.shape, self.stride),)


@dataclass(frozen=True)
class LocalResponseNorm:
    """Krizhevsky et al. 2012, with 1 for their k and alpha over the window's size."""

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75

    def forward(self, x):
        return x * self._scale(x) ** -self.beta

    def backward(self, dy, x, y):
        scale = self._scale(x)
        shared = self._neighbours(dy * x * scale ** (-self.beta - 1))
        factor = 2 * self.alpha * self.beta / self.size
        return (dy * scale**-self.beta - factor * x * shared,)

    def _scale(self, x):
        return 1 + self.alpha / self.size * self._neighbours(x * x)

    def _neighbours(self, x):
        """Sum over the `size` channels around each; beyond the edges is nothing."""
        return correlate1d(x, np.ones(self.size), axis=1, mode="constant")


class FullyConnected:
    """Blobs: weights (outputs, inputs), bias (outputs)."""

    def forward(self, x, weight, bias):
        return x.reshape(len(x), -1) @ weight.T + bias

    def backward(self, dy, x, y, weight, bias):
        rows = x.reshape(len(x), -1)
        return (dy @ weight).reshape(x.shape), dy.T @ rows, dy.sum(axis=0)
