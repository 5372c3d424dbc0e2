"""Write one self-contained HTML report of one or several evaluated nets.

Evaluations (folders of `drml evaluate`) and logs (of `drml train`) go in pairs.
"""

import argparse
from pathlib import Path

from data_prep.base import write
from drml.cli.options import UsageError, positive
from drml.evaluate.dataset import read_dataset
from drml.evaluate.predictions import read_evaluation
from drml.evaluate.samples import read_samples
from drml.nets.log import read_log
from drml.report import Run, check_alike, render


def run(options: argparse.Namespace) -> None:
    check(options)
    dataset = read_dataset(options.data)
    runs = [
        Run(read_evaluation(folder), read_log(log), log)
        for folder, log in zip(options.evaluation, options.log, strict=True)
    ]
    check_alike(runs, dataset)
    lmdb = options.data / f"{runs[0].evaluation['split']}_lmdb"
    samples = read_samples(lmdb, runs, options.faces)
    write(options.out, render(options.title, dataset, runs, samples, options.command))
    print(f"report: {options.out}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--evaluation", type=Path, nargs="+", required=True, metavar="DIR")
    add("--log", type=Path, nargs="+", required=True, metavar="FILE")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--out", type=Path, required=True, help="the HTML file")
    add("--title", default="Facial action unit detection")
    add("--faces", type=positive, default=12, help="sample faces to show (12)")


def check(options: argparse.Namespace) -> None:
    if len(options.log) != len(options.evaluation):
        raise UsageError("give as many --log files as --evaluation folders")
