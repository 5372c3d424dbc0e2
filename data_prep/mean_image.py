"""The mean face: what Caffe's data layers and our scripts subtract from every face."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from data_prep.atomic import write_bytes
from data_prep.errors import UserError


def write_mean(images: Iterable[np.ndarray], file: Path) -> None:
    """Write the mean of at least one H x W x 3 uint8 BGR face."""
    from caffe.proto import caffe_pb2  # here, so that a survey needs no Caffe

    total, faces = 0, 0
    for image in images:
        total = total + image.astype(np.int64)
        faces += 1
    mean = (total / faces).transpose(2, 0, 1)[None]  # (1, 3, H, W)
    blob = caffe_pb2.BlobProto()
    blob.shape.dim.extend(mean.shape)
    blob.data.extend(mean.ravel().tolist())
    write_bytes(file, blob.SerializeToString())


def read_mean(file: Path) -> np.ndarray:
    """Return a mean image (`BlobProto`, 1 x 3 x H x W) as (3, H, W) float32 BGR."""
    from caffe.proto import caffe_pb2  # here, so that a survey needs no Caffe

    try:
        blob = caffe_pb2.BlobProto.FromString(file.read_bytes())
        return np.array(blob.data, np.float32).reshape(blob.shape.dim[1:])
    except (OSError, DecodeError, ValueError) as error:
        raise UserError(f"{file} is no mean image: {error}") from None
