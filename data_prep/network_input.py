"""From a registered face to the network's input, as the data layer does in TEST: the
mean image, which Caffe's data layers and our scripts subtract, and the centre crop.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from data_prep.base import UserError, write

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


def write_mean(images: Iterable[np.ndarray], file: Path) -> None:
    """Write the mean of at least one H x W x 3 uint8 BGR face."""
    total, faces = 0, 0
    for image in images:
        total = total + image.astype(np.int64)
        faces += 1
    mean = (total / faces).transpose(2, 0, 1)[None]  # (1, 3, H, W)
    blob = _blob_proto()()
    blob.shape.dim.extend(mean.shape)
    blob.data.extend(mean.ravel().tolist())
    write(file, blob.SerializeToString())


def read_mean(file: Path) -> np.ndarray:
    """Return a mean image (`BlobProto`, 1 x 3 x H x W) as (3, H, W) float32 BGR."""
    try:
        blob = _blob_proto().FromString(file.read_bytes())
        return np.array(blob.data, np.float32).reshape(blob.shape.dim[1:])
    except (OSError, DecodeError, ValueError) as error:
        raise UserError(f"{file} is no mean image: {error}") from None


def _blob_proto() -> type:
    from caffe.proto import caffe_pb2  # a dry run needs no built Caffe

    return caffe_pb2.BlobProto
