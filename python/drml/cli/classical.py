"""Train LSVM, APL or JPML on a fold, choose on its val split and evaluate on test.

Linear models of SIFT descriptors at 49 landmarks (docs/classical.md). Writes what `drml
evaluate` writes for a network into --out/test and --out/val; into --out model.h5, and
path.csv, path.png and patches.png (of JPML pairs.png as well): the parameters that were
tried, and where on the face a model looks. What is interrupted goes on from --out/path.

JPML starts from APL: from the one in --apl, or else from one that is trained first, in
--out/apl.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.base import (
    UserError,
    check_stamp,
    fingerprint,
    locked,
    read_json,
    stamp,
    write,
)
from drml.classical import pairs as related
from drml.classical.model import Descriptors, Model, write_model
from drml.classical.path import (
    APL,
    JPML,
    LSVM,
    Chosen,
    Training,
    descend,
    prepare_file,
    unfinished,
)
from drml.classical.sift import WINDOW
from drml.cli.features import window, write_sift
from drml.cli.options import UsageError
from drml.cli.resampling import add_bootstrap, bootstrap
from drml.evaluate.bootstrap import Bootstrap
from drml.evaluate.dataset import load_mean, mean_file, open_split, read_dataset
from drml.evaluate.predictions import (
    Predictions,
    intervals,
    measure,
    read_predictions,
    write_evaluation,
)
from drml.figures.patches import pair_chart, patch_maps, path_chart
from drml.figures.relations import correlations
from drml.figures.style import png
from drml.nets.names import METHODS
from drml.report.tables import csv_text, lay_out, percent, text_table

SPLITS = ("train", "val", "test")


def run(options: argparse.Namespace) -> None:
    check(options)
    dataset = read_dataset(options.data)
    if missing := [split for split in SPLITS if split not in dataset["splits"]]:
        raise UserError(
            f"{options.data} has no {missing[0]} split to train and choose on; give a "
            "fold (drml import ... --fold 1), or for all of DISFA see drml readout"
        )
    pairs = None
    if options.method == JPML:
        pairs, said = related.choose(options.pairs, dataset, options.data)
        print(said, flush=True)
    files = features(options)
    if options.method == JPML and not options.apl:
        options.apl = options.out / "apl"
        train(options, dataset, files, APL, options.apl, None)
    elif options.method == JPML:
        check_apl(options, files)
    train(options, dataset, files, options.method, options.out, pairs)


def check(options: argparse.Namespace) -> None:
    if options.method != JPML and (options.apl or options.pairs != related.PUBLISHED):
        raise UsageError("--apl and --pairs are JPML's")
    if options.method == LSVM and options.no_intercept:
        raise UsageError("--no-intercept is APL's and JPML's")


def features(options: argparse.Namespace) -> dict[str, Descriptors]:
    """Return the splits' descriptors, made where they are not there yet."""
    folder = options.features or options.data / "sift"
    with locked(folder, "drml classical", "another --features"):
        for split in SPLITS:
            opened = open_split(options.data, split)
            write_sift(folder / f"{split}.h5", opened, options.window)
    return {split: Descriptors(folder / f"{split}.h5") for split in SPLITS}


def train(
    options: argparse.Namespace,
    dataset: dict,
    files: dict[str, Descriptors],
    method: str,
    out: Path,
    pairs: related.Pairs | None,
) -> None:
    """Train one method, evaluate it and write all that there is of it into `out`."""
    with locked(out, "drml classical"):
        made_with = settings(options, method, files, pairs)
        stamp(out / "path/about.json", made_with, "choose another --out, or delete it")
        intercept = not options.no_intercept
        training = prepare_file(method, dataset["aus"], files["train"], intercept)
        apl, val = None, files["val"]
        if method == JPML:
            apl = descend(APL, training, val, options.apl / "path").best
        chosen = descend(method, training, val, out / "path", apl, pairs)
        finish(options, files, method, out, training, chosen, pairs)


def settings(
    options: argparse.Namespace,
    method: str,
    files: dict[str, Descriptors],
    pairs: related.Pairs | None,
) -> dict:
    made_with = {
        "method": method,
        "features": fingerprint([files[split].file for split in ("train", "val")]),
        "intercept": not options.no_intercept,
    }
    if pairs:
        made_with |= {"pairs": pairs._asdict()}
        made_with |= {"apl": fingerprint([options.apl / "model.h5"])}
    return made_with


def check_apl(options: argparse.Namespace, files: dict[str, Descriptors]) -> None:
    """Raise UserError unless --apl holds a finished APL of the same faces."""
    remedy = "give the --out of a drml classical apl on the same --data, or no --apl"
    if not (options.apl / "model.h5").exists():
        raise UserError(f"{options.apl} has no model.h5; {remedy}")
    before = read_json(options.apl / "path/about.json", remedy)
    check_stamp(options.apl, before, settings(options, APL, files, None), remedy)


# ---- What is written


def finish(
    options: argparse.Namespace,
    files: dict[str, Descriptors],
    method: str,
    out: Path,
    training: Training,
    chosen: Chosen,
    pairs: related.Pairs | None,
) -> None:
    """Write the model, its predictions, the path and the pictures; print the table."""
    of_train, best = files["train"].about, chosen.best
    about = {
        "title": METHODS[method],
        "method": method,
        "trained_on": of_train["dataset"],
        "generated": of_train["generated"],
        "features": of_train["blob"],
        "chosen": parameters(training, chosen),
        "command": options.command,
    }
    model = training.model(best.weights, best.intercepts, about)
    write_model(out / "model.h5", model)
    how = bootstrap(options)
    found = {
        split: evaluate(files[split], model, out, split, how)
        for split in ("val", "test")
    }
    draw(options, method, out, training, chosen, model, found["test"], pairs)
    print(chosen_table(method, training, chosen))
    title = f"{METHODS[method]} on {found['test'].about['dataset']}"
    spans = how and intervals(found["test"], how)
    print(text_table(title, measure(found["test"]), spans))
    aus = [training.aus[c] for c in training.columns]
    for line in unfinished(aus, best):
        print(f"warning: {line}", file=sys.stderr)
    for au in training.undefined:
        print(f"AU {au} ({AU_NAMES[au]}): train has one class only; it is undefined")


def parameters(training: Training, chosen: Chosen) -> dict[int, dict[str, float]]:
    """Return what was chosen for each AU."""
    aus = [training.aus[c] for c in training.columns]
    return {au: chosen.points[w].names for au, w in zip(aus, chosen.which, strict=True)}


def evaluate(
    descriptors: Descriptors,
    model: Model,
    out: Path,
    split: str,
    how: Bootstrap | None,
) -> Predictions:
    """Score a split and write it as drml evaluate does."""
    about = {
        "title": model.about["title"],
        "dataset": descriptors.about["dataset"],
        "generated": descriptors.about["generated"],
        "split": split,
        "net": model.about["method"],
        "weights": str(out / "model.h5"),
        "features": str(descriptors.file),
        "chosen": model.about["chosen"],
        "command": model.about["command"],
    }
    labels = descriptors.labels
    undefined = np.isnan(model.intercepts)
    labels[:, undefined] = 0
    scores = descriptors.scores(model)
    found = Predictions(about, model.aus, descriptors.keys, scores, labels)
    spans = how and intervals(found, how)
    write_evaluation(out / split, found, measure(found), spans)
    return found


def draw(
    options: argparse.Namespace,
    method: str,
    out: Path,
    training: Training,
    chosen: Chosen,
    model: Model,
    test: Predictions,
    pairs: related.Pairs | None,
) -> None:
    """Write path.csv, patches.csv and the pictures."""
    write(out / "path.csv", path_csv(training, chosen))
    write(out / "patches.csv", patches_csv(model))
    where = f"{METHODS[method]}, {model.about['trained_on']}"
    aus = [training.aus[c] for c in training.columns]
    write(out / "path.png", png(path_chart(f"The path of {where}", aus, chosen)))
    face = load_mean(mean_file(options.data), read_dataset(options.data)["size"])
    title = f"Patches by importance: {where}"
    write(out / "patches.png", png(patch_maps(title, face, model)))
    if pairs:
        apl = read_predictions(options.apl / "test/predictions.h5")
        tables = {"labels": correlations(test.labels, test.labels)}
        for found in (apl, test):
            tables[found.about["title"]] = correlations(found.scores, test.labels)
        names = chosen.points[chosen.which[0]].names
        betas = ", ".join(f"{name} {value:g}" for name, value in names.items())
        title = f"Related AUs, {test.about['dataset']}; JPML's {betas}"
        chart = pair_chart(title, test.aus, pairs._asdict(), tables)
        write(out / "pairs.png", png(chart))


def path_csv(training: Training, chosen: Chosen) -> str:
    names = list(chosen.points[0].names)
    header = [*names, *"au lambda active_patches val_f1 val_auc".split()]
    header += "objective gap epochs seconds chosen".split()
    rows = [
        (
            *point.names.values(), training.aus[column], point.lambdas[c],
            point.active[c], point.f1[c], point.auc[c], point.objective[c],
            point.gap[c], int(point.epochs[c]), point.seconds,
            int(chosen.which[c] == i),
        )
        for i, point in enumerate(chosen.points)
        for c, column in enumerate(training.columns)
        if not np.isnan(point.intercepts[c])
    ]  # fmt: skip
    return csv_text(header, rows)


def patches_csv(model: Model) -> str:
    """A row a landmark, 1 to 49; a column an AU: the patch's importance."""
    header = ["landmark", *(f"AU{au}" for au in model.aus)]
    rows = [(i + 1, *row) for i, row in enumerate(model.importance.tolist())]
    return csv_text(header, rows)


def chosen_table(method: str, training: Training, chosen: Chosen) -> str:
    """What was chosen, and how well and how long it was solved for."""
    best = chosen.best
    names = list(chosen.points[0].names)
    heads = ["lambda / max" if name == "exponent" else name for name in names]
    rows = [("AU", *heads, "patches", "val F1", "val AUC", "gap", "epochs")]
    for c, column in enumerate(training.columns):
        own = chosen.points[chosen.which[c]].names
        values = [10**-v if n == "exponent" else v for n, v in own.items()]
        rows.append(
            (
                str(training.aus[column]), *(f"{v:.2g}" for v in values),
                str(best.active[c]), percent(best.f1[c]),
                percent(best.auc[c]), f"{best.gap[c]:.0e}", f"{best.epochs[c]:.0f}",
            )
        )  # fmt: skip
    title = f"{METHODS[method]}: chosen on val, trained in {best.seconds:.0f} s"
    return lay_out(title, rows, names=0, foot=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("method", choices=METHODS, help="linear SVM, APL or JPML")
    add("--data", type=Path, required=True, help="prepared fold (.../foldK)")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--features", type=Path, help="folder of train.h5, val.h5, test.h5 (DATA/sift)")
    add("--window", type=window, default=WINDOW, help="of SIFT, pixels at 200 (24)")
    add("--apl", type=Path, help="JPML: --out of APL on the same fold (OUT/apl)")
    kinds = (related.PUBLISHED, related.DERIVED)
    add(
        "--pairs",
        choices=kinds,
        default=related.PUBLISHED,
        help="JPML: the published list, or of the training frames (published)",
    )
    add("--no-intercept", action="store_true", help="and not centred, as APL's authors")
    add_bootstrap(parser)
