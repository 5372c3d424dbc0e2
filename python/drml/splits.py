"""A split of a prepared dataset, ready to be run through a net."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.base import UserError
from data_prep.face_lmdb import read_faces
from drml.dataset import describe, read_dataset
from drml.preprocess import load_mean

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """The faces of one split, all or the first `limit`, and what belongs to them."""

    folder: Path
    name: str
    dataset: dict  # dataset.json
    mean: np.ndarray  # (3, H, W) float32 BGR: the one that the net was trained with
    limit: int | None
    trained_on: dict | None  # the net's dataset.json where that is another dataset

    @property
    def aus(self) -> list[int]:
        return self.dataset["aus"]

    @property
    def net_aus(self) -> list[int]:
        """The AUs of the net's outputs."""
        return (self.trained_on or self.dataset)["aus"]

    @property
    def lmdb(self) -> Path:
        return self.folder / f"{self.name}_lmdb"

    @property
    def title(self) -> str:
        """Name the faces as titles do: generated ones are always called so."""
        extent = f", first {self.limit} faces" if self.limit else ""
        net = f"; trained on {describe(self.trained_on)}" if self.trained_on else ""
        return f"{describe(self.dataset)}, {self.name} split{extent}{net}"

    def __len__(self) -> int:
        total = self.dataset["splits"][self.name]["faces"]
        return min(total, self.limit or total)

    def faces(self, doing: str, start: int = 0) -> Iterator:
        """Yield (key, face, labels) from face `start` on, with a progress bar."""
        records = islice(read_faces(self.lmdb), start, self.limit)
        return tqdm(records, doing, len(self), initial=start, unit="face")


def open_split(
    folder: Path, name: str, limit: int | None = None, trained_on: Path | None = None
) -> Split:
    """Open a split of a folder that an import wrote (.../foldK).

    trained_on: the folder that the net was trained on, where that is another. The mean
    image is that of the net, so that it sees all faces as it did in training.
    """
    dataset = read_dataset(folder)
    if name not in dataset["splits"]:
        raise UserError(f"{folder} has no split {name}; import it")
    mean = load_mean(mean_file(trained_on or folder), dataset["size"])
    origin = read_dataset(trained_on) if trained_on else None
    return Split(folder, name, dataset, mean, limit, origin)


def mean_file(folder: Path) -> Path:
    return folder / "mean.binaryproto"
