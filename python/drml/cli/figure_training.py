"""Draw losses over iterations, of several trainings (Fig. 5a), out of Caffe's logs.

Each LOG is a file that `drml train --log` wrote, or Caffe's own, or NAME=LOG. Writes
training.png (training loss as a line, test loss as dots) and training.csv into --out.
With --data the loss of the base rates is drawn across: a training at that line is on a
plateau.
"""

import argparse
from pathlib import Path

from data_prep.base import UserError, write
from drml.evaluate.dataset import describe, read_dataset
from drml.figures.curves import training_curves
from drml.figures.style import png
from drml.nets.log import read_log
from drml.nets.progress import base_rate_loss
from drml.report.tables import csv_text

HEADER = "training iteration train_loss test_loss learning_rate".split()


def run(options: argparse.Namespace) -> None:
    logs = {}
    for word in options.logs:
        name, _, path = word.rpartition("=")
        name = name or Path(path).parent.name or path
        if name in logs:
            raise UserError(f"two trainings are called {name}; name them, NAME=LOG")
        logs[name] = read_log(Path(path))
    title, base = "Loss over iterations", None
    if options.data:
        dataset = read_dataset(options.data)
        base = base_rate_loss(dataset["splits"]["train"])
        title += f", {describe(dataset)}"
    figure = training_curves(title, logs, base)
    write(options.out / "training.png", png(figure))
    rows = [
        (name, i, *(curve.get(i, float("nan")) for curve in curves(log)))
        for name, log in logs.items()
        for i in sorted(set().union(*curves(log)[:2]))
    ]
    write(options.out / "training.csv", csv_text(HEADER, rows))
    print(f"{options.out}/training.png, training.csv: {', '.join(logs)}")


def curves(log) -> tuple[dict, dict, dict]:
    return log.train_loss, log.test_loss, log.learning_rate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("logs", nargs="+", metavar="LOG", help="[NAME=]LOG")
    add("--data", type=Path, help="prepared dataset (.../foldK), for base rates")
    add("--out", type=Path, required=True, help="folder for the results")
