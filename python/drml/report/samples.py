"""Sample faces of a split, each with what the runs predicted and what is true."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lmdb
import numpy as np

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.evaluate.dataset import name_of
from drml.evaluate.metrics import THRESHOLD
from drml.figures.style import data_uri

KINDS = {  # (label, predicted) -> what became of the AU; the rest is not shown
    (1, True): "hit",
    (1, False): "miss",
    (-1, True): "false-alarm",
    (0, True): "unknown",
}


@dataclass(frozen=True)
class Sample:
    """A face, and per run (by its title) the (AU, outcome) pairs to show."""

    name: str  # F001_T1_2440
    image: str  # data URI
    outcomes: dict[str, list[tuple[int, str]]]


def read_samples(lmdb_folder: Path, runs: Sequence, count: int) -> list[Sample]:
    """Take `count` faces at even distances through the split, picked by nobody."""
    keys, aus = runs[0].evaluation["keys"], runs[0].aus
    places = np.unique(np.linspace(0, len(keys) - 1, count).round().astype(int))
    images = _read_jpegs(lmdb_folder, [keys[i] for i in places])
    return [
        Sample(
            name=name_of(keys[i]),
            image=data_uri(image, "image/jpeg"),
            outcomes={run.title: _outcome(run.evaluation, i, aus) for run in runs},
        )
        for i, image in zip(places, images, strict=True)
    ]


def _outcome(evaluation: dict, face: int, aus: Sequence[int]) -> list[tuple[int, str]]:
    labels = evaluation["labels"][face].tolist()
    predicted = (evaluation["scores"][face] >= THRESHOLD).tolist()
    pairs = zip(aus, labels, predicted, strict=True)
    return [(au, KINDS[key]) for au, *rest in pairs if (key := tuple(rest)) in KINDS]


def _read_jpegs(folder: Path, keys: Sequence[str]) -> list[bytes]:
    """Read the encoded images of some records."""
    try:
        env = lmdb.open(str(folder), readonly=True, create=False, lock=False)
    except lmdb.Error as error:
        raise UserError(f"{folder} is no LMDB of faces: {error}") from None
    with env, env.begin() as txn:
        values = [txn.get(key.encode()) for key in keys]
    for key, value in zip(keys, values, strict=True):
        if value is None:
            raise UserError(
                f"{folder} has no face {key}; evaluate again on this dataset"
            )
    return [caffe_pb2.Datum.FromString(value).data for value in values]
