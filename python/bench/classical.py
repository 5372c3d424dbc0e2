"""LSVM, APL and JPML on made-up descriptors: time and memory of whole trainings.

20,000 faces to train on and 5,000 to choose on, 12 AUs with labels that are known in
98% of the frames, descriptors that have factors in common; the whole path, choice
included, as `drml classical` goes along it. JPML begins with APL's model, so that is
trained as well, and its time comes on top of JPML's. Prints wall and processor time and
the largest memory until then, and writes bench_METHOD.json.
"""

import argparse
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np

from data_prep.aus import BP4D_AUS
from data_prep.base import run, whole, write_json
from drml.classical.model import Descriptors
from drml.classical.pairs import NEGATIVE, POSITIVE, Pairs
from drml.classical.path import (
    APL,
    JPML,
    Chosen,
    Point,
    descend,
    prepare_file,
    unfinished,
)
from drml.classical.sift import BINS, SCALE
from drml.cli.options import parser
from drml.nets.names import METHODS
from drml.nets.pycaffe import processor

POINTS = 49


def main() -> None:
    options = parse_options()
    asked = {*options.methods} | ({APL} if JPML in options.methods else set())
    apl = None
    with TemporaryDirectory(dir=options.out) as folder:
        files = make_files(Path(folder), options.faces, options.seed)
        for method in (m for m in METHODS if m in asked):
            began, worked = time.monotonic(), time.process_time()
            chosen = train(method, *files, apl)
            found = {
                "method": METHODS[method],
                "faces": options.faces,
                "seconds": time.monotonic() - began,
                "processor_seconds": time.process_time() - worked,
                **about(chosen.points),
            }
            write_json(options.out / f"bench_{method}.json", found)
            print(*(f"{name}: {value}" for name, value in found.items()), sep="\n")
            apl = chosen.best if method == APL else apl


def parse_options() -> argparse.Namespace:
    options = parser(__doc__, "python -m bench.classical")
    options.add_argument("methods", nargs="+", choices=METHODS)
    options.add_argument("--faces", type=whole(1), default=20_000, help="(20000)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path("out/bench"))
    found = options.parse_args()
    found.out.mkdir(parents=True, exist_ok=True)
    return found


def train(
    method: str, train_file: Descriptors, val_file: Descriptors, apl: Point | None
) -> Chosen:
    training = prepare_file(method, [*BP4D_AUS], train_file)
    pairs = Pairs(POSITIVE, NEGATIVE)
    chosen = descend(method, training, val_file, apl=apl, pairs=pairs)
    for line in unfinished(BP4D_AUS, chosen.best):
        print(line)
    return chosen


def about(points: Sequence[Point]) -> dict:
    return {
        "peak_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "epochs": [int(np.nanmax(point.epochs)) for point in points],
        "gaps": [float(np.nanmax(point.gap)) for point in points],
        "seconds_a_point": [point.seconds for point in points],
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[2],
    }


# ---- Made-up descriptors


def make_files(folder: Path, faces: int, seed: int) -> list[Descriptors]:
    """Write descriptors and labels of faces to train on and of a quarter as many."""
    rng, count = np.random.default_rng(seed), faces + faces // 4
    shares = np.linspace(0.1, 0.6, len(BP4D_AUS))  # BP4D's base rates, about
    present = rng.random((count, len(BP4D_AUS))) < shares
    labels = np.where(present, 1, -1).astype(np.int8)
    labels[rng.random(labels.shape) < 0.08] *= -1  # coders disagree
    labels[rng.random(labels.shape) < 0.02] = 0
    splits = {"train": slice(0, faces), "val": slice(faces, None)}
    for name, rows in splits.items():
        with h5py.File(folder / f"{name}.h5", "w") as file:
            shape = (len(labels[rows]), POINTS * BINS)
            file.create_dataset("features", shape, np.uint8)
            file["keys"] = [f"{i:08d}_F001_T1_{i}" for i in range(shape[0])]
            file["labels"] = labels[rows]
            file.attrs.update(about="{}", aus=BP4D_AUS, zeros=0.0, scale=SCALE)
    for p, patch in enumerate(descriptors(rng, present)):
        for name, rows in splits.items():
            with h5py.File(folder / f"{name}.h5", "a") as file:
                file["features"][:, p * BINS : (p + 1) * BINS] = patch[rows]
    return [Descriptors(folder / f"{name}.h5") for name in splits]


def descriptors(rng: np.random.Generator, present: np.ndarray):
    """Yield each patch's descriptors (N, 128) uint8.

    Sixty factors that all patches share (who it is, pose, light), twenty of a patch's
    own, noise, and in four patches an AU's own change, stronger or weaker by the face.
    """
    faces, aus = present.shape
    common = rng.normal(size=(faces, 60)) * np.linspace(1.5, 0.3, 60)
    where = [set(rng.choice(POINTS, 4, replace=False)) for _ in range(aus)]
    for p in range(POINTS):
        x = rng.gamma(1, 1, BINS) + 0.12 * common @ rng.normal(size=(60, BINS))
        x += 0.12 * rng.normal(size=(faces, 20)) @ rng.normal(size=(20, BINS))
        x += 0.25 * rng.normal(size=(faces, BINS))
        for au in range(aus):
            if p in where[au]:
                strength = present[:, au] * rng.uniform(0.1, 0.4, faces)
                x += strength[:, None] * rng.normal(size=BINS)
        x = np.maximum(x, 0)
        for _ in range(2):  # as SIFT: normalised, cut off at 0.2, normalised again
            x = np.minimum(x / np.linalg.norm(x, axis=1, keepdims=True), 0.2)
        x *= 512 / np.linalg.norm(x, axis=1, keepdims=True)
        yield np.minimum(x, 255).astype(np.uint8)


if __name__ == "__main__":
    run(main)
