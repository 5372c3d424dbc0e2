"""From a registered face to the network's input, as the data layer does in TEST."""

import numpy as np

_CROPS = {200: 170, 256: 227}  # by the face's side: the paper's, AlexNet's


def usual_crop(size: int) -> int:
    """Return the side of the networks' crop of a size x size face, 0.85 elsewhere."""
    return _CROPS.get(size, round(0.85 * size))


def network_input(
    face: np.ndarray, mean: np.ndarray, height: int, width: int
) -> np.ndarray:
    """Subtract the mean and take the centre crop.

    face: (H, W, 3) uint8 BGR; mean: (3, H, W) float32; returns (3, height, width)
    float32. The crop starts at ((H - height) // 2, (W - width) // 2).
    """
    centred = face.transpose(2, 0, 1).astype(np.float32) - mean
    return centre_crop(centred, height, width)


def centre_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the middle of an image whose last two axes are H and W."""
    top, left = (image.shape[-2] - height) // 2, (image.shape[-1] - width) // 2
    return image[..., top : top + height, left : left + width]
