"""Write the paper's results section over OUT, what `make reproduce` left there.

Reads whatever part of OUT exists and writes OUT/report: results.html (one file that
needs no other), results.md, and each table as CSV, all beside the paper's own numbers.
"""

import argparse
import shlex
import sys
from pathlib import Path

from data_prep.base import run
from drml.options import parser
from drml.results.out import read_out
from drml.results.page import gather, write_page


def main() -> None:
    options = parse_options()
    page = gather(read_out(options.out), shlex.join(["python", *sys.argv]))
    folder = options.out / "report"
    write_page(page, folder)
    for sentence in page.missing:
        print(f"not in the report: {sentence}")
    print(f"report: {folder / 'results.html'}")


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("out", type=Path, help="the folder that was written to")
    return arguments.parse_args()


if __name__ == "__main__":
    run(main)
