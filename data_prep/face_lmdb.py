"""Caffe's side of the data: an LMDB whose records hold a face and its AU labels.

Key `00000017_F001_T1_2440` (running number, then the face's name); value a `Datum`
with the JPEG in `data` (encoded, 3 x size x size) and a label per AU in `float_data`:
+1 present, -1 absent, 0 unknown. Of a dataset that codes intensities (DISFA) these lie
beside it, in the records' order: test_intensities.npy, records x AUs int8, 0 to 5 and
-1 unknown, so that results can be had at another threshold than the labels'.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import lmdb
import numpy as np

from caffe.proto import caffe_pb2
from data_prep.base import UserError, batches
from data_prep.images import decode_jpeg

MAP_SIZE = 1 << 28  # address space to begin with: it is limited for some (ulimit -v)
RECORDS_A_COMMIT = 200
LONGEST_KEY = 511  # bytes that LMDB allows; the number alone makes a key unique


class Record(NamedTuple):
    """A registered face."""

    name: str
    image: bytes  # JPEG, size x size, BGR
    labels: np.ndarray  # (AUs,) int8


def write_faces(folder: Path, records: Iterable[Record], size: int) -> None:
    """Write an LMDB in the records' order; the folder appears once it is complete."""
    unfinished = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    try:
        _write(unfinished, records, size)
        os.rename(unfinished, folder)
    except lmdb.Error as error:
        raise UserError(f"{folder} cannot be written: {error}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def intensity_file(folder: Path) -> Path:
    """Return the file of intensities that belongs to an LMDB."""
    return folder.with_name(folder.name.replace("_lmdb", "_intensities.npy"))


def _write(folder: Path, records: Iterable[Record], size: int) -> None:
    # One sync at the end will do: the folder does not count before its renaming.
    with lmdb.open(str(folder), map_size=MAP_SIZE, sync=False) as env:
        for batch in batches(enumerate(records), RECORDS_A_COMMIT):
            items = [(_key(i, record), _datum(record, size)) for i, record in batch]
            while not _is_put(env, items):
                env.set_mapsize(2 * env.info()["map_size"])
        env.sync(True)


def _is_put(env: lmdb.Environment, items: list[tuple[bytes, bytes]]) -> bool:
    """Append records, all or none; False where the map is too small for them."""
    try:
        with env.begin(write=True) as txn:
            for key, value in items:
                txn.put(key, value, append=True)
    except lmdb.MapFullError:
        return False
    return True


def _key(number: int, record: Record) -> bytes:
    return f"{number:08d}_{record.name}".encode()[:LONGEST_KEY]


def _datum(record: Record, size: int) -> bytes:
    datum = caffe_pb2.Datum(
        channels=3, height=size, width=size, data=record.image, encoded=True
    )
    datum.float_data.extend(record.labels.tolist())
    return datum.SerializeToString()


def read_faces(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield (key, image, labels) in order.

    image is H x W x 3 uint8 BGR, labels (AUs,) int8. Raises UserError where the folder
    is no LMDB or a record's image is damaged.
    """
    for key, datum in _datums(folder):
        image = decode_jpeg(datum.data) if datum.data else None
        if image is None:
            raise UserError(
                f"{folder}, record {key}: the image is damaged; import again"
            )
        yield key, image, _labels(datum)


def read_labels(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (key, labels) in order, as read_faces does, without decoding a face."""
    for key, datum in _datums(folder):
        yield key, _labels(datum)


def _labels(datum: caffe_pb2.Datum) -> np.ndarray:
    return np.array(datum.float_data, np.int8)


def _datums(folder: Path) -> Iterator[tuple[str, caffe_pb2.Datum]]:
    try:
        env = lmdb.open(str(folder), readonly=True, create=False, lock=False)
    except lmdb.Error as error:
        raise UserError(f"{folder} is no LMDB of faces: {error}") from None
    with env, env.begin() as txn:
        for key, value in txn.cursor():
            yield key.decode(), caffe_pb2.Datum.FromString(value)
