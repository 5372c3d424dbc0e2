"""Write one self-contained HTML report of one or several evaluated nets.

Evaluations (folders of `drml evaluate`) and logs (of `drml train`) go in pairs.
"""

import argparse
from pathlib import Path

from data_prep.base import whole, write
from drml.cli.options import UsageError
from drml.evaluate.dataset import read_dataset
from drml.report.run_page import check_alike, read_runs, run_page


def run(options: argparse.Namespace) -> None:
    check(options)
    dataset = read_dataset(options.data)
    runs = read_runs(options.evaluation, options.log)
    check_alike(runs, dataset)
    page = run_page(
        options.title, runs, options.data, dataset, options.faces, options.command
    )
    write(options.out, page.as_html())
    print(f"report: {options.out}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--evaluation", type=Path, nargs="+", required=True, metavar="DIR")
    add("--log", type=Path, nargs="+", required=True, metavar="FILE")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--out", type=Path, required=True, help="the HTML file")
    add("--title", default="Facial action unit detection")
    add("--faces", type=whole(1), default=12, help="sample faces to show (12)")


def check(options: argparse.Namespace) -> None:
    if len(options.log) != len(options.evaluation):
        raise UsageError("give as many --log files as --evaluation folders")
