#!/usr/bin/env python3
"""`drml train` as a file."""

import sys

from drml.cli.main import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
