"""Writes a fold's folder: three LMDBs, the mean face and, last, dataset.json."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data_prep import face_summary
from data_prep.atomic import write_bytes
from data_prep.errors import UserError
from data_prep.face_lmdb import write_faces
from data_prep.mean_image import write_mean
from data_prep.records import Face
from data_prep.register_faces import FaceWorkers

VERSION = 1  # of the records' format
CLAIM = "import.json"  # what the folder is being written with; there from the start


@dataclass(frozen=True)
class FaceDataset:
    """All that decides a fold folder's content.

    options become the head of dataset.json: dataset, generated, aus, size, fold, seed.
    splits are in write order; left_out counts the frames that never became a face.
    """

    options: dict
    subjects: dict[str, list[str]]  # by split (train, val, test): who has a face in it
    splits: dict[str, Sequence[Face]]
    left_out: dict[str, int]
    skip_damaged: bool

    def write(self, out: Path, jobs: int) -> dict:
        """Write what is not there yet, and return the content of dataset.json.

        Each LMDB appears once it is complete, so a rerun goes on with the first that
        is missing. Raises UserError where out holds an import of other options.
        """
        try:
            return self._write(out, jobs)
        except OSError as error:
            raise UserError(
                f"{error.filename or out} cannot be written: {error.strerror}"
            ) from None

    def _write(self, out: Path, jobs: int) -> dict:
        self._claim(out)
        missing = {s: f for s, f in self.splits.items() if not _lmdb(out, s).exists()}
        if missing:
            self._write_splits(out, missing, jobs)
        mean = out / "mean.binaryproto"
        if not mean.exists():
            write_mean(_lmdb(out, "train"), mean)
        summary = out / "dataset.json"
        if not summary.exists():
            _write_json(summary, self._summarise(out))
        return json.loads(summary.read_text())

    def _claim(self, out: Path) -> None:
        """Make the folder ours, or refuse one that was written differently."""
        wanted = self.options | {
            "version": VERSION,
            "on damaged": "skip" if self.skip_damaged else "refuse",
            "faces": _fingerprint(self.splits),
        }
        claim = out / CLAIM
        if not any(out.glob("[!.]*")):
            out.mkdir(parents=True, exist_ok=True)
            _write_json(claim, wanted)
        found = json.loads(claim.read_text()) if claim.exists() else {}
        if other := [name for name in wanted if found.get(name) != wanted[name]]:
            raise UserError(
                f"{out} holds another import (it differs in: {', '.join(other)}); "
                "choose another --out, or delete that folder"
            )

    def _write_splits(
        self, out: Path, splits: dict[str, Sequence[Face]], jobs: int
    ) -> None:
        size = self.options["size"]
        with FaceWorkers(jobs) as workers:
            for split, faces in splits.items():
                progress = tqdm(faces, split, unit="face", disable=None)
                records = workers.records(progress, size, self.skip_damaged)
                write_faces(_lmdb(out, split), records, size)

    def _summarise(self, out: Path) -> dict:
        splits = {
            split: {"subjects": self.subjects[split]}
            | face_summary.count_labels(_lmdb(out, split))
            for split in self.splits
        }
        planned = sum(len(faces) for faces in self.splits.values())
        written = sum(split["faces"] for split in splits.values())
        return self.options | {
            "version": VERSION,
            "splits": splits,
            "left_out": self.left_out | {"unreadable image": planned - written},
        }


def _lmdb(out: Path, split: str) -> Path:
    return out / f"{split}_lmdb"


def _write_json(file: Path, content: dict) -> None:
    write_bytes(file, (json.dumps(content, indent=2) + "\n").encode())


def _fingerprint(splits: dict[str, Sequence[Face]]) -> str:
    """Return a hash of every split's names, landmarks and labels, in order."""
    digest = hashlib.sha256()
    for split, faces in splits.items():
        digest.update(split.encode())
        for face in faces:
            digest.update(face.name.encode() + face.points.tobytes())
            digest.update(face.labels.tobytes())
    return digest.hexdigest()
