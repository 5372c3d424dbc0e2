"""docs/gpu.md: what a run found, for people."""

import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

from data_prep import base
from gpu.session import Result, Table

HEAD = """# On a GPU

Written by `tests/gpu_test.py`; the next run writes it anew. Five steps are judged, and
a run ends with status 1 if one of them failed:

- **suite**: every test of the C++ runner, Caffe's own and ours, GPU halves included.
- **losses**: DRML's first losses on the CPU and on the GPU, at most 1e-4 of themselves
  apart (float32 sums in another order differ by some 1e-6, and training lets that
  grow), and twice on the GPU with the same bits in losses and weights.
- **train**: the demo's DRML on the GPU; its loss must fall to a tenth.
- **sanitizer**: compute-sanitizer's four tools over our layers' tests.
- **times**: a forward and a backward pass of the paper's networks, layer by layer; they
  are shown, and fail only where a network does not run.

Faces are **generated faces**: nothing here is a result on real ones.
"""


def write(
    path: Path, results: dict[str, Optional[Result]], commit: str, complete: bool
) -> None:
    """Write the report; None in results: not run by these programs on this card."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    made = f"Made {now} at commit {commit}."
    if not complete:
        made += " **The run is not finished**; the same command goes on."
    blocks = [HEAD, made, _table(_overview(results))]
    for step, result in results.items():
        if result:
            blocks += _section(step, result)
    base.write(path, "\n\n".join(b.strip("\n") for b in blocks) + "\n")


def verdict(result: Optional[Result]) -> str:
    if result is None:
        return "not run"
    return {True: "passed", False: "**FAILED**", None: "skipped"}[result.passed]


def commit_of(folder: Path) -> str:
    """Name the commit of a checkout; "unknown" where there is none, or no git."""
    command = ["git", "-C", folder, "describe", "--always", "--dirty"]
    try:
        said = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return said.stdout.strip() or "unknown"


def _overview(results: dict[str, Optional[Result]]) -> Table:
    rows = [
        [step, verdict(result), result.summary if result else ""]
        for step, result in results.items()
    ]
    return Table("", ["step", "outcome", "what was found"], rows)


def _section(step: str, result: Result) -> list[str]:
    blocks = [f"## {step}", *result.notes] if result.tables or result.notes else []
    for table in result.tables:
        blocks += [f"### {table.title}", _table(table), *table.notes]
    return blocks


def _table(table: Table) -> str:
    rows = [table.header, ["---"] * len(table.header), *table.rows]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
