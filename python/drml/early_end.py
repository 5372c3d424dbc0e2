"""Early end: a training is done once the F1 on the val split no longer rises.

select_snapshot.py scores each snapshot as it comes, while Caffe trains on (until its
log has filled the pipe that train.py reads), and selection.json, which it writes, is
all that is decided from: a training that was ended so is known by it ever after.
"""

import signal
import subprocess
import sys
from pathlib import Path

from data_prep.base import UserError
from data_prep.processes import start
from drml.dataset import read_dataset
from drml.selection import ended_at, read_selection
from drml.solver import Solver

SELECT = Path(__file__).parents[1] / "select_snapshot.py"
STOPPED = (130, -signal.SIGINT, -signal.SIGTERM)  # its statuses after Ctrl-C or stop()


class EarlyEnd:
    """Tells when `patience` snapshots in a row have brought no better F1.

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
        self.command = [sys.executable, SELECT, "--solver", solver.path]
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
