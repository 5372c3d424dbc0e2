"""Registered faces on disk, by what they were made from: none is made twice.

An LMDB beside the folds' folders, which all take their faces from it (key: 16 bytes of
register_faces.face_key; value: a JPEG, or nothing where no face was detected). Once the
folds are complete it may be deleted.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
from tqdm import tqdm

from data_prep.batches import batches
from data_prep.errors import UserError
from data_prep.images import DamagedImageError
from data_prep.records import Face
from data_prep.register_faces import register_faces

MAP_SIZE = 1 << 40  # address space, not disk: an LMDB grows as it is written
FACES_A_COMMIT = 200  # what a killed run can lose
FACES_A_VISIT = 200  # closed in between, or all pages read would count as memory


class FaceStore:
    """The registered faces of one output folder."""

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with self._open():
            pass  # there from now on, though it may be empty

    def fill(
        self, faces: dict[bytes, Face], size: int, jobs: int, skip_damaged: bool
    ) -> None:
        """Register the faces, by their keys, that are not there yet.

        Raises DamagedImageError at a damaged image, unless skip_damaged: then it is
        named on the terminal and left out.
        """
        held = self.lengths(faces)
        missing = [
            item
            for item, length in zip(faces.items(), held, strict=True)
            if length is None
        ]
        done = len(faces) - len(missing)
        progress = tqdm(
            total=len(faces), initial=done, desc="faces", unit="face", disable=None
        )
        with progress:
            results = register_faces(missing, size, jobs)
            sound = _sound(results, skip_damaged, progress)
            for batch in batches(sound, FACES_A_COMMIT):
                with self._open() as env, env.begin(write=True) as txn:
                    for key, image in batch:
                        txn.put(key, image)

    def images(self, keys: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the faces of these keys, JPEGs, in order; all must be there."""
        for visit in batches(keys, FACES_A_VISIT):
            with self._open(readonly=True) as env, env.begin() as txn:
                yield from [txn.get(key) for key in visit]

    def lengths(self, keys: Iterable[bytes]) -> list[int | None]:
        """Return each face's bytes: 0 where none was detected, None: not there."""
        lengths = []
        for visit in batches(keys, FACES_A_VISIT):
            with self._open(readonly=True) as env, env.begin(buffers=True) as txn:
                values = [txn.get(key) for key in visit]
                lengths += [None if v is None else len(v) for v in values]
        return lengths

    @contextmanager
    def _open(self, readonly: bool = False) -> Iterator[lmdb.Environment]:
        try:
            with lmdb.open(
                str(self._folder), map_size=MAP_SIZE, readonly=readonly
            ) as env:
                yield env
        except lmdb.Error as error:
            raise UserError(f"{self._folder} cannot be used: {error}") from None


def _sound(
    results: Iterator[tuple], skip_damaged: bool, progress: tqdm
) -> Iterator[tuple[bytes, bytes]]:
    for key, image in results:
        if not isinstance(image, DamagedImageError):
            progress.update()
            yield key, image
        elif skip_damaged:
            progress.write(f"left out: {image}", file=sys.stderr)
        else:
            raise image
