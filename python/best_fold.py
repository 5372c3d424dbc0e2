"""Say which fold's model stands for a network where one is wanted: best.json.

It is the one whose chosen snapshot has the highest F1 on its own val split (ties: the
higher AUC, then the earlier fold).
"""

import argparse
import json
from pathlib import Path

from data_prep.base import UserError, read_json, run, write
from drml.dataset import describe, read_dataset
from drml.options import parser
from drml.selection import best, read_selection


def main() -> None:
    options = parse_options()
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
        raise UserError(f"{selection} has no snapshot; run select_snapshot.py first")
    chosen, dataset = best(scored), read_dataset(data)
    about = read_json(selection, "run select_snapshot.py again")
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


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add(
        "--selections", type=Path, nargs="+", required=True, metavar="FILE",
        help="selection.json of each fold",
    )  # fmt: skip
    add("--data", type=Path, nargs="+", required=True, help="each fold's dataset")
    add("--out", type=Path, required=True, help="best.json")
    options = arguments.parse_args()
    if len(options.selections) != len(options.data):
        arguments.error("give as many --data as --selections")
    return options


if __name__ == "__main__":
    run(main)
