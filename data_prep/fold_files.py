"""Writes a fold's folder: faces, mean image, contact sheets and, last, dataset.json.

Each of its files is whole, or not there yet, so that a killed run goes on.
"""

import hashlib
import io
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep import registration
from data_prep.base import UserError, locked, read_json, stamp, write, write_json
from data_prep.contact_sheet import write_sheet
from data_prep.dataset import FaceFrame, title
from data_prep.face_hdf5 import Hdf5, is_complete
from data_prep.face_lmdb import Record, intensity_file, write_faces
from data_prep.images import decode_jpeg
from data_prep.network_input import read_mean, write_mean
from data_prep.registered_faces import RegisteredFaces, face_key
from data_prep.survey import count_labels

# Of the records' meaning. 2: 0 is also an AU that was not sampled for; 3: intensities
# lie beside DISFA's, BP4D's landmarks count from 0, JPEGs keep a face's detail.
VERSION = 3
REGISTERED = "registered.sqlite"  # beside the folds' folders
UNREADABLE, NO_FACE = "unreadable image", "no face detected"
REMEDY = "choose another --out, or delete that folder"
Faces = dict[bytes, FaceFrame]  # by their keys in REGISTERED, in write order


@dataclass(frozen=True)
class Formats:
    """What is to be written of the faces."""

    names: frozenset[str]  # of "lmdb", "hdf5"
    size: int  # side of a registered face
    crop: int  # side of HDF5's and the sheets' faces
    file_mib: int  # of an HDF5 file at most
    mean: Path | None  # to be used instead of the first split's own
    aligned: Path | None = None  # where each face is to be an image file as well

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
class Fold:
    """All that decides a fold folder's content."""

    options: dict  # the head of dataset.json: dataset, generated, aus, fold, seed, ...
    formats: Formats
    splits: dict[str, list[FaceFrame]]  # in write order; the mean is that of the first
    left_out: dict[str, int]  # frames that never became a face, by reason
    about: dict  # for dataset.json alone
    skip_damaged: bool

    @property
    def val_is_test(self) -> bool:
        """Whether val is another name for test: then `splits` has no val."""
        lists = self.options.get("fold_lists", {})
        return "val" in lists and lists["val"] == lists["test"]

    @property
    def codes_intensities(self) -> bool:
        return any(
            own and own[0].intensities is not None for own in self.splits.values()
        )

    def write(self, out: Path, jobs: int) -> dict:
        """Write what is not there yet, and return the content of dataset.json.

        A killed run goes on: faces that were registered are kept in OUT/..,
        and every file appears once it is complete. Raises UserError where out holds an
        import of other options.
        """
        try:
            self.formats.check_mean()
            with locked(out):
                return self._write(out, jobs)
        except OSError as error:
            raise UserError(
                f"{error.filename or out} cannot be written: {error.strerror}"
            ) from None

    def _write(self, out: Path, jobs: int) -> dict:
        made_with = out / "import.json"
        stamp(made_with, self._made_with(), REMEDY)
        summary = out / "dataset.json"
        before = read_json(summary, f"delete {out}") if summary.exists() else {}
        there = set(before.get("formats", ()))
        registered = RegisteredFaces(out.parent / REGISTERED)
        files = _Files(out, registered, self.formats, jobs)
        done = self.formats.names <= there and files.complete(self)
        done &= self.about.keys() <= before.keys()  # of an earlier import
        if done and not self.formats.aligned:
            return before
        faces, lost = self._register(registered, jobs)
        readable = hashlib.sha256(b"".join(chain(*faces.values()))).hexdigest()
        stamp(made_with, {"readable images": readable}, REMEDY)
        files.write(self, faces)
        splits = {split: _count(list(own.values())) for split, own in faces.items()}
        if self.val_is_test:
            splits |= {"val": splits["test"]}
        record = self.options | {
            "version": VERSION,
            "formats": sorted(self.formats.names | there),
            "splits": splits,
            "left_out": self.left_out | lost,
            **self.about,
        }
        write_json(summary, record)
        return record

    def _made_with(self) -> dict:
        f = self.formats
        mean = hashlib.sha256(f.mean.read_bytes()).hexdigest() if f.mean else None
        hdf5 = {"crop": f.crop, "file MiB": f.file_mib} if "hdf5" in f.names else {}
        return {
            **self.options,
            **hdf5,
            "version": VERSION,
            "on damaged": "skip" if self.skip_damaged else "refuse",
            "mean": mean,
            "faces": _fingerprint(self.splits),
        }

    def _register(
        self, registered: RegisteredFaces, jobs: int
    ) -> tuple[dict[str, Faces], dict[str, int]]:
        """Return the registered faces by split, and how many there are not."""
        size = self.formats.size
        keyed = _by_key(self.splits, size)
        everything = {key: face for own in keyed.values() for key, face in own.items()}
        registered.fill(everything, size, jobs, self.skip_damaged)
        lengths = dict(zip(everything, registered.lengths(everything), strict=True))
        faces = {
            split: {key: face for key, face in own.items() if lengths[key]}
            for split, own in keyed.items()
        }
        if empty := [split for split, own in faces.items() if not own]:
            raise UserError(f"no image of the {empty[0]} split shows a face")
        counts = list(lengths.values())
        return faces, {UNREADABLE: counts.count(None), NO_FACE: counts.count(0)}


@dataclass(frozen=True)
class _Files:
    """The files of a fold's folder that hold faces."""

    out: Path
    registered: RegisteredFaces
    formats: Formats
    jobs: int

    def _mean(self) -> Path:
        return self.out / "mean.binaryproto"

    def _sheet(self, split: str) -> Path:
        return self.out / f"{split}.png"

    def _lmdb(self, split: str) -> Path:
        return self.out / f"{split}_lmdb"

    def _landmarks(self, split: str) -> Path:
        return self.out / f"{split}_landmarks.npy"

    def complete(self, fold: Fold) -> bool:
        """Whether every file of a fold is there."""
        splits = [*fold.splits, *(["val"] if fold.val_is_test else [])]
        parts = [self._mean(), *map(self._sheet, fold.splits)]
        if "lmdb" in self.formats.names:
            parts += map(self._lmdb, splits)
            if fold.codes_intensities:
                parts += [intensity_file(self._lmdb(split)) for split in splits]
        parts += map(self._landmarks, splits)
        whole = all(part.exists() for part in parts)
        if "hdf5" in self.formats.names:
            whole &= all(is_complete(self.out, split) for split in splits)
        return whole

    def write(self, fold: Fold, faces: dict[str, Faces]) -> None:
        """Write what is not there yet; faces: by split."""
        self._write_mean(next(iter(faces.values())))
        for split, own in faces.items():
            if "lmdb" in self.formats.names:
                self._write_lmdb(split, own)
                if fold.codes_intensities:
                    self._write_intensities(split, own)
            if "hdf5" in self.formats.names:
                self._write_hdf5(split, own)
            self._write_landmarks(split, own)
        if fold.val_is_test:
            self._name_test_val(fold)
        name = title(fold.options["dataset"], fold.options["generated"])
        for split, own in faces.items():
            self._write_sheet(split, own, f"{name}, {self.out.name}", fold.options)
        if self.formats.aligned:
            self._write_aligned(fold.options, faces)

    def _write_mean(self, faces: Faces) -> None:
        """Write the mean of the faces, or a copy of the one that was given."""
        if self._mean().exists():
            return
        if self.formats.mean:
            write(self._mean(), self.formats.mean.read_bytes())
            return
        keys = tqdm(faces, "mean face", unit="face", disable=None)
        write_mean(map(decode_jpeg, self.registered.images(keys)), self._mean())

    def _write_lmdb(self, split: str, faces: Faces) -> None:
        folder = self._lmdb(split)
        if folder.exists():
            return
        keys = tqdm(faces, f"{split} (LMDB)", unit="face", disable=None)
        pairs = zip(faces.values(), self.registered.images(keys), strict=True)
        records = (Record(face.name, image, face.labels) for face, image in pairs)
        write_faces(folder, records, self.formats.size)

    def _write_intensities(self, split: str, faces: Faces) -> None:
        file, content = intensity_file(self._lmdb(split)), io.BytesIO()
        if not file.exists():
            np.save(content, np.stack([face.intensities for face in faces.values()]))
            write(file, content.getvalue())

    def _write_hdf5(self, split: str, faces: Faces) -> None:
        files = Hdf5(self.formats.crop, self.formats.file_mib, self._mean())
        labels = [(key, face.labels) for key, face in faces.items()]
        files.write(self.out, split, self.registered, labels, self.jobs)

    def _write_landmarks(self, split: str, faces: Faces) -> None:
        """Write the landmarks in registered faces: (N, 49, 2) float32, as records."""
        content = io.BytesIO()
        np.save(content, self.registered.landmarks(faces, self.formats.size))
        write(self._landmarks(split), content.getvalue())

    def _name_test_val(self, fold: Fold) -> None:
        """Let val be test: solvers and scripts want one, and it costs no room."""
        val, test = self._lmdb("val"), self._lmdb("test")
        links = {self._landmarks("val"): self._landmarks("test")}
        if "lmdb" in self.formats.names:
            links[val] = test
            if fold.codes_intensities:
                links[intensity_file(val)] = intensity_file(test)
        for link, to in links.items():
            if not link.is_symlink():
                link.symlink_to(to.name)
        if "hdf5" in self.formats.names:
            write(self.out / "val.txt", (self.out / "test.txt").read_bytes())

    def _write_sheet(self, split: str, faces: Faces, head: str, options: dict) -> None:
        file, crop = self._sheet(split), self.formats.crop
        if not file.exists():
            items, head = list(faces.items()), f"{head}, {split}"
            write_sheet(file, head, options["aus"], items, self.registered, crop)

    def _write_aligned(self, options: dict, faces: dict[str, Faces]) -> None:
        folder = self.formats.aligned
        made_with = {name: options[name] for name in ("dataset", "generated", "size")}
        made_with |= {"registration": registration.VERSION}
        remedy = "choose another --aligned, or delete that folder"
        stamp(folder / "aligned.json", made_with, remedy)
        everything = {key: face for own in faces.values() for key, face in own.items()}
        self.registered.export(everything, folder)


def _by_key(splits: dict[str, list[FaceFrame]], size: int) -> dict[str, Faces]:
    """Return the splits' faces by their keys; raise UserError where one is twice."""
    everything: Faces = {}
    keyed: dict[str, Faces] = {split: {} for split in splits}
    for split, faces in splits.items():
        for face in faces:
            key = face_key(face, size)
            if key in everything:
                raise UserError(
                    f"{everything[key].name} and {face.name} are one and the same "
                    f"face, of {face.frame.file}: take one of them out"
                )
            everything[key] = keyed[split][key] = face
    return keyed


def _count(faces: list[FaceFrame]) -> dict:
    subjects = sorted({face.subject for face in faces})
    return {"subjects": subjects} | count_labels(np.stack([f.labels for f in faces]))


def _fingerprint(splits: dict[str, list[FaceFrame]]) -> str:
    """Return a hash of every split's names, landmarks and labels, in order."""
    digest = hashlib.sha256()
    for split, faces in splits.items():
        digest.update(split.encode())
        for face in faces:
            points = b"" if face.points is None else face.points.tobytes()
            digest.update(face.name.encode() + points)
            digest.update(face.labels.tobytes())
            if face.intensities is not None:
                digest.update(face.intensities.tobytes())
    return digest.hexdigest()
