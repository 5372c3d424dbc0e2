"""Caffe's HDF5Data side of the data, and other tools': faces ready for the network.

`<split>_0000.h5`, ...: `data` float32 (N, 3, crop, crop), BGR, the centre crop of the
face less the mean's, as MultilabelData gives it in its TEST phase (HDF5Data itself can
neither crop nor subtract); `label` float32 (N, AUs): +1, -1 or 0. One face is one
chunk, compressed. `<split>.txt` names the files in order, as HDF5Data's `source`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from tqdm import tqdm

from data_prep.base import UserError, batches, replacing, write
from data_prep.images import decode_jpeg
from data_prep.network_input import network_input, read_mean
from data_prep.processes import stream
from data_prep.registered_faces import RegisteredFaces

FILE_OVERHEAD, FACE_OVERHEAD = 1 << 16, 256  # bytes for HDF5's own structures
CAFFES_MIB = 8191  # a blob has at most 2^31 - 1 values of 4 bytes


class Hdf5(NamedTuple):
    """How faces become HDF5 files."""

    crop: int  # side of a face in pixels
    file_mib: int  # no file is larger, on disk or read (HDF5Data reads it as a whole)
    mean: Path

    def write(
        self,
        out: Path,
        split: str,
        store: RegisteredFaces,
        faces: Sequence[tuple[bytes, np.ndarray]],
        jobs: int,
    ) -> None:
        """Write what is not there yet of a split's files, then their list.

        faces: key in the store and labels (AUs,) int8 of every face, in order.
        """
        a_file = faces_a_file(self.file_mib, self.crop, len(faces[0][1]))
        parts = enumerate(batches(faces, a_file))
        files = {out / f"{split}_{i:04d}.h5": part for i, part in parts}
        missing = [
            (file, p, store, self) for file, p in files.items() if not file.exists()
        ]
        total = sum(len(part) for _, part, *_ in missing)
        results = stream(_write_file, missing, jobs)
        for _ in tqdm(results, f"{split} (HDF5)", total, unit="face", disable=None):
            pass
        names = "".join(f"{file}\n" for file in files)
        write(out / f"{split}.txt", names)


def faces_a_file(file_mib: int, crop: int, aus: int) -> int:
    """Return how many faces are within the limit."""
    face = 4 * (3 * crop**2 + aus) + FACE_OVERHEAD
    return ((file_mib << 20) - FILE_OVERHEAD) // face


def is_complete(out: Path, split: str) -> bool:
    """Whether a split's list and all files that it names are there."""
    names = out / f"{split}.txt"
    if not names.exists():
        return False
    return all(
        (out / Path(name).name).exists() for name in names.read_text().splitlines()
    )


def _write_file(task: tuple[Path, list, RegisteredFaces, Hdf5]) -> Iterator[bytes]:
    """Write one file, yielding the key of every face that is in it."""
    file, faces, store, how = task
    with new_hdf5(file) as (content, disk):
        for key in _fill(content, faces, store, how):
            if disk.error:
                break
            yield key


@contextmanager
def new_hdf5(file: Path) -> Iterator[tuple[h5py.File, "DelayedErrorFile"]]:
    """Give a file to fill, which gets its name once it is whole.

    Where disk.error comes up there is no more to be done: UserError is raised.
    """
    with replacing(file) as unfinished:
        disk = None
        try:
            with DelayedErrorFile(unfinished) as disk, h5py.File(disk, "w") as content:
                yield content, disk
        except Exception:  # of HDF5, which reads what was not written
            if not (disk and disk.error):
                raise
        if disk.error:
            raise UserError(f"{file} cannot be written: {disk.error.strerror}")


class DelayedErrorFile(FileIO):
    """A new file whose first error is kept in `error`, and nothing is written then.

    HDF5 crashes the process where it can't write (1.14, disk full): it is to find all
    well, and the error to be raised once its file is closed.
    """

    error: OSError | None = None

    def __init__(self, path):
        super().__init__(path, "w+")

    def write(self, data) -> int:
        """Write all of the data, or keep the error."""
        rest = memoryview(data).cast("B")
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return len(data)


def _fill(
    content: h5py.File, faces: list, store: RegisteredFaces, how: Hdf5
) -> Iterator[bytes]:
    keys, labels = zip(*faces, strict=True)
    mean = read_mean(how.mean)
    data = empty_data(content, len(faces), how.crop)
    for i, image in enumerate(store.images(keys)):
        data[i] = network_input(decode_jpeg(image), mean, how.crop, how.crop)
        yield keys[i]
    content.create_dataset(
        "label", data=np.array(labels, np.float32), chunks=True, compression="gzip",
        track_times=False,
    )  # fmt: skip


def empty_data(content: h5py.File, faces: int, side: int) -> h5py.Dataset:
    """Make room for faces, each a chunk that is compressed when it is written."""
    return content.create_dataset(
        "data", (faces, 3, side, side), np.float32, chunks=(1, 3, side, side),
        compression="gzip", compression_opts=1, shuffle=True, track_times=False,
    )  # fmt: skip
