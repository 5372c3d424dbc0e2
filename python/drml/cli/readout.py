"""Read a dataset's AUs out of a net's features by linear classifiers, and evaluate.

For AUs that the net has no output for, as DISFA's 9, 25 and 26 after BP4D. Every face
is scored by classifiers that saw no face of its subject (drml/evaluate/readout.py); F1
and AUC are means over their folds. Prints the table and writes what `drml evaluate`
writes into --out.

With --classifier lsvm or apl, on SIFT features (drml features --sift): LSVM and APL by
the same protocol (drml/classical/readout.py).
"""

import argparse
from pathlib import Path

from data_prep.aus import AU_NAMES
from data_prep.base import UserError, whole
from data_prep.importer import sample_counts
from data_prep.sampling import Sampling
from drml.classical.readout import Classical
from drml.classical.sift import check_dimension
from drml.cli.resampling import add_bootstrap, bootstrap
from drml.evaluate.dataset import (
    describe,
    read_dataset,
    read_intensities,
    subjects_and_videos,
)
from drml.evaluate.features import Features, read_features, read_rows
from drml.evaluate.predictions import (
    Predictions,
    intervals,
    measure,
    write_evaluation,
)
from drml.evaluate.readout import (
    STRENGTH,
    CrossValidation,
    FaceFeatures,
    linear_readout,
)
from drml.nets.names import METHODS
from drml.report.tables import text_table

LOGISTIC = "logistic"
PARAMETERS = {"lsvm": "C", "apl": "lambda"}  # JPML: see Table 3


def run(options: argparse.Namespace) -> None:
    dataset, features = read_dataset(options.data), read_features(options.features)
    check_alike(options, dataset, features)
    keys, values, labels = read_rows(options.features)
    everyone = {s for split in dataset["splits"].values() for s in split["subjects"]}
    faces = FaceFeatures(values, labels, *subjects_and_videos(keys, sorted(everyone)))
    sampling = options.sample and Sampling(*options.sample, options.seed, True)
    how = CrossValidation(options.folds, sampling, options.strength)
    method = None
    if options.classifier != LOGISTIC:
        check_dimension(options.features, features.dimension)
        method = Classical(options.classifier, dataset["aus"], features.scale)
    scores, folds, undefined = linear_readout(faces, how, method)
    labels[:, undefined] = 0
    about = describe_run(options, features, how) | {
        "folds": folds,
        "undefined": [dataset["aus"][column] for column in undefined],
    }
    coded = read_intensities(options.data, about["split"], keys, labels)
    found = Predictions(about, dataset["aus"], keys, scores, labels, coded)
    results, how = measure(found), bootstrap(options)
    spans = how and intervals(found, how)
    print(text_table(f"{about['title']} on {about['dataset']}", results, spans))
    print(f"{about['protocol']}; F1 and AUC are means over the folds")
    for au in about["undefined"]:
        print(f"AU {au} ({AU_NAMES[au]}): a fold has one class only to train on")
    write_evaluation(options.out, found, results, spans)


def check_alike(options: argparse.Namespace, dataset: dict, features: Features) -> None:
    """Raise UserError unless the features are of the dataset."""
    made_from = features.about["dataset"]
    if not made_from.startswith(describe(dataset)) or features.aus != dataset["aus"]:
        raise UserError(
            f"{options.features} is of {made_from}, --data is {describe(dataset)}; "
            "give the dataset that the features were extracted of"
        )


def describe_run(
    options: argparse.Namespace, features: Features, how: CrossValidation
) -> dict:
    """Say what was read out, and how: the head of evaluation.json."""
    about, said = features.about, str(how)
    title = f"{about['title']}, linear read-out of {about['blob']}"
    if options.classifier != LOGISTIC:
        title = METHODS[options.classifier]
        said = (
            f"{title} on SIFT, {how.folds} folds without common subjects, trained "
            f"on {how.frames}; {PARAMETERS[options.classifier]} of each AU by F1 "
            "on half of a fold's training subjects, after training on the other half"
        )
    return {
        "title": title,
        "dataset": about["dataset"],
        "generated": about["generated"],
        "split": about["split"],
        "net": about.get("net", about["title"]),
        "weights": about.get("weights", ""),
        "features": str(options.features),
        "protocol": said,
        "seed": options.seed,
        "command": options.command,
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--features", type=Path, required=True, help="of drml features")
    add("--data", type=Path, required=True, help="what the features were extracted of")
    add("--out", type=Path, required=True, help="folder for the results")
    add(
        "--classifier",
        choices=(LOGISTIC, *PARAMETERS),
        default=LOGISTIC,
        help="logistic regression, or a classical method on SIFT (logistic)",
    )
    add("--folds", type=whole(2), default=3, help="without common subjects (3)")
    add("--seed", type=whole(0), default=0, help="of the sampling (0)")
    add(
        "--sample",
        metavar="POS/NEG",
        type=sample_counts,
        default="800/1600",
        help="frames to train on per AU and video, or none: all (800/1600, DISFA's)",
    )
    add(
        "--strength",
        metavar="C",
        type=above_0,
        default=STRENGTH,
        help="inverse of the regularisation's strength (%(default)s)",
    )
    add_bootstrap(parser)


def above_0(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise ValueError(text)
    return number
