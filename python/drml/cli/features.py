"""Write a blob of a net for every face of a split to HDF5: fc9 is DRML's features.

With --sift and no net: upright SIFT descriptors at the faces' 49 landmarks, 6272
numbers a face, what LSVM, APL and JPML are trained on.

The file's layout stands in drml/evaluate/features.py. Prints dimension and share of
zeros. What was interrupted goes on from OUT.parts, what is complete is not done again.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from data_prep.base import UserError, fingerprint, whole
from drml.classical.sift import SCALE, WINDOW, descriptors
from drml.cli.options import UsageError
from drml.evaluate.dataset import SPLITS, Split, mean_file, open_split
from drml.evaluate.features import Features, read_features, write_features
from drml.evaluate.scoring import Batch, blob_values
from drml.nets.deploy import load_net, net_title
from drml.nets.pycaffe import caffe


def run(options: argparse.Namespace) -> None:
    check(options)
    if options.sift:
        split = open_split(options.data, options.split, options.limit)
        write_sift(options.out, split, options.window, options.batch)
    else:
        write_blob(options)
    print(summary(read_features(options.out), options.out))


def check(options: argparse.Namespace) -> None:
    net = [bool(v) for v in (options.net, options.weights)]
    if net != [not options.sift] * 2 or (options.sift and options.trained_on):
        raise UsageError("give --net and --weights, or --sift alone")


def write_sift(out: Path, split: Split, window: float, batch: int = 32) -> None:
    """Write a split's SIFT descriptors, or what of them is not there yet."""
    about = describe_split(split) | {
        "title": "SIFT",
        "blob": f"window {window:g} at 200",
        "fingerprint": fingerprint([split.folder / "dataset.json"]),
    }
    if not out.exists() or read_features(out).about != about:
        write_features(
            out, about, split.aus, lambda n: descriptors(split, window, batch, n), SCALE
        )


def describe_split(split: Split) -> dict:
    return {
        "dataset": split.title,
        "generated": split.dataset["generated"],
        "split": split.name,
    }


def write_blob(options: argparse.Namespace) -> None:
    split = open_split(options.data, options.split, options.limit, options.trained_on)
    net = load_net(options.net, options.weights)
    if options.blob not in net.blobs:
        raise UserError(
            f"{options.net} has no blob {options.blob}; give one of "
            f"{', '.join(net.blobs)}"
        )
    about = describe_run(options, split)
    if not options.out.exists() or read_features(options.out).about != about:
        extract(options, split, net, about)


def extract(
    options: argparse.Namespace, split: Split, net: caffe.Net, about: dict
) -> None:
    def compute(start: int) -> Iterator[Batch]:
        faces = split.faces(options.blob, start)
        return blob_values(net, faces, split.mean, options.batch, options.blob)

    write_features(options.out, about, split.aus, compute)


def describe_run(options: argparse.Namespace, split: Split) -> dict:
    """Say what the features are of; another content of any file is another run."""
    files = [options.net, options.weights, split.folder / "dataset.json"]
    files += [mean_file(options.trained_on or split.folder)]
    return {
        "title": net_title(options.net),
        "blob": options.blob,
        **describe_split(split),
        "net": str(options.net),
        "weights": str(options.weights),
        "fingerprint": fingerprint(files),
    }


def summary(features: Features, file: Path) -> str:
    about = features.about
    return (
        f"{about['title']} {about['blob']} on {about['dataset']}: {features.faces} "
        f"faces x {features.dimension}, {100 * features.zeros:.1f}% zeros, in {file}"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--net", type=Path, help="deploy prototxt")
    add("--weights", type=Path, help=".caffemodel")
    add("--sift", action="store_true", help="SIFT at the landmarks, instead of a net")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--trained-on", type=Path, help="the net's own dataset, if that is another")
    add("--split", choices=SPLITS, default="test")
    add("--out", type=Path, required=True, help="the HDF5 file")
    add("--blob", default="fc9", help="which blob (fc9; AlexNet's is fc7)")
    add("--window", type=window, default=WINDOW, help="of SIFT, pixels at 200 (24)")
    add("--batch", type=whole(1), default=32, help="faces per forward pass (32)")
    add("--limit", type=whole(1), help="the first N faces only")


def window(text: str) -> float:
    side = float(text)
    if not 4 <= side <= 200:
        raise ValueError(text)
    return side
