"""Runs the project's scripts as a user does, from its root."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def script(name: str, *options) -> str:
    """Run a script; returns what it printed."""
    command = [sys.executable, name, *map(str, options)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout
