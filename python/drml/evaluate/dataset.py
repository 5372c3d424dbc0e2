"""A prepared dataset, as an import wrote it: .../foldK, or .../all.

The folder holds dataset.json, mean.binaryproto and an LMDB of registered faces for each
split. A face's key, 00000017_F001_T1_2440, is a running number and then its name:
subject, task (together they name the video) and frame.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from data_prep.base import UserError, read_json
from data_prep.dataset import title
from data_prep.face_lmdb import intensity_file, read_faces, read_labels
from data_prep.network_input import centre_crop, read_mean

FIELDS = {
    "dataset": str,
    "generated": bool,
    "aus": list,
    "size": int,
    "fold": int | str,
    "seed": int,
    "splits": dict,
}
SPLITS = ("train", "val", "test")


def read_dataset(folder: Path) -> dict:
    """Read FOLDER/dataset.json, the last file that an import writes."""
    path = folder / "dataset.json"
    remedy = "import the dataset (drml import bp4d --help)"
    record = read_json(path, remedy)
    missing = [name for name in FIELDS if name not in record]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}; {remedy}")
    check_kinds(path, record, FIELDS, remedy)
    return record


def check_kinds(path: Path, record: dict, kinds: dict, remedy: str) -> None:
    """Raise UserError where a value of a JSON's is of another kind; AUs are numbers."""
    for name, kind in kinds.items():
        value = record.get(name)
        is_kind = name not in record or isinstance(value, kind)
        if is_kind and name == "aus":
            is_kind = all(type(au) is int for au in record.get(name, ()))
        if not is_kind:
            raise UserError(f"{path}: {name} is {str(value)[:40]!r}; {remedy}")


def describe(record: dict) -> str:
    """Name the dataset as titles do: generated faces are always called so."""
    fold = "all subjects" if record["fold"] == "all" else f"fold {record['fold']}"
    return f"{title(record['dataset'], record['generated'])}, {fold}"


def mean_file(folder: Path) -> Path:
    return folder / "mean.binaryproto"


def load_mean(path: Path, size: int) -> np.ndarray:
    """Read the mean of size x size faces: (3, size, size) float32 BGR, 0..255."""
    mean = read_mean(path)
    if mean.shape != (3, size, size):
        raise UserError(
            f"{path} has shape {mean.shape} where the faces need {(3, size, size)}; "
            "import the dataset again"
        )
    return mean


class SplitFace(NamedTuple):
    """A registered face of a split."""

    key: str  # 00000017_F001_T1_2440
    image: np.ndarray  # (H, W, 3) uint8 BGR
    labels: np.ndarray  # (C,) int8: +1 present, -1 absent, 0 unknown

    @property
    def name(self) -> str:
        return name_of(self.key)

    def seen(self, height: int, width: int) -> np.ndarray:
        """Crop the image to what a net of that input sees: (height, width, 3)."""
        crop = centre_crop(self.image.transpose(2, 0, 1), height, width)
        return crop.transpose(1, 2, 0)


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

    def landmarks(self) -> np.ndarray:
        """Return the faces' 49 landmarks, (N, 49, 2) float32 pixels (x, y) of a face.

        Raises UserError where there are none: the faces were imported before they were
        kept.
        """
        file = self.folder / f"{self.name}_landmarks.npy"
        remedy = "import it again (the same drml import command adds it)"
        if not file.exists():
            raise UserError(
                f"{self.folder} was imported before landmarks were kept; {remedy}"
            )
        try:
            points = np.load(file)
        except (OSError, ValueError) as error:
            raise UserError(f"{file} cannot be read ({error}); {remedy}") from None
        faces = self.dataset["splits"][self.name]["faces"]
        if points.shape != (faces, 49, 2):
            raise UserError(
                f"{file} has shape {points.shape} where {faces} faces need "
                f"{(faces, 49, 2)}; delete it, and {remedy}"
            )
        return points[: self.limit]

    def __len__(self) -> int:
        total = self.dataset["splits"][self.name]["faces"]
        return min(total, self.limit or total)

    def faces(self, doing: str, start: int = 0) -> Iterator[SplitFace]:
        """Yield the faces from face `start` on, with a progress bar."""
        records = islice(read_faces(self.lmdb), start, self.limit)
        progress = tqdm(records, doing, len(self), initial=start, unit="face")
        return map(SplitFace._make, progress)

    def labels(self) -> tuple[list[str], np.ndarray]:
        """Return the faces' keys and labels (N, C) int8, without decoding a face."""
        keys, labels = zip(*islice(read_labels(self.lmdb), self.limit), strict=True)
        return list(keys), np.array(labels, np.int8)

    @property
    def subjects(self) -> list[str]:
        return self.dataset["splits"][self.name]["subjects"]

    @property
    def sampled(self) -> dict | None:
        """How the import sampled this split's frames, None where it took them all."""
        sampling = self.dataset.get("sampling")
        return sampling if sampling and self.name in sampling["splits"] else None

    @property
    def val_is_test(self) -> bool:
        """Whether val is another name for test (--train-folds 2)."""
        lists = self.dataset.get("fold_lists", {})
        return "val" in lists and lists["val"] == lists["test"]


def read_intensities(
    folder: Path, split: str, keys: Sequence[str], labels: np.ndarray
) -> np.ndarray | None:
    """Return the coded intensities (N, C) int8 of faces, None where none are kept.

    0 to 5, -1 where the label (N, C) is unknown. A key begins with its record's number.
    """
    file = intensity_file(folder / f"{split}_lmdb")
    if not file.exists():
        return None
    records = [int(key.split("_")[0]) for key in keys]
    try:
        coded = np.load(file)[records]
        return np.where(labels == 0, -1, coded).astype(np.int8)
    except (OSError, ValueError, IndexError) as error:
        raise UserError(f"{file} cannot be read ({error}); import again") from None


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


def pick(
    split: Split, count: int, names: Collection[str] = ()
) -> tuple[list[SplitFace], dict[str, SplitFace]]:
    """Return `count` faces at even distances through the split, and those named."""
    places = set(np.linspace(0, len(split) - 1, count).round().astype(int).tolist())
    even, named = [], {}
    for place, face in enumerate(split.faces("reading")):
        if place in places:
            even.append(face)
        if face.name in names:
            named[face.name] = face
    if missing := sorted(set(names) - set(named)):
        raise UserError(f"{split.lmdb} has no face {missing[0]}; see its keys")
    return even, named


def showing(faces: Sequence[SplitFace], column: int) -> list[SplitFace]:
    """Return the faces in which an AU is present, the one with fewest others first."""
    present = [face for face in faces if face.labels[column] > 0]
    return sorted(present, key=lambda face: int((face.labels > 0).sum()))


def name_of(key: str) -> str:
    return key.split("_", 1)[-1]


def subjects_and_videos(
    keys: Sequence[str], subjects: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Tell subject and video, (N,) str each, of faces; subjects: the dataset's."""
    names = [name_of(key) for key in keys]
    videos = [name.rsplit("_", 1)[0] for name in names]
    longest_first = sorted(subjects, key=len, reverse=True)
    owners: dict[str, str] = {}
    for video, name in zip(videos, names, strict=True):
        if video in owners:
            continue
        own = next((s for s in longest_first if name.startswith(f"{s}_")), None)
        if own is None:
            raise UserError(f"face {name} is of no subject of the dataset; see --data")
        owners[video] = own
    return np.array([owners[video] for video in videos]), np.array(videos)
