"""The files of a fold's folder that hold faces: each is whole, or not there yet."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data_prep import jpeg
from data_prep.atomic import write_bytes
from data_prep.contact_sheet import write_sheet
from data_prep.errors import UserError
from data_prep.face_hdf5 import Hdf5, is_complete
from data_prep.face_lmdb import write_faces
from data_prep.face_store import FaceStore
from data_prep.mean_image import read_mean, write_mean
from data_prep.records import Face, Record

Faces = dict[bytes, Face]  # by their keys in the store, in write order


@dataclass(frozen=True)
class Formats:
    """What is to be written of the faces."""

    names: frozenset[str]  # of "lmdb", "hdf5"
    size: int  # side of a registered face
    crop: int  # side of HDF5's and the sheets' faces
    file_mib: int  # of an HDF5 file at most
    mean: Path | None  # to be used instead of the first split's own

    def check_mean(self) -> None:
        """Raise UserError where a mean that was given is of faces of another size."""
        if self.mean is None:
            return
        _, height, width = read_mean(self.mean).shape
        if (height, width) != (self.size, self.size):
            raise UserError(
                f"{self.mean} is the mean of faces of {width} x {height} pixels, these "
                f"have {self.size} x {self.size}: give another --mean or --size"
            )


@dataclass(frozen=True)
class FoldFiles:
    """A fold's folder and the store that its faces come from."""

    out: Path
    store: FaceStore
    formats: Formats
    jobs: int

    @property
    def _mean(self) -> Path:
        return self.out / "mean.binaryproto"

    def complete(self, splits: Iterable[str]) -> bool:
        """Whether every file of these splits is there."""
        parts = [self._mean, *(self._sheet(split) for split in splits)]
        if "lmdb" in self.formats.names:
            parts += [self._lmdb(split) for split in splits]
        whole = all(part.exists() for part in parts)
        if "hdf5" in self.formats.names:
            whole &= all(is_complete(self.out, split) for split in splits)
        return whole

    def _sheet(self, split: str) -> Path:
        return self.out / f"{split}.png"

    def _lmdb(self, split: str) -> Path:
        return self.out / f"{split}_lmdb"

    def write_mean(self, faces: Faces) -> None:
        """Write the mean of the faces, or a copy of the one that was given."""
        if self._mean.exists():
            return
        if self.formats.mean:
            write_bytes(self._mean, self.formats.mean.read_bytes())
            return
        images = self.store.images(tqdm(faces, "mean face", unit="face", disable=None))
        write_mean(map(jpeg.decode, images), self._mean)

    def write_split(self, split: str, faces: Faces) -> None:
        """Write a split as LMDB, HDF5 files, or both; the mean must be there."""
        if "lmdb" in self.formats.names:
            self._write_lmdb(split, faces)
        if "hdf5" in self.formats.names:
            files = Hdf5(self.formats.crop, self.formats.file_mib, self._mean)
            labels = [(key, face.labels) for key, face in faces.items()]
            files.write(self.out, split, self.store, labels, self.jobs)

    def _write_lmdb(self, split: str, faces: Faces) -> None:
        folder = self._lmdb(split)
        if folder.exists():
            return
        keys = tqdm(faces, f"{split} (LMDB)", unit="face", disable=None)
        pairs = zip(faces.values(), self.store.images(keys), strict=True)
        records = (Record(face.name, image, face.labels) for face, image in pairs)
        write_faces(folder, records, self.formats.size)

    def write_sheet(self, split: str, faces: Faces, title: str, aus: list[int]) -> None:
        """Write the contact sheet of a split."""
        file = self._sheet(split)
        if not file.exists():
            items = list(faces.items())
            write_sheet(file, title, aus, items, self.store, self.formats.crop)
