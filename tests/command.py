"""Runs the command `drml` as a user does, from the project's root."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path

from drml.cli.main import main

ROOT = Path(__file__).parents[1]


def status_of(*words) -> int:
    """Run it in this process and folder; returns the exit status."""
    try:
        main([str(word) for word in words])
    except SystemExit as end:
        return end.code


def ran(*words) -> subprocess.CompletedProcess:
    """Run it in this process, where Caffe is loaded; returns what it printed, too."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = status_of(*words)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def ran_alone(*words, cwd=ROOT, **options) -> subprocess.CompletedProcess:
    """Run it in a process of its own."""
    command = [sys.executable, "-m", "drml", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, **options)


def drml(*words) -> str:
    """Run it to its end, in a process of its own; returns what it printed."""
    result = ran_alone(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout
