"""Stochastic gradient descent as the paper's training does it: section 4.1."""

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg.blas import daxpy

# Of weights and of biases: multiples of rate and decay (the authors' release).
MULTIPLES = (1, 1), (2, 0)


@dataclass
class Sgd:
    """v = momentum v + rate (g + decay w), then w -= v."""

    base_rate: float = 0.001
    momentum: float = 0.9
    decay: float = 0.0005
    gamma: float = 0.1
    step: int = 8000
    velocities: dict = field(default_factory=dict)  # by layer, as the weights

    def rate(self, iteration):
        return self.base_rate * self.gamma ** (iteration // self.step)

    def update(self, weights, gradients, iteration):
        """Change the weights, {layer: (weights, bias)}, in place."""
        for layer, blobs in weights.items():
            if layer not in self.velocities:
                self.velocities[layer] = [np.zeros_like(w) for w in blobs]
            velocities = self.velocities[layer]
            for w, g, v, (rate, decay) in zip(
                blobs, gradients[layer], velocities, MULTIPLES, strict=True
            ):
                rate *= self.rate(iteration)
                v *= self.momentum
                _add(rate, g, v)
                _add(rate * decay * self.decay, w, v)
                w -= v


def _add(factor, x, y):
    """y += factor x, without a temporary: LCN's would be of 2 GB."""
    daxpy(x.ravel(), y.ravel(), a=factor)
