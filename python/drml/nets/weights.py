"""What a .caffemodel holds, and whether it fits a net before Caffe aborts on it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import h5py
from google.protobuf.message import DecodeError

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.nets.pycaffe import caffe

Shapes = dict[str, list[tuple[int, ...]]]  # layer name -> shape of each blob
Blobs = dict[str, list[caffe_pb2.BlobProto]]  # layer name -> its blobs
T = TypeVar("T")


def check_weights(path: Path, net: caffe.Net) -> None:
    """Raise UserError unless `path` holds every blob of `net` in its shape.

    Caffe itself only skips a layer that the file lacks, and leaves it untrained.
    """
    stored = stored_shapes(path)
    for layer, blobs in net.params.items():
        wanted = [tuple(blob.shape) for blob in blobs]
        if layer not in stored:
            raise UserError(
                f"{path} has no weights for the net's layer {layer}; "
                "give the net that these weights were trained with"
            )
        if not _fits(stored[layer], wanted):
            raise UserError(
                f"{path} does not fit the net: layer {layer} has shape "
                f"{shapes_text(stored[layer])} in the weights, "
                f"{shapes_text(wanted)} in the net"
            )


def stored_shapes(path: Path) -> Shapes:
    """List the shapes in a .caffemodel, binary or HDF5."""
    return _read(path, _hdf5_shapes, _proto_shapes)


def stored_blobs(path: Path) -> Blobs:
    """Read a .caffemodel, binary or HDF5; layers without weights are left out."""
    return _read(path, _hdf5_blobs, _proto_blobs)


def _read(path: Path, hdf5: Callable[[Path], T], proto: Callable[[Path], T]) -> T:
    if not path.is_file():
        raise UserError(f"{path} does not exist; train the net first")
    try:
        return hdf5(path) if h5py.is_hdf5(path) else proto(path)
    except (OSError, KeyError, DecodeError) as error:
        raise UserError(f"{path} is not a whole .caffemodel ({error})") from None


def _proto_shapes(path: Path) -> Shapes:
    return {
        name: [blob_shape(blob) for blob in blobs]
        for name, blobs in _proto_blobs(path).items()
    }


def _proto_blobs(path: Path) -> Blobs:
    net = caffe_pb2.NetParameter.FromString(path.read_bytes())
    layers = list(net.layer)
    for old in net.layers:  # files of before 2014 (V1), or of before that (V0)
        layers.append(old.layer if old.HasField("layer") else old)
    return {layer.name: list(layer.blobs) for layer in layers if layer.blobs}


def blob_shape(blob: caffe_pb2.BlobProto) -> tuple[int, ...]:
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    if not blob.HasField("num"):  # one value, without axes
        return ()
    return (blob.num, blob.channels, blob.height, blob.width)


def _hdf5_shapes(path: Path) -> Shapes:
    return _hdf5(path, lambda blob: blob.shape)


def _hdf5_blobs(path: Path) -> Blobs:
    return _hdf5(path, lambda blob: caffe.io.array_to_blobproto(blob[()]))


def _hdf5(path: Path, value: Callable[[h5py.Dataset], T]) -> dict[str, list[T]]:
    with h5py.File(path) as file:
        return {
            name: [value(layer[str(i)]) for i in range(len(layer))]
            for name, layer in file["data"].items()
            if len(layer)
        }


def _fits(stored: list[tuple], wanted: list[tuple]) -> bool:
    return len(stored) == len(wanted) and all(
        s in (w, _four_axes(w)) for s, w in zip(stored, wanted, strict=True)
    )


def _four_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give the shape as files of before 2015 do: (32,) is (1, 1, 1, 32)."""
    return (1,) * (4 - len(shape)) + shape


def shapes_text(shapes: list[tuple]) -> str:
    return " + ".join("x".join(map(str, s)) or "scalar" for s in shapes) or "no blob"
