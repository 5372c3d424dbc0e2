"""Write a blob of a net for every face of a split to HDF5: fc9 is DRML's features.

The file's layout stands in drml/features.py. Prints dimension and share of zeros. What
was interrupted goes on from OUT.parts, what is complete is not done again.
"""

import argparse
from pathlib import Path

from data_prep.base import UserError, fingerprint, run
from drml.deploy_net import load_net, net_title
from drml.features import Features, join, keep, read_features
from drml.options import parser, positive
from drml.parts import Parts
from drml.pycaffe import caffe
from drml.scoring import blob_values
from drml.splits import SPLITS, Split, mean_file, open_split


def main() -> None:
    options = parse_options()
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
    print(summary(read_features(options.out), options.out))


def extract(
    options: argparse.Namespace, split: Split, net: caffe.Net, about: dict
) -> None:
    parts = Parts(options.out, about)
    faces = split.faces(options.blob, parts.rows)
    keep(blob_values(net, faces, split.mean, options.batch, options.blob), parts)
    if not parts.rows:
        raise UserError(f"{split.lmdb} has no face; import again")
    join(parts, options.out, about, split.aus)
    parts.remove()


def describe_run(options: argparse.Namespace, split: Split) -> dict:
    """Say what the features are of; another content of any file is another run."""
    files = [options.net, options.weights, split.folder / "dataset.json"]
    files += [mean_file(options.trained_on or split.folder)]
    return {
        "title": net_title(options.net),
        "blob": options.blob,
        "dataset": split.title,
        "generated": split.dataset["generated"],
        "split": split.name,
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


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--net", type=Path, required=True, help="deploy prototxt")
    add("--weights", type=Path, required=True, help=".caffemodel")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--trained-on", type=Path, help="the net's own dataset, if that is another")
    add("--split", choices=SPLITS, default="test")
    add("--out", type=Path, required=True, help="the HDF5 file")
    add("--blob", default="fc9", help="which blob (fc9; AlexNet's is fc7)")
    add("--batch", type=positive, default=32, help="faces per forward pass (32)")
    add("--limit", type=positive, help="the first N faces only")
    return arguments.parse_args()


if __name__ == "__main__":
    run(main)
