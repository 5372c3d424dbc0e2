"""Say which fold's model stands for a network where one is wanted: best.json.

It is the one whose chosen snapshot has the highest F1 on its own val split (ties: the
higher AUC, then the earlier fold).
"""

import argparse
import json
from pathlib import Path

from data_prep.base import UserError, read_json, write
from drml.cli.options import UsageError
from drml.evaluate.dataset import describe, read_dataset
from drml.evaluate.selection import best, read_selection


def run(options: argparse.Namespace) -> None:
    check(options)
    pairs = zip(options.selections, options.data, strict=True)
    found = max((candidate(*pair) for pair in pairs), key=lambda c: c["by"])
    del found["by"]
    write(options.out, json.dumps(found, indent=2) + "\n")
    print(
        f"{found['dataset']}: iteration {found['iteration']}, F1 on its val split "
        f"{100 * found['val_f1']:.1f}, in {options.out}"
    )


def candidate(selection: Path, data: Path) -> dict:
    """Describe a fold's chosen snapshot; UserError where none was scored."""
    scored = read_selection(selection)
    if not scored:
        raise UserError(f"{selection} has no snapshot; run drml select first")
    chosen, dataset = best(scored), read_dataset(data)
    about = read_json(selection, "run drml select again")
    return {
        "fold": dataset["fold"],
        "dataset": describe(dataset),
        "data": str(data),
        "net": about["net"],
        "iteration": chosen.iteration,
        "weights": chosen.weights,
        "val_f1": chosen.f1,
        "fingerprints": [chosen.fingerprint, about["fingerprint"]],
        "by": (chosen.f1, chosen.auc, -dataset["fold"]),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--selections", type=Path, nargs="+", required=True, metavar="FILE",
        help="selection.json of each fold",
    )  # fmt: skip
    add("--data", type=Path, nargs="+", required=True, help="each fold's dataset")
    add("--out", type=Path, required=True, help="best.json")


def check(options: argparse.Namespace) -> None:
    if len(options.selections) != len(options.data):
        raise UsageError("give as many --data as --selections")
