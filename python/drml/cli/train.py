"""Train with `caffe train`, going on from the newest snapshot.

Run it from the folder that the solver's paths start at. Caffe's log is shown and
appended to --log. Each line of it with a loss is followed by one that says how far that
is from the loss of the AUs' base rates, which a net on a plateau has, and how long the
rest takes. Ctrl-C lets Caffe write a snapshot first; the same command goes on from
there, and does nothing once max_iter is reached. Exit status: Caffe's own, 130 after
Ctrl-C. PREFIX_model.json, beside the snapshots, says which net, mean image and AUs
belong to them: `drml predict` reads it.

--patience N ends the training early, once N snapshots in a row have not raised the F1
on the val split (see `drml select`, which scores them as they come).
"""

import argparse
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TextIO

from data_prep.base import UserError, whole
from data_prep.processes import start
from drml.cli.options import UsageError
from drml.evaluate.selection import EarlyEnd
from drml.nets.progress import Progress
from drml.nets.solver import Solver, read_solver
from drml.predict.trained import write_record


def run(options: argparse.Namespace) -> int:
    check(options)
    solver = read_solver(options.solver)
    caffe = shutil.which(options.caffe)
    if caffe is None:
        raise UserError(f"{options.caffe} is no program; build Caffe or give --caffe")
    early = early_end(solver, options)
    done = solver.newest_snapshot()
    if done is not None and done >= solver.max_iter:
        say(f"{solver.path} is trained: {solver.state(done)} exists, nothing to do")
        return 0
    if early and (end := early.reached()):
        say(f"{solver.path} is trained: it ended early at {end}, nothing to do")
        return 0
    write_record(solver)
    command = [caffe, "train", "-solver", str(solver.path)]
    if done is None:
        say(f"training {solver.path} from the start to iteration {solver.max_iter}")
    else:
        say(f"resuming {solver.path} at iteration {done} of {solver.max_iter}")
        command += ["-snapshot", str(solver.state(done))]
    return train(command, solver, options.log, early)


def early_end(solver: Solver, options: argparse.Namespace) -> EarlyEnd | None:
    if options.patience is None:
        return None
    return EarlyEnd(solver, options.patience, options.net, options.data)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("solver", type=Path, help="solver prototxt")
    add(
        "--log",
        type=Path,
        default=Path(os.devnull),
        help="file to append Caffe's log to (default: none)",
    )
    add("--caffe", default="caffe", help="the caffe program")
    add(
        "--patience",
        type=whole(1),
        help="end after N snapshots without a better validation F1",
        metavar="N",
    )
    add("--net", type=Path, help="with --patience: deploy prototxt")
    add("--data", type=Path, help="with --patience: prepared dataset (.../foldK)")


def check(options: argparse.Namespace) -> None:
    if {bool(options.net), bool(options.data)} != {options.patience is not None}:
        raise UsageError("--patience, --net and --data go together")


def say(text: str) -> None:
    print(f"drml train: {text}", flush=True)


def train(command: list[str], solver: Solver, log: Path, early: EarlyEnd | None) -> int:
    """Run Caffe to its end; raises KeyboardInterrupt when it was stopped before."""
    Path(solver.prefix).parent.mkdir(parents=True, exist_ok=True)
    progress = Progress(solver)
    with (
        open_log(log) as log_file,
        start(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | {"GLOG_logtostderr": "1"},  # no second log elsewhere
        ) as caffe,
    ):
        stopped = pass_on_signals(caffe, early)
        for line in caffe.stdout:
            print(line, end="", flush=True)
            log_file.write(line)
            if said := progress.of(line):
                say(said)
            if early and not stopped and ends(early, caffe):
                return 0
    if stopped and not solver.state(solver.max_iter).exists():
        raise KeyboardInterrupt
    if caffe.returncode > 0:
        say(f"caffe ended with status {caffe.returncode}; its reason stands above")
    elif caffe.returncode < 0:
        name = signal.Signals(-caffe.returncode).name
        why = ", perhaps for want of memory" if name == "SIGKILL" else ""
        say(f"caffe was ended by {name}{why}; the same command goes on")
    return caffe.returncode if caffe.returncode >= 0 else 128 - caffe.returncode


def ends(early: EarlyEnd, caffe: subprocess.Popen) -> bool:
    """End Caffe where the training is done early.

    Its snapshots are whole or not there, so that it can be ended anywhere.
    """
    try:
        end = early.reached()
    except UserError:
        caffe.kill()
        raise
    if end:
        say(f"ends early at {end}: {early.patience} snapshots without a better F1")
        caffe.kill()
    return end is not None


def open_log(path: Path) -> TextIO:
    """Open the log to append to, line by line so that others can follow it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def pass_on_signals(caffe: subprocess.Popen, early: EarlyEnd | None) -> list[int]:
    """Hand what ends programs on as SIGINT, on which Caffe snapshots and ends.

    Returns the list that the signals received are put into.
    """
    received: list[int] = []

    def pass_on(number: int, _frame) -> None:
        received.append(number)
        caffe.send_signal(signal.SIGINT)
        if early:
            early.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, pass_on)
    return received
