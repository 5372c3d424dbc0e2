"""Which snapshot of a training is the best on the val split: selection.json.

The file: chosen (an iteration), weights (its file), by ("f1"), what the snapshots were
scored on, and snapshots, a list of Scored. It is written after each snapshot scored,
so that a rerun goes on, and is all that early end is decided from: a training that was
ended so is known by it ever after.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path

from data_prep.base import UserError, fingerprint, read_json, write
from data_prep.processes import start
from drml.evaluate.dataset import read_dataset
from drml.nets.solver import Solver

SELECT = (sys.executable, "-m", "drml", "select")
STOPPED = (130, -signal.SIGINT, -signal.SIGTERM)  # its statuses after Ctrl-C or stop()


@dataclass(frozen=True)
class Scored:
    """A snapshot's averages over the `aus` AUs that are defined, as fractions."""

    iteration: int
    weights: str  # its .caffemodel
    fingerprint: str  # of that file's content
    f1: float
    auc: float
    aus: int
    thresholds: dict[str, float] = field(default_factory=dict)  # of highest F1, by AU


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
    remedy = "choose another --out, or delete it if drml select made it"
    record = read_json(file, remedy)
    other = [name for name, value in (about or {}).items() if record.get(name) != value]
    if other:
        raise UserError(f"{file} was made with another {', '.join(other)}; {remedy}")
    try:
        return [Scored(**snapshot) for snapshot in record["snapshots"]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{file} is no selection ({error}); {remedy}") from None


def read_thresholds(file: Path, weights: str) -> dict[str, float]:
    """Return the thresholds by AU that were chosen on val for a snapshot.

    Empty where an earlier version wrote the file; UserError where it never scored these
    weights.
    """
    snapshots = read_selection(file)
    path = Path(weights)
    content = fingerprint([path]) if path.is_file() else None
    for snapshot in snapshots:
        if content == snapshot.fingerprint or (
            content is None and weights == snapshot.weights
        ):
            return snapshot.thresholds
    raise UserError(f"{file} has not scored {weights}; run drml select")


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


class EarlyEnd:
    """Tells when `patience` snapshots in a row have brought no better F1.

    `drml select` scores each snapshot as it comes, while Caffe trains on (until its log
    has filled the pipe that `drml train` reads).
    net: deploy prototxt; data: prepared dataset with a val split (.../foldK).
    """

    def __init__(self, solver: Solver, patience: int, net: Path, data: Path):
        if not solver.interval:
            raise UserError(
                f"{solver.path} has no snapshot interval; --patience counts snapshots"
            )
        if not net.is_file():
            raise UserError(f"{net} does not exist; give the deploy prototxt")
        read_dataset(data)  # a wrong folder is better known now than hours later
        self.solver, self.patience = solver, patience
        self.command = [*SELECT, "--solver", solver.path]
        self.command += ["--net", net, "--data", data, "--out", solver.selection]
        self.seen: list[int] = []
        self.scoring: subprocess.Popen | None = None

    def reached(self) -> int | None:
        """Score what is new; return the iteration that training ended at, if it did."""
        found = self.solver.scheduled()
        if found == self.seen:
            return None
        self.seen = found
        with start(self.command) as self.scoring:
            status = self.scoring.wait()
        if status in STOPPED:
            return None
        if status:
            raise UserError(
                "the snapshots could not be scored, for the reason above; mend it and "
                "run the same command again to go on"
            )
        return ended_at(read_selection(self.solver.selection), self.patience)

    def stop(self) -> None:
        """Stop a scoring that is under way; what it has scored is kept."""
        if self.scoring:
            self.scoring.terminate()
