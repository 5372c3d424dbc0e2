"""Train with `caffe train`, going on from the newest snapshot.

Run it from the folder that the solver's paths start at. Caffe's log is shown and
appended to --log. Ctrl-C lets Caffe write a snapshot first; the same command goes on
from there, and does nothing once max_iter is reached. Exit status: Caffe's own, 130
after Ctrl-C.
"""

import argparse
import os
import shutil
import signal
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from data_prep.errors import UserError, run
from drml.caffe_log import seconds_left
from drml.options import parser
from drml.solver import Solver, read_solver


def main() -> int:
    options = parse_options()
    solver = read_solver(options.solver)
    caffe = shutil.which(options.caffe)
    if caffe is None:
        raise UserError(f"{options.caffe} is no program; build Caffe or give --caffe")
    done = solver.newest_snapshot()
    if done is not None and done >= solver.max_iter:
        say(f"{solver.path} is trained: {solver.state(done)} exists, nothing to do")
        return 0
    command = [caffe, "train", "-solver", str(solver.path)]
    if done is None:
        say(f"training {solver.path} from the start to iteration {solver.max_iter}")
    else:
        say(f"resuming {solver.path} at iteration {done} of {solver.max_iter}")
        command += ["-snapshot", str(solver.state(done))]
    return train(command, solver, options.log)


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("solver", type=Path, help="solver prototxt")
    arguments.add_argument(
        "--log",
        type=Path,
        default=Path(os.devnull),
        help="file to append Caffe's log to (default: none)",
    )
    arguments.add_argument("--caffe", default="caffe", help="the caffe program")
    return arguments.parse_args()


def say(text: str) -> None:
    print(f"train.py: {text}", flush=True)


def train(command: list[str], solver: Solver, log: Path) -> int:
    """Run Caffe to its end; raises KeyboardInterrupt when it was stopped early."""
    Path(solver.prefix).parent.mkdir(parents=True, exist_ok=True)
    with (
        open_log(log) as log_file,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | {"GLOG_logtostderr": "1"},  # no second log elsewhere
        ) as caffe,
    ):
        stopped = pass_on_signals(caffe)
        for line in caffe.stdout:
            print(line, end="", flush=True)
            log_file.write(line)
            seconds = seconds_left(line, solver.max_iter)
            if seconds is not None:
                say(f"about {timedelta(seconds=round(seconds))} left")
    if stopped and not solver.state(solver.max_iter).exists():
        raise KeyboardInterrupt
    if caffe.returncode:
        say(f"caffe ended with status {caffe.returncode}; its reason stands above")
    return caffe.returncode if caffe.returncode >= 0 else 128 - caffe.returncode


def open_log(path: Path) -> TextIO:
    """Open the log to append to, line by line so that others can follow it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def pass_on_signals(caffe: subprocess.Popen) -> list[int]:
    """Hand SIGINT and SIGTERM on as SIGINT, on which Caffe snapshots and ends.

    Returns the list that the signals received are put into.
    """
    received: list[int] = []

    def pass_on(number: int, _frame) -> None:
        received.append(number)
        caffe.send_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGTERM, pass_on)
    return received


if __name__ == "__main__":
    run(main)
