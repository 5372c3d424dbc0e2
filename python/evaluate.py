#!/usr/bin/env python3
"""`drml evaluate` as a file."""

import sys

from drml.cli.main import main

main(["evaluate", *sys.argv[1:]])
