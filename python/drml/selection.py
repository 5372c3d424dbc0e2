"""Which snapshot of a training is the best on the val split: selection.json.

The file: chosen (an iteration), weights (its file), by ("f1"), what the snapshots were
scored on, and snapshots, a list of Scored. It is written after each snapshot scored,
so that a rerun goes on, and is all that early end is decided from.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path

from data_prep.base import UserError, read_json, write


@dataclass(frozen=True)
class Scored:
    """A snapshot's averages over the `aus` AUs that are defined, as fractions."""

    iteration: int
    weights: str  # its .caffemodel
    fingerprint: str  # of that file's content
    f1: float
    auc: float
    aus: int


def best(snapshots: Sequence[Scored]) -> Scored:
    """Return the one of highest F1-frame; ties go to the higher AUC, then the earlier.

    snapshots: at least one.
    """
    return max(snapshots, key=lambda s: (s.f1, s.auc, -s.iteration))


def ended_at(snapshots: Sequence[Scored], patience: int) -> int | None:
    """Return the iteration of the first snapshot at which patience was at its end.

    That is the last of `patience` snapshots in a row without a higher F1 than before.
    """
    highest, waited = -inf, 0
    for snapshot in sorted(snapshots, key=lambda s: s.iteration):
        waited = 0 if snapshot.f1 > highest else waited + 1
        highest = max(highest, snapshot.f1)
        if waited == patience:
            return snapshot.iteration
    return None


def read_selection(file: Path, about: dict | None = None) -> list[Scored]:
    """Read the snapshots scored so far, none where there is no file.

    about: what they are to be scored on; UserError where it was something else.
    """
    if not file.exists():
        return []
    remedy = "delete it and run select_snapshot.py again"
    record = read_json(file, remedy)
    other = [name for name, value in (about or {}).items() if record.get(name) != value]
    if other:
        raise UserError(
            f"{file} was made with another {', '.join(other)}; delete it, or choose "
            "another --out"
        )
    try:
        return [Scored(**snapshot) for snapshot in record["snapshots"]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{file} is no selection ({error}); {remedy}") from None


def write_selection(file: Path, about: dict, snapshots: Sequence[Scored]) -> None:
    chosen = best(snapshots)
    record = {
        "chosen": chosen.iteration,
        "weights": chosen.weights,
        "by": "f1",
        **about,
        "snapshots": [asdict(s) for s in sorted(snapshots, key=lambda s: s.iteration)],
    }
    write(file, json.dumps(record, indent=2) + "\n")
