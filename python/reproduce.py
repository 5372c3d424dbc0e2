"""Run the paper's experiments and write its results section: `make reproduce`.

With --bp4d (and --disfa, for Table 3) on the real datasets as the paper trains; without
them on generated faces. Prints the plan with estimated times, runs what is not done yet
and writes OUT/report/results.html. Stop it whenever you like: the same command goes on.
What changed since a step was run is named, and done again only with --redo.
"""

import argparse
import json
import os
import shlex
import signal
import sys
from functools import partial
from pathlib import Path

from data_prep.base import UserError, locked, read_json, run, write
from data_prep.folds import FOLDS
from data_prep.importer import at_least
from drml.hardware import hardware
from drml.networks import NETWORKS
from drml.options import parser, positive
from drml.pycaffe import check_mode, engine
from drml.reproduce.driver import bring_about, show
from drml.reproduce.estimate import Estimate
from drml.reproduce.figures import timed_networks
from drml.reproduce.ledger import Ledger, finished_steps
from drml.reproduce.plan import plan
from drml.reproduce.request import PARTS, Request

ROOT = Path(__file__).parents[1]


def main() -> None:
    request, options = parse_options()
    check_mode(options.mode)  # Table 4, which wants it, comes last
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # not glog's stack trace
    with locked(request.out, "make reproduce", "another OUT"):
        reproduce(request, options)


def reproduce(request: Request, options: argparse.Namespace) -> None:
    check_faces(request)
    steps = plan(request)
    names = {request.bp4d: "BP4D", request.disfa: "DISFA"}
    ledger = Ledger(request.out, {path: n for path, n in names.items() if path})
    estimate = Estimate(ledger, steps, request.protocol.batch, hardware())
    for line in request.left_out():
        print(line)
    if options.dry_run:
        show(title(request), steps, ledger, estimate)
        return
    begin = partial(note, request)
    bring_about(title(request), steps, ledger, estimate, options.redo, begin)
    print(f"\nThe results section: {request.out}/report/results.html")


def title(request: Request) -> str:
    faces = "generated faces" if request.generated else "BP4D"
    return f"{request.out}: the {request.protocol.name} protocol on {faces}"


def check_faces(request: Request) -> None:
    """Raise UserError where OUT holds results on other faces."""
    file = request.out / "run.json"
    if not file.exists():
        return
    before = read_json(file, "delete that folder, or choose another OUT")
    if before.get("generated") != request.generated:
        kinds = ("the real datasets", "generated faces")
        raise UserError(
            f"{request.out} holds results on {kinds[not request.generated]}: "
            f"choose another OUT for those on {kinds[request.generated]}"
        )


def note(request: Request) -> None:
    """Write run.json: what OUT holds or is about to, and how it was last asked for."""
    about = {
        "generated": request.generated,
        **request.contents(),
        "protocol": request.protocol.name,
        **request.departures,
        "seed": request.seed,
        "engine": engine(),
        "left_out": request.left_out(),
        "command": shlex.join(["python", *sys.argv]),
    }
    write(request.out / "run.json", json.dumps(about, indent=2) + "\n")


def parse_options() -> tuple[Request, argparse.Namespace]:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--bp4d", type=folder, help="BP4D's folder; without it faces are generated")
    add("--disfa", type=folder, help="DISFA's folder")
    add("--nets", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="all")
    add("--folds", nargs="+", type=int, choices=FOLDS, default=list(FOLDS), help="all")
    add("--tables", nargs="+", choices=PARTS, default=list(PARTS), help="all")
    add("--grids", nargs="+", type=int, default=[], help="other grids to try: 5 10")
    add("--out", type=folder, default=Path("out/reproduce"), help="%(default)s")
    add("--seed", type=at_least(0), default=1, help="of faces, sampling, training (1)")
    add("--iterations", type=positive, help="of every training (the protocol's)")
    add("--patience", type=positive, help="end a training early: train.py --help")
    add("--trials", type=positive, help="of Table 4 (the protocol's)")
    add("--trial-iterations", type=positive, help="of each of them (the protocol's)")
    add("--mode", choices=("cpu", "gpu"), help="for Table 4 (the GPU if there is one)")
    add("--redo", action="store_true", help="redo what depends on what has changed")
    add("--dry-run", action="store_true", help="print the plan, run nothing")
    add("--caffe", type=Path, default=Path("build/bin/caffe"), help="%(default)s")
    options = arguments.parse_args()
    os.chdir(ROOT)  # where the scripts and the solvers' paths start
    finished = finished_steps(options.out)
    names = ("out", "bp4d", "disfa", "seed", "iterations", "patience", "caffe", "mode")
    request = Request(
        runs=tuple((net, fold) for net in options.nets for fold in options.folds),
        parts=tuple(options.tables),
        grids=tuple(options.grids),
        trial_count=options.trials,
        trial_iterations=options.trial_iterations,
        finished=frozenset(finished),
        timed=timed_networks(finished),
        **{name: getattr(options, name) for name in names},
    )
    return request, options


def folder(text: str) -> Path:
    """Return a folder as it is seen from the project's root."""
    path = Path(text).resolve()
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


if __name__ == "__main__":
    run(main)
