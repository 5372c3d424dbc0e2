"""Write one self-contained HTML report of one or several evaluated nets.

Evaluations (folders written by evaluate.py) and logs (of train.py) go in pairs.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from data_prep.errors import run
from drml.dataset import read_dataset
from drml.files import write
from drml.options import parser, positive
from drml.report.run_page import check_alike, read_runs, run_page


def main(argv: Sequence[str] | None = None) -> None:
    options = parse_options(argv)
    dataset = read_dataset(options.data)
    runs = read_runs(options.evaluation, options.log)
    check_alike(runs, dataset)
    command = shlex.join(["python", *sys.argv])
    page = run_page(options.title, runs, options.data, dataset, options.faces, command)
    write(options.out, page.as_html())
    print(f"report: {options.out}")


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--evaluation", type=Path, nargs="+", required=True, metavar="DIR")
    add("--log", type=Path, nargs="+", required=True, metavar="FILE")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--out", type=Path, required=True, help="the HTML file")
    add("--title", default="Facial action unit detection")
    add("--faces", type=positive, default=12, help="sample faces to show (12)")
    options = arguments.parse_args(argv)
    if len(options.log) != len(options.evaluation):
        arguments.error("give as many --log files as --evaluation folders")
    return options


if __name__ == "__main__":
    run(main)
