#!/usr/bin/env python3
"""`drml evaluate` as a file."""

import sys

from drml.cli.main import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
