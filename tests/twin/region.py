"""The region layer: section 3.2, Fig. 3."""

from dataclasses import dataclass

import numpy as np

from twin.banks import filtered, filtered_backward, padded, unpadded

EPS = 1e-5  # of batch normalisation
OVER = (1, 3, 4)  # its statistics are over images and pixels of (P, N, C, h, w)


@dataclass(frozen=True)
class Region:
    """Every patch plus its convolution after batch normalisation and ReLU.

    Blobs, patches P of the grid row by row: weights (P C, C, 3, 3), bias (P C).
    """

    grid: int
    size: int = 3

    def forward(self, x, weight, bias, statistics=None):
        """Without statistics (means and variances, (P C) each), use the batch's."""
        parts = self._split(x)
        z, _ = _normalised(parts, statistics)
        active = padded(np.maximum(z, 0), self.size // 2)
        return self._join(parts + filtered(active, weight, bias, self.size))

    def backward(self, dy, x, y, weight, bias):
        """Of the training's form, by the batch's statistics."""
        dparts = self._split(dy)
        z, deviation = _normalised(self._split(x))
        pad = self.size // 2
        dactive, *gradients = filtered_backward(
            dparts, padded(np.maximum(z, 0), pad), weight, self.size
        )
        dz = unpadded(dactive, pad) * (z > 0)
        shift = dz.mean(OVER, keepdims=True)
        stretch = (dz * z).mean(OVER, keepdims=True)
        return self._join(dparts + (dz - shift - z * stretch) / deviation), *gradients

    def _split(self, x):
        """(N, C, H, W) to (P, N, C, h, w)."""
        num, channels, height, width = x.shape
        size = height // self.grid, width // self.grid
        cells = x.reshape(num, channels, self.grid, size[0], self.grid, size[1])
        return cells.transpose(2, 4, 0, 1, 3, 5).reshape(-1, num, channels, *size)

    def _join(self, parts):
        _, num, channels, height, width = parts.shape
        cells = parts.reshape(self.grid, self.grid, num, channels, height, width)
        rows = cells.transpose(2, 3, 0, 4, 1, 5)
        return rows.reshape(num, channels, self.grid * height, self.grid * width)


def _normalised(parts, statistics=None):
    """Return z = (x - mean) / deviation, and the deviation (P, 1, C, 1, 1)."""
    if statistics is None:
        mean = parts.mean(OVER, keepdims=True)
        variance = parts.var(OVER, keepdims=True)
    else:
        mean, variance = (s.reshape(len(parts), 1, -1, 1, 1) for s in statistics)
    deviation = np.sqrt(variance + EPS)
    return (parts - mean) / deviation, deviation
