"""`drml reproduce`: what is done and what is to do, what has changed, then the work.

1. Snakemake is asked what is to be done, and a first iteration of each network that is
   to work is measured; the plan is printed.
2. What changed unasked is named, and ends the run unless it is to be redone.
3. Snakemake runs the workflow, and the report is written of what there is.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from time import sleep

from snakemake import cli

from data_prep.base import UserError, locked, read_json, write
from data_prep.dataset import are_generated
from data_prep.processes import end_with_parent
from drml.nets.names import METHODS, TITLES
from drml.report.tables import lay_out
from drml.reproduce.contents import PARTS, Contents
from drml.reproduce.estimate import Estimate
from drml.reproduce.plan import TRIGGERS, WORKFLOW, Plan, Step
from drml.reproduce.protocol import PROTOCOLS
from drml.reproduce.request import check_contents, config

PROFILES = WORKFLOW.parent / "profiles"
RULES = {  # the row of the plan that a rule stands in
    "generate": "generated faces",
    "import_bp4d": "import",
    "import_disfa": "import",
    "best": "best folds",
    "first_iteration": "first iterations",
    "features": PARTS["features"],
    "disfa_direct": PARTS["3"],
    "disfa_features": PARTS["3"],
    "disfa_read_out": PARTS["3"],
    "disfa_classical": PARTS["3"],
    "sift": "SIFT features",
    "sift_disfa": "SIFT features",
    "table4": PARTS["4"],
    "saliency": PARTS["fig4"],
    "relations": PARTS["fig5"],
    "region": PARTS["region"],
    "report": "report",
}


def reproduce(options: argparse.Namespace) -> None:
    """Bring about what is asked for; UserError where it cannot be had whole."""
    with locked(options.out, "make reproduce", "another OUT"):
        Driver(options).run()


class Driver:
    """One run on a folder of results, which nobody else is writing."""

    def __init__(self, options: argparse.Namespace):
        self.options, self.out = options, options.out
        self.config = config(options)
        self.contents = Contents(self.config, self.out)
        self.generated = self.contents.draws or are_generated([options.bp4d])
        file = self.out / "run.json"
        remedy = "delete that folder, or choose another OUT"
        before = read_json(file, remedy) if file.exists() else {}
        check_contents(self.contents, self.generated, before)

    def run(self) -> None:
        for line in self.contents.left_out():
            print(line)
        plan = Plan(self.out, self.config)
        if not self.options.dry_run:
            self._cancel_left()
            self._measure(plan)
        print(self._table(plan), flush=True)
        questions = list(plan.questions())
        print(*questions, sep="\n", file=sys.stderr, end="\n" * bool(questions))
        if self.options.dry_run:
            return
        if questions and not self.options.redo:
            raise UserError(
                "what is named above has changed: put it back, or give REDO=1 (--redo) "
                "to redo what depends on it"
            )
        if plan.todo:
            self._work(plan)
        self._report()
        print(f"\nThe results: {self.out / self._page}")

    def _work(self, plan: Plan) -> None:
        self._note()
        for copy in self._set_aside(plan):
            print(f"what was edited is kept as {copy}", flush=True)
        if plan.lost:  # made anew it may be as it was, and nothing follows
            self._snakemake(*plan.lost)
            plan = Plan(self.out, self.config)
        forced = [f"{run}/begun" for run in plan.spoilt]
        forced += [file for file in plan.edited if not file.endswith(".prototxt")]
        plan.hold()
        if not plan.todo or self._snakemake("results", forced=forced):
            plan.hold(everything=True)
            return
        left = Plan(self.out, self.config).todo
        waiting = {id(s) for step in left for s in step.hang}
        failed = [step.name for step in left if id(step) not in waiting]
        lost = [step for step in left if id(step) in waiting]
        if old := [f for s in left for f in s.outputs if (self.out / f).exists()]:
            print(f"the report waits: {old[0]} is of before", file=sys.stderr)
        else:
            try:
                self._report()
            except UserError as error:  # what follows is why
                print(error, file=sys.stderr)
        more = f" ({', '.join(s.name for s in lost)} left out)" if lost else ""
        raise UserError(
            f"{', '.join(failed)} failed{more}: mend what is named above and run the "
            "same command again to go on"
        )

    @property
    def _jobs_name(self) -> str:
        """What the names of a cluster's jobs for this OUT begin with."""
        return f"drml-{sha256(str(self.out.resolve()).encode()).hexdigest()[:12]}"

    def _cancel_left(self) -> None:
        """Cancel Slurm's jobs of a run that was killed: two would write one file."""
        if not self.options.profile or not shutil.which("squeue"):
            return
        told = False
        while left := self._jobs_left():
            if not told:
                said = "a run that was killed left these jobs, which are cancelled"
                print(f"{said}: {' '.join(left)}", flush=True)
            told = True
            subprocess.run(["scancel", *left], check=False)
            sleep(1)

    def _jobs_left(self) -> list[str]:
        command = ["squeue", "--me", "--noheader", "--format=%i %j"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        jobs = [line.split() for line in asked.stdout.splitlines()]
        return [number for number, name in jobs if name.startswith(self._jobs_name)]

    def _measure(self, plan: Plan) -> None:
        """Time the networks that are to work, where it is not known yet."""
        networks = Estimate(self.contents, plan.steps).networks
        files = [f"first_iteration/{network}.json" for network in networks]
        if not files or not Plan(self.out, self.config, *files).todo:
            return
        if any(not (self.out / file).exists() for file in files):
            print(f"timing an iteration of {', '.join(networks)}", flush=True)
        if not self._snakemake(*files, quiet=True):
            raise UserError(
                f"no iteration of {', '.join(networks)} could be timed, for the "
                "reason above (is there enough memory?)"
            )

    def _report(self) -> None:
        """Write the report of what there is, if that has changed."""
        steps = Plan(self.out, self.config, "report").steps
        if not any(s.todo for s in steps if s.rule == "report"):
            return
        if not self._snakemake("report", allowed="report", quiet=True):
            raise UserError("the report failed, for the reason above")

    @property
    def _page(self) -> str:
        demo = self.contents.protocol.name == "demo"
        return "report.html" if demo else "report/results.html"

    def _note(self) -> None:
        """Write run.json: what OUT holds or is about to, and how it was asked for."""
        protocol, asked = self.contents.protocol, vars(self.options)
        names = ["iterations"] * (protocol != PROTOCOLS[protocol.name])
        names += ["patience", "train_folds", "sample_splits", "labels", "threshold"]
        departures = {n: asked[n] for n in names if asked[n] is not None}
        about = {
            "generated": self.generated,
            **self.contents.about(),
            "protocol": protocol.name,
            **departures,
            "seed": self.options.seed,
            "engine": self.config["engine"],
            "left_out": self.contents.left_out(),
            "command": self.options.command,
        }
        write(self.out / "run.json", json.dumps(about, indent=2) + "\n")

    def _set_aside(self, plan: Plan) -> Iterable[str]:
        """Copy edited prototxts that are to be written again, since options changed."""
        for step in plan.todo:
            for file in step.overwritten:
                path = self.out / file
                yield str(shutil.copy2(path, f"{path}.edited"))

    def _snakemake(
        self,
        *targets: str,
        forced: Sequence[str] = (),
        allowed: str | None = None,
        quiet: bool = False,
    ) -> bool:
        """Run the workflow to these targets; returns whether all was done."""
        file = self.out / "config.json"
        text = json.dumps(self.config, indent=2) + "\n"
        if not file.exists() or file.read_text() != text:
            write(file, text)
        command = [*targets, "--snakefile", WORKFLOW, "--directory", self.out]
        command += ["--configfile", file.absolute()]
        command += ["--rerun-triggers", *TRIGGERS, "--rerun-incomplete", "--nolock"]
        command += ["--keep-going", "--scheduler", "greedy"]
        command += ["--logger", "drml"]  # python/snakemake_logger_plugin_drml
        command += ["--quiet", "all"] if quiet else []
        command += ["--resources", "store=1", f"gpu={self.config['gpus']}"]
        command += self._where()
        command += ["--forcerun", *forced] if forced else []
        command += ["--allowed-rules", allowed] if allowed else []
        return _run(list(map(str, command))) == 0

    def _where(self) -> list:
        """On this machine, or as a profile says."""
        profile, jobs = self.options.profile, self.options.jobs
        if not profile:
            return ["--cores", self.config["cores"]]
        own = PROFILES / profile
        where = ["--profile", own if own.is_dir() else profile, "--jobs", jobs]
        return [*where, "--slurm-jobname-prefix", self._jobs_name]

    def _table(self, plan: Plan) -> str:
        faces = "generated faces" if self.generated else "BP4D"
        title = f"{self.out}: the {self.contents.protocol.name} protocol on {faces}"
        parts: dict[str, list[Step]] = {}
        for step in plan.steps:
            parts.setdefault(self._part(step), []).append(step)
        estimate = Estimate(self.contents, plan.steps)
        rows = [_row(part, own, estimate) for part, own in parts.items()]
        header = ("part", "steps", "done", "to do", "about")
        return lay_out(title, [header, *rows, _row("all", plan.steps, estimate)], 0)

    def _part(self, step: Step) -> str:
        if step.rule in RULES:
            return RULES[step.rule]
        if method := METHODS.get(step.wildcards.get("method", "")):
            return f"{method}, fold {step.wildcards['k']}"
        *place, fold = step.wildcards["run"].split("/")
        net = TITLES.get(place[0]) or f"DRML {place[-1]}"
        return f"{net}, fold {fold[-1]}"


def _row(part: str, steps: Sequence[Step], estimate: Estimate) -> tuple[str, ...]:
    todo = [step for step in steps if step.todo]
    counts = (len(steps), len(steps) - len(todo), len(todo))
    return (part, *map(str, counts), estimate.total(todo))


def _run(words: list[str]) -> int:
    """Run Snakemake; Ctrl-C, to this process or to all, lets a training snapshot."""
    stopped = []
    # A fork, since importing it takes longer than most of what it does here.
    child = get_context("fork").Process(target=_snakemake, args=(words, os.getpid()))

    def pass_on(number: int, _frame) -> None:
        stopped.append(number)
        os.killpg(child.pid, signal.SIGINT)

    child.start()
    with suppress(OSError):  # whichever is first; it may be gone already
        os.setpgid(child.pid, child.pid)
    before = {n: signal.signal(n, pass_on) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        child.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stopped:
        raise KeyboardInterrupt
    return child.exitcode


def _snakemake(words: list[str], parent: int) -> None:
    """Be Snakemake, in a process group of its own; it ends with the parent."""
    end_with_parent(parent)
    with suppress(OSError):
        os.setpgid(0, 0)
    # The workflow calls `drml`, and a cluster's jobs are Snakemakes again, which look
    # for its logger on Python's path.
    os.environ["PATH"] = _joined(os.environ["PATH"], Path(sys.executable).parent)
    os.environ["PYTHONPATH"] = _joined(WORKFLOW.parent, os.environ.get("PYTHONPATH"))
    sys.path.insert(0, str(WORKFLOW.parent))
    sys.argv = ["snakemake", *words]
    try:
        cli.main(words)
    except SystemExit as end:  # its timers would keep this process for a second more
        sys.stdout.flush()
        os._exit(end.code)


def _joined(*paths: str | Path | None) -> str:
    return os.pathsep.join(str(path) for path in paths if path)
