"""Evaluate a trained net, or another tool, on one split of a dataset.

F1-frame, ROC AUC and average precision per AU, with 95% intervals by bootstrap over
subjects. Prints the table (percent, as in the paper) and writes evaluation.json,
evaluation.csv and predictions.h5 into --out. predictions.h5 keeps every face's key,
scores and labels: with --predictions the measures come from it, without a net.

--thresholds adds F1 at thresholds chosen on the val split: selection.json of `drml
select`, or predictions.h5 of an evaluation with --split val.

Across datasets: --trained-on is the fold that the net was trained on. Faces are
prepared with its mean image, the AUs of both datasets are scored, and those that the
net has no output for are named.

Another tool: --csv takes what OpenFace, py-feat or LibreFace wrote of the dataset's
videos or images, files or folders of them, in place of a net (docs/data.md says how
rows find their faces).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.base import UserError, whole
from drml.cli.options import UsageError
from drml.cli.resampling import add_bootstrap, bootstrap
from drml.evaluate.dataset import SPLITS, Split, open_split, read_intensities
from drml.evaluate.metrics import best_thresholds
from drml.evaluate.predictions import (
    Predictions,
    intervals,
    measure,
    read_predictions,
    write_evaluation,
)
from drml.evaluate.scoring import score_faces
from drml.evaluate.selection import read_thresholds
from drml.evaluate.tool_csv import KINDS, read_tool
from drml.nets.deploy import OUTPUT, check_outputs, listed, load_net, net_title
from drml.report.tables import text_table


def run(options: argparse.Namespace) -> None:
    check(options)
    if options.predictions:
        found = read_predictions(options.predictions)
    else:
        found = from_csv(options) if options.csv else predict(options)
    if options.thresholds:
        found = with_thresholds(found, options.thresholds)
    results, how = measure(found), bootstrap(options)
    spans = how and intervals(found, how)
    print(
        text_table(
            f"{found.about['title']} on {found.about['dataset']}", results, spans
        )
    )
    if unanswered := found.about.get("unanswered"):
        print(
            f"{unanswered} of {len(found.keys)} faces have no row in the CSV, or the "
            "tool found no face: they count as not called present"
        )
    if left_out := found.about.get("left_out"):
        who = (
            "the tool has no column"
            if "tool" in found.about
            else "the net has no output"
        )
        print(f"left out, since {who} for it: {names(left_out)}")
    write_evaluation(options.out, found, results, spans)


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
    about = describe_run(options, split) | {
        "net": str(options.net),
        "weights": str(options.weights),
    }
    if options.trained_on:
        about |= {
            "trained_on": str(options.trained_on),
            "left_out": [au for au in split.aus if au not in split.net_aus],
        }
    scores = scores[:, [split.net_aus.index(au) for au in shared]]
    return of_aus(split, about, shared, keys, scores, labels)


def from_csv(options: argparse.Namespace) -> Predictions:
    """Find what another tool said of the split's faces."""
    split = open_split(options.data, options.split, options.limit)
    keys, labels = split.labels()
    how = (options.columns, options.tool_threshold, options.frame_offset)
    said = read_tool(options.csv, keys, split.subjects, split.aus, *how)
    about = describe_run(options, split, said.about["tool"]) | said.about
    about["csv"] = [str(file) for file in options.csv]
    return of_aus(split, about, said.aus, keys, said.scores, labels)


def of_aus(
    split: Split,
    about: dict,
    aus: list[int],
    keys: list[str],
    scores: np.ndarray,
    labels: np.ndarray,
) -> Predictions:
    """Return predictions of these AUs; labels (N, C) are of all the split's."""
    columns = [split.aus.index(au) for au in aus]
    coded = read_intensities(split.folder, split.name, keys, labels)
    coded = None if coded is None else coded[:, columns]
    return Predictions(about, aus, keys, scores, labels[:, columns], coded)


def with_thresholds(found: Predictions, file: Path) -> Predictions:
    """Add the thresholds that were chosen on the val split."""
    if file.suffix == ".json":
        chosen = read_thresholds(file, found.about["weights"])
    else:
        val = read_predictions(file)
        if val.about["split"] != "val":
            raise UserError(
                f"{file} is of the {val.about['split']} split; thresholds are chosen "
                "on val's (drml evaluate --split val)"
            )
        best = best_thresholds(val.scores, val.labels)
        chosen = dict(zip(map(str, val.aus), best, strict=True))
    if not chosen:
        print(
            f"warning: {file} has no thresholds, an earlier version wrote it; F1 at "
            "val's is left out (delete it and run drml select again)",
            file=sys.stderr,
        )
        return found
    if found.about.get("val_is_test"):
        print(
            "warning: val is test here (--train-folds 2), so that these thresholds "
            "were chosen on the faces that they are tested on",
            file=sys.stderr,
        )
    return found._replace(about=found.about | {"val_thresholds": chosen})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--net", type=Path, help="deploy prototxt")
    add("--weights", type=Path, help=".caffemodel")
    add("--data", type=Path, help="prepared dataset (.../foldK)")
    add("--trained-on", type=Path, help="the net's own dataset, if that is another")
    add("--predictions", type=Path, help="predictions.h5, instead of these three")
    add("--csv", type=Path, nargs="+", metavar="FILE", help="instead of a net")
    add("--thresholds", type=Path, help="selection.json, or val's predictions.h5")
    add("--split", choices=SPLITS, default="test")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--batch", type=whole(1), default=32, help="faces per forward pass (32)")
    add("--limit", type=whole(1), help="evaluate the first N faces only")
    add("--title", help="name of the net or tool in tables (its own)")
    add_bootstrap(parser)
    tool = parser.add_argument_group("with --csv").add_argument
    tool(
        "--columns", choices=KINDS, help="c: AU01_c, r: AU01_r, plain: AU01, au_1, ..."
    )
    least = ", ".join(f"{value:g} of {kind}" for kind, value in KINDS.items())
    tool("--tool-threshold", type=float, help=f"from which on present ({least})")
    tool("--frame-offset", type=int, help="to add to `frame` (1 if that is from 0)")


def check(options: argparse.Namespace) -> None:
    given = {name for name in ("net", "weights", "data", "predictions", "csv")
             if getattr(options, name)}  # fmt: skip
    if given not in ({"net", "weights", "data"}, {"csv", "data"}, {"predictions"}):
        raise UsageError(
            "give --net, --weights and --data, or --csv and --data, or --predictions "
            "alone"
        )
    if options.trained_on and "net" not in given:
        raise UsageError("--trained-on goes with --net")


def describe_run(
    options: argparse.Namespace, split: Split, title: str | None = None
) -> dict:
    """Say what was evaluated: the part of evaluation.json that is not numbers."""
    about = {
        "title": options.title or title or net_title(options.net),
        "dataset": split.title,
        "generated": split.dataset["generated"],
        "split": split.name,
        "subjects": split.subjects,
        "command": options.command,
    }
    if split.sampled:
        about["sampled"] = split.sampled
    if split.val_is_test:
        about["val_is_test"] = True
    return about


def names(aus: Sequence[int]) -> str:
    return ", ".join(f"AU {au} ({AU_NAMES[au]})" for au in aus)
