"""Runs the face generator on tiny datasets, for the tests."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "data_prep" / "generate_faces.py"
TINY = {  # BP4D: 4 sequences; DISFA: 3 subjects
    "bp4d": ("--subjects", 2, "--tasks", 2, "--frames", 3, "--height", 174),
    "disfa": ("--subjects", 3, "--frames", 4, "--height", 174),
}


def run_script(*options, **process) -> subprocess.CompletedProcess:
    """Run generate_faces.py and return its status and output; process: to Popen."""
    command = map(str, (sys.executable, SCRIPT, *options))
    return subprocess.run([*command], capture_output=True, text=True, **process)


def generate(root: Path, *options, layout="bp4d", jobs=2, **process):
    """Draw a tiny dataset; options given override the tiny ones."""
    options = ("--layout", layout, *TINY[layout], "--jobs", jobs, *options)
    return run_script(root, *options, **process)


def contents(root: Path) -> dict[Path, bytes]:
    """Every file under root by its relative path."""
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
