"""Write one self-contained HTML report of one or several evaluated nets.

Evaluations (folders written by evaluate.py) and logs (of train.py) go in pairs.
"""

import argparse
import shlex
import sys
from pathlib import Path

from data_prep.base import run, write
from drml.caffe_log import read_log
from drml.dataset import read_dataset
from drml.evaluation import read_evaluation
from drml.options import parser, positive
from drml.report import Run, check_alike, render
from drml.samples import read_samples


def main() -> None:
    options = parse_options()
    dataset = read_dataset(options.data)
    runs = [
        Run(read_evaluation(folder), read_log(log), log)
        for folder, log in zip(options.evaluation, options.log, strict=True)
    ]
    check_alike(runs, dataset)
    lmdb = options.data / f"{runs[0].evaluation['split']}_lmdb"
    samples = read_samples(lmdb, runs, options.faces)
    command = shlex.join(["python", *sys.argv])
    write(options.out, render(options.title, dataset, runs, samples, command))
    print(f"report: {options.out}")


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--evaluation", type=Path, nargs="+", required=True, metavar="DIR")
    add("--log", type=Path, nargs="+", required=True, metavar="FILE")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--out", type=Path, required=True, help="the HTML file")
    add("--title", default="Facial action unit detection")
    add("--faces", type=positive, default=12, help="sample faces to show (12)")
    options = arguments.parse_args()
    if len(options.log) != len(options.evaluation):
        arguments.error("give as many --log files as --evaluation folders")
    return options


if __name__ == "__main__":
    run(main)
