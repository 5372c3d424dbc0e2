"""Evaluate a trained net on one split of a dataset: F1-frame and ROC AUC per AU.

Prints the table (percent, as in the paper) and writes evaluation.json,
evaluation.csv and predictions.h5 into --out. predictions.h5 keeps every face's key,
scores and labels: with --predictions the measures come from it, without a net.

Across datasets: --trained-on is the fold that the net was trained on. Faces are
prepared with its mean image, the AUs of both datasets are scored, and those that the
net has no output for are named.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from data_prep.aus import AU_NAMES
from data_prep.base import UserError
from drml.cli.options import UsageError, positive
from drml.evaluate.dataset import SPLITS, Split, open_split
from drml.evaluate.predictions import (
    Predictions,
    measure,
    read_predictions,
    write_evaluation,
)
from drml.evaluate.scoring import score_faces
from drml.nets.deploy import OUTPUT, check_outputs, listed, load_net, net_title
from drml.report.tables import text_table


def run(options: argparse.Namespace) -> None:
    check(options)
    if options.predictions:
        found = read_predictions(options.predictions)
    else:
        found = predict(options)
    results = measure(found)
    print(text_table(f"{found.about['title']} on {found.about['dataset']}", results))
    if left_out := found.about.get("left_out"):
        print(f"left out, since the net has no output for it: {names(left_out)}")
    write_evaluation(options.out, found, results)


def predict(options: argparse.Namespace) -> Predictions:
    """Run the split's faces through the net."""
    split = open_split(options.data, options.split, options.limit, options.trained_on)
    net = load_net(options.net, options.weights)
    check_outputs(options.net, net.blobs[OUTPUT].data[0].size, split.net_aus)
    shared = [au for au in split.aus if au in split.net_aus]
    if not shared:
        raise UserError(
            f"{options.data} has AUs {listed(split.aus)}, {options.trained_on} "
            f"{listed(split.net_aus)}: none of them is in both"
        )
    keys, scores, labels = score_faces(
        net, split.faces("scoring"), split.mean, options.batch
    )
    return Predictions(
        describe_run(options, split),
        shared,
        keys,
        scores[:, [split.net_aus.index(au) for au in shared]],
        labels[:, [split.aus.index(au) for au in shared]],
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--net", type=Path, help="deploy prototxt")
    add("--weights", type=Path, help=".caffemodel")
    add("--data", type=Path, help="prepared dataset (.../foldK)")
    add("--trained-on", type=Path, help="the net's own dataset, if that is another")
    add("--predictions", type=Path, help="predictions.h5, instead of these three")
    add("--split", choices=SPLITS, default="test")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--batch", type=positive, default=32, help="faces per forward pass (32)")
    add("--limit", type=positive, help="evaluate the first N faces only")
    add("--title", help="name of the net in tables (its own)")


def check(options: argparse.Namespace) -> None:
    given = [bool(v) for v in (options.net, options.weights, options.data)]
    alone = bool(options.predictions)
    if given != [not alone] * 3 or (alone and options.trained_on):
        raise UsageError("give --net, --weights and --data, or --predictions alone")


def describe_run(options: argparse.Namespace, split: Split) -> dict:
    """Say what was evaluated: the part of evaluation.json that is not numbers."""
    about = {
        "title": options.title or net_title(options.net),
        "dataset": split.title,
        "generated": split.dataset["generated"],
        "split": split.name,
        "net": str(options.net),
        "weights": str(options.weights),
        "command": options.command,
    }
    if not options.trained_on:
        return about
    return about | {
        "trained_on": str(options.trained_on),
        "left_out": [au for au in split.aus if au not in split.net_aus],
    }


def names(aus: Sequence[int]) -> str:
    return ", ".join(f"AU {au} ({AU_NAMES[au]})" for au in aus)
