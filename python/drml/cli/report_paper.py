"""Write the paper's results section over OUT, what `make reproduce` left there.

Reads whatever part of OUT exists and writes OUT/report: results.html (one file that
needs no other), results.md, and each table as CSV, all beside the paper's own numbers.
"""

import argparse
from pathlib import Path

from drml.cli.resampling import add_bootstrap, bootstrap
from drml.report.paper_page import paper_page, write_page
from drml.report.results import read_results


def run(options: argparse.Namespace) -> None:
    results, how = read_results(options.out), bootstrap(options)
    page = paper_page(results, options.command, how)
    folder = options.out / "report"
    write_page(page, folder)
    for sentence in page.missing:
        print(f"not in the report: {sentence}")
    print(f"report: {folder / 'results.html'}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="the folder that was written to")
    add_bootstrap(parser)
