"""Runs the command `drml` as a user does, from the project's root."""

import subprocess
import sys
from pathlib import Path

from drml.cli.main import main

ROOT = Path(__file__).parents[1]


def status_of(*words) -> int:
    """Run it in this process; returns the exit status."""
    try:
        main([str(word) for word in words])
    except SystemExit as end:
        return end.code


def ran(*words, cwd=ROOT, **options) -> subprocess.CompletedProcess:
    """Run it in a process of its own."""
    command = [sys.executable, "-m", "drml", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, **options)


def drml(*words) -> str:
    """Run it to its end; returns what it printed."""
    result = ran(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout
