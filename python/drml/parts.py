"""A long computation's results kept part by part, so that a rerun goes on.

FILE.parts/ holds about.json, which says what is computed, and 00000000.h5,
00001024.h5, ..., each named by its first row and there only once it is whole.
"""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from data_prep.base import stamp, write


class Parts:
    """The parts of one result file; iterating yields their open HDF5 files."""

    def __init__(self, file: Path, about: dict):
        """Go on with what is there; UserError where that was of something else."""
        self.folder = file.with_name(f"{file.name}.parts")
        remedy = f"delete {self.folder}, or choose another --out"
        stamp(self.folder / "about.json", about, remedy)
        self.rows = sum(len(part["keys"]) for part in self)

    def __iter__(self) -> Iterator[h5py.File]:
        for path in sorted(self.folder.glob("[0-9]*.h5")):
            with h5py.File(path) as part:
                yield part

    def add(self, **arrays: np.ndarray | list[str]) -> None:
        """Write the next rows: `keys` and what belongs to them."""
        content = io.BytesIO()
        with h5py.File(content, "w") as part:
            for name, values in arrays.items():
                part[name] = values
        write(self.folder / f"{self.rows:08d}.h5", content.getvalue())
        self.rows += len(arrays["keys"])

    def remove(self) -> None:
        shutil.rmtree(self.folder)
