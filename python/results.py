"""Write the paper's results section over OUT, what `make reproduce` left there.

Reads whatever part of OUT exists and writes OUT/report: results.html (one file that
needs no other), results.md, and each table as CSV, all beside the paper's own numbers.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from data_prep.errors import run
from drml.options import parser
from drml.report.paper_page import paper_page, write_page
from drml.report.results import read_results


def main(argv: Sequence[str] | None = None) -> None:
    options = parse_options(argv)
    command = shlex.join(["python", *sys.argv])
    page = paper_page(read_results(options.out), command)
    folder = options.out / "report"
    write_page(page, folder)
    for sentence in page.missing:
        print(f"not in the report: {sentence}")
    print(f"report: {folder / 'results.html'}")


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("out", type=Path, help="the folder that was written to")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    run(main)
