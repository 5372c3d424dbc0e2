"""From a registered face to the network's input, as the data layer does in TEST."""

from pathlib import Path

import numpy as np

from data_prep.base import UserError
from data_prep.network_input import network_input, read_mean

__all__ = ["load_mean", "network_input"]


def load_mean(path: Path, size: int) -> np.ndarray:
    """Read the mean of size x size faces: (3, size, size) float32 BGR, 0..255."""
    mean = read_mean(path)
    if mean.shape != (3, size, size):
        raise UserError(
            f"{path} has shape {mean.shape} where the faces need {(3, size, size)}; "
            "import the dataset again"
        )
    return mean
