"""Draws tiny datasets of generated faces, for the tests."""

import subprocess
import sys
from pathlib import Path

from data_prep import generate_faces

TINY = {  # BP4D: 4 sequences; DISFA: 3 subjects
    "bp4d": ("--subjects", 2, "--tasks", 2, "--frames", 3, "--height", 174),
    "disfa": ("--subjects", 3, "--frames", 4, "--height", 174),
}


def _words(root: Path, options: tuple, layout: str, jobs: int) -> list[str]:
    plain = ("--layout", layout, *TINY[layout], "--jobs", jobs)
    return [*map(str, (root, *plain, *options))]  # options given override the tiny ones


def generate(root: Path, *options, layout: str = "bp4d", jobs: int = 1) -> None:
    """Draw a tiny dataset in this process."""
    generate_faces.main(_words(root, options, layout, jobs))


def run_script(root: Path, *options, layout: str = "bp4d", **process):
    """Draw one as a user does; returns status and output; process: to Popen."""
    command = [
        sys.executable,
        generate_faces.__file__,
        *_words(root, options, layout, 1),
    ]
    return subprocess.run(command, capture_output=True, text=True, **process)


def contents(root: Path) -> dict[Path, bytes]:
    """Every file under root by its relative path."""
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
