"""Writes a fold's folder: faces, mean face, contact sheets and, last, dataset.json."""

import hashlib
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from data_prep.claim import alone, claim, read_json, write_json
from data_prep.errors import UserError
from data_prep.face_store import FaceStore
from data_prep.face_summary import count_labels
from data_prep.fold_files import Faces, FoldFiles, Formats
from data_prep.records import Face
from data_prep.register_faces import face_key
from data_prep.source import title

VERSION = 2  # of the records' meaning; 2: 0 is also an AU that was not sampled for
STORE = "registered.sqlite"  # beside the folds' folders
UNREADABLE, NO_FACE = "unreadable image", "no face detected"


@dataclass(frozen=True)
class FaceDataset:
    """All that decides a fold folder's content."""

    options: dict  # the head of dataset.json: dataset, generated, aus, fold, seed, ...
    formats: Formats
    splits: dict[str, list[Face]]  # in write order; the mean is that of the first
    left_out: dict[str, int]  # frames that never became a face, by reason
    about: dict  # for dataset.json alone
    skip_damaged: bool

    def write(self, out: Path, jobs: int) -> dict:
        """Write what is not there yet, and return the content of dataset.json.

        A killed run goes on: faces that were registered are kept in OUT/..,
        and every file appears once it is complete. Raises UserError where out holds an
        import of other options.
        """
        try:
            self.formats.check_mean()
            with alone(out):
                return self._write(out, jobs)
        except OSError as error:
            raise UserError(
                f"{error.filename or out} cannot be written: {error.strerror}"
            ) from None

    def _write(self, out: Path, jobs: int) -> dict:
        claim(out, self._claim())
        summary = out / "dataset.json"
        before = read_json(summary)
        there = set(before.get("formats", ()))
        store = FaceStore(out.parent / STORE)
        files = FoldFiles(out, store, self.formats, jobs)
        if self.formats.names <= there and files.complete(self.splits):
            return before
        faces, lost = self._register(store, jobs)
        claim(out, {"version": VERSION, "readable images": _hash_keys(faces)})
        self._write_files(files, faces)
        record = self._summarise(faces, lost, self.formats.names | there)
        write_json(summary, record)
        return record

    def _claim(self) -> dict:
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
        self, store: FaceStore, jobs: int
    ) -> tuple[dict[str, Faces], dict[str, int]]:
        """Return the registered faces by split, and how many there are not."""
        size = self.formats.size
        keyed = _by_key(self.splits, size)
        everything = {key: face for own in keyed.values() for key, face in own.items()}
        store.fill(everything, size, jobs, self.skip_damaged)
        lengths = dict(zip(everything, store.lengths(everything), strict=True))
        faces = {
            split: {key: face for key, face in own.items() if lengths[key]}
            for split, own in keyed.items()
        }
        if empty := [split for split, own in faces.items() if not own]:
            raise UserError(f"no image of the {empty[0]} split shows a face")
        counts = list(lengths.values())
        return faces, {UNREADABLE: counts.count(None), NO_FACE: counts.count(0)}

    def _write_files(self, files: FoldFiles, faces: dict[str, Faces]) -> None:
        files.write_mean(next(iter(faces.values())))
        for split, own in faces.items():
            files.write_split(split, own)
        name = title(self.options["dataset"], self.options["generated"])
        for split, own in faces.items():
            head = f"{name}, {files.out.name}, {split}"
            files.write_sheet(split, own, head, self.options["aus"])

    def _summarise(
        self, faces: dict[str, Faces], lost: dict[str, int], formats: set[str]
    ) -> dict:
        splits = {split: _count(list(own.values())) for split, own in faces.items()}
        return self.options | {
            "version": VERSION,
            "formats": sorted(formats),
            "splits": splits,
            "left_out": self.left_out | lost,
            **self.about,
        }


def _by_key(splits: dict[str, list[Face]], size: int) -> dict[str, Faces]:
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


def _count(faces: list[Face]) -> dict:
    subjects = sorted({face.subject for face in faces})
    return {"subjects": subjects} | count_labels(np.stack([f.labels for f in faces]))


def _hash_keys(faces: dict[str, Faces]) -> str:
    """Return a hash that changes when an image was mended, lost or replaced."""
    return hashlib.sha256(b"".join(chain(*faces.values()))).hexdigest()


def _fingerprint(splits: dict[str, list[Face]]) -> str:
    """Return a hash of every split's names, landmarks and labels, in order."""
    digest = hashlib.sha256()
    for split, faces in splits.items():
        digest.update(split.encode())
        for face in faces:
            points = b"" if face.points is None else face.points.tobytes()
            digest.update(face.name.encode() + points)
            digest.update(face.labels.tobytes())
    return digest.hexdigest()
