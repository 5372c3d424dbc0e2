"""Evaluate a trained net on one split of a dataset: F1-frame and ROC AUC per AU.

Prints the table (percent, as in the paper) and writes evaluation.json,
evaluation.csv and predictions.h5 into --out.
"""

import argparse
import shlex
import sys
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from data_prep.errors import UserError, run
from data_prep.face_lmdb import read_faces
from drml.dataset import describe, read_dataset
from drml.evaluation import write_evaluation
from drml.metrics import au_results
from drml.options import parser, positive
from drml.preprocess import load_mean
from drml.scoring import OUTPUT, load_net, net_title, score_faces
from drml.tables import text_table


def main() -> None:
    options = parse_options()
    dataset = read_dataset(options.data)
    mean = load_mean(options.data / "mean.binaryproto", dataset["size"])
    net = load_net(options.net, options.weights)
    outputs, aus = net.blobs[OUTPUT].data[0].size, dataset["aus"]
    if outputs != len(aus):
        raise UserError(
            f"{options.net} has {outputs} outputs, the dataset {len(aus)} AUs "
            f"({', '.join(map(str, aus))}); give a net trained on this dataset"
        )
    faces = read_split(options, dataset)
    keys, scores, labels = score_faces(net, faces, mean, options.batch)
    results = au_results(scores, labels, aus)
    about = describe_run(options, dataset)
    print(text_table(f"{about['title']} on {about['dataset']}", results))
    write_evaluation(options.out, about, keys, scores, labels, results)


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--net", type=Path, required=True, help="deploy prototxt")
    add("--weights", type=Path, required=True, help=".caffemodel")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--split", choices=("train", "val", "test"), default="test")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--batch", type=positive, default=32, help="faces per forward pass (32)")
    add("--limit", type=positive, help="evaluate the first N faces only")
    add("--title", help="name of the net in tables (its own)")
    return arguments.parse_args()


def read_split(options: argparse.Namespace, dataset: dict) -> tqdm:
    """Read the split's (key, face, labels) with a progress bar."""
    if options.split not in dataset["splits"]:
        raise UserError(f"{options.data} has no split {options.split}; import it")
    total = dataset["splits"][options.split]["faces"]
    total = min(total, options.limit or total)
    records = read_faces(options.data / f"{options.split}_lmdb")
    return tqdm(islice(records, options.limit), "scoring", total, unit="face")


def describe_run(options: argparse.Namespace, dataset: dict) -> dict:
    """Say what was evaluated: the part of evaluation.json that is not numbers."""
    extent = f", first {options.limit} faces" if options.limit else ""
    return {
        "title": options.title or net_title(options.net),
        "dataset": f"{describe(dataset)}, {options.split} split{extent}",
        "generated": dataset["generated"],
        "split": options.split,
        "net": str(options.net),
        "weights": str(options.weights),
        "command": shlex.join(["python", *sys.argv]),
    }


if __name__ == "__main__":
    run(main)
