"""Compare AU correlations in nets' predictions with the ground truth's (Fig. 5b-d).

Reads files of predictions (`drml evaluate` writes them) on the same faces. Writes
relations.png, the tables as heat maps, and relations.csv into --out, and prints each
net's distance to the ground truth beside the paper's (drml/figures/relations.py).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.base import UserError, write
from drml.evaluate.metrics import THRESHOLD
from drml.evaluate.predictions import (
    Predictions,
    of_same_faces,
    read_predictions,
    with_aus,
)
from drml.figures.relations import TRUTH, correlations, distance, heat_maps
from drml.figures.style import png
from drml.report.paper import relation_distance
from drml.report.tables import csv_text, distinct, lay_out


def run(options: argparse.Namespace) -> None:
    runs = [read_predictions(path) for path in options.predictions]
    check_alike(runs)
    shared = [au for au in runs[0].aus if all(au in found.aus for found in runs)]
    if not shared:
        raise UserError("the predictions have no AU in common")
    runs = [with_aus(found, shared) for found in runs]
    first = runs[0]
    tables = {TRUTH: correlations(first.labels, first.labels)}
    for found in runs:
        values = found.scores if options.of == "scores" else found.scores >= THRESHOLD
        tables[distinct(found.about["title"], tables)] = correlations(
            values, first.labels
        )
    what = f"Correlation of AU {options.of}, {first.about['dataset']}"
    write(options.out / "relations.png", png(heat_maps(what, first.aus, tables)))
    write(options.out / "relations.csv", as_csv(first, tables))
    print(as_text(f"Distance to the ground truth's table. {what}", tables))


def check_alike(runs: Sequence[Predictions]) -> None:
    """Raise UserError unless all predictions are of the same faces, AUs and labels."""
    for other in runs[1:]:
        if not of_same_faces(other, runs[0]):
            raise UserError(
                f"{other.about['title']} and {runs[0].about['title']} were evaluated "
                "on different faces, AUs or labels; evaluate both on the same split"
            )


def as_csv(first: Predictions, tables: dict[str, np.ndarray]) -> str:
    rows = [
        (first.about["dataset"], name, first.aus[i], first.aus[j], float(value))
        for name, table in tables.items()
        for (i, j), value in np.ndenumerate(table)
    ]
    return csv_text("dataset table au other_au correlation".split(), rows)


def as_text(title: str, tables: dict[str, np.ndarray]) -> str:
    rows = [("net", "entries", "norm", "per entry", "paper's")]
    for name, table in tables.items():
        if name != TRUTH:
            found, papers = distance(table, tables[TRUTH]), relation_distance(name)
            rows.append(
                (
                    name,
                    str(found.entries),
                    f"{found.norm:.3f}",
                    f"{found.per_entry:.4f}",
                    "" if papers is None else f"{papers:.4f}",
                )
            )
    return lay_out(title, rows, names=0, foot=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--predictions", type=Path, nargs="+", required=True, metavar="FILE",
        help="predictions.h5 of each net",
    )  # fmt: skip
    add("--out", type=Path, required=True, help="folder for the results")
    add(
        "--of", choices=("decisions", "scores"), default="decisions",
        help="scores at or above 0.5, as the labels are (default), or as they are",
    )  # fmt: skip
