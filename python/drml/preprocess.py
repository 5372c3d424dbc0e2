"""From a registered face to the network's input, as the data layer does in TEST."""

from pathlib import Path

import numpy as np

from data_prep.errors import UserError
from data_prep.mean_image import read_mean


def load_mean(path: Path, size: int) -> np.ndarray:
    """Read the mean of size x size faces: (3, size, size) float32 BGR, 0..255."""
    mean = read_mean(path)
    if mean.shape != (3, size, size):
        raise UserError(
            f"{path} has shape {mean.shape} where the faces need {(3, size, size)}; "
            "import the dataset again"
        )
    return mean


def network_input(
    face: np.ndarray, mean: np.ndarray, height: int, width: int
) -> np.ndarray:
    """Subtract the mean and take the centre crop.

    face: (H, W, 3) uint8 BGR; mean: (3, H, W) float32; returns (3, height, width)
    float32. The crop starts at ((H - height) // 2, (W - width) // 2).
    """
    top, left = (face.shape[0] - height) // 2, (face.shape[1] - width) // 2
    centred = face.transpose(2, 0, 1).astype(np.float32) - mean
    return centred[:, top : top + height, left : left + width]
