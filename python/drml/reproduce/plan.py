"""The plan: what Snakemake would run, why, and what has changed unasked.

Snakemake finds what is to be done (a missing file, newer inputs, other params). What
nobody asked for is a question, which the driver puts to the user: a result that was
lost or edited, another option, another dataset. What follows from these, or from more
networks and folds joining a result, is none.
"""

import ast
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from snakemake.api import SnakemakeApi
from snakemake.dag import DAG
from snakemake.exceptions import WorkflowError
from snakemake.jobs import Job
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    ResourceSettings,
)

from data_prep.base import UserError, fingerprint, read_json, write
from drml.evaluate.selection import best, read_selection
from drml.reproduce.contents import step_name

WORKFLOW = Path(__file__).parents[2] / "reproduce.smk"
TRIGGERS = ("mtime", "params", "input")  # the code itself is not watched
HELD = ".snakemake/held.json"
JOINED = {"best", "saliency", "relations", "table4"}  # cheap: made again unasked


@dataclass
class Step:
    """A job of the workflow. outputs and edited: seen from OUT."""

    rule: str
    wildcards: dict[str, str]
    outputs: list[str]
    todo: bool
    hang: list["Step"] = field(default_factory=list)  # all that need it
    seconds: float | None = None  # that it took when it was last run
    changes: list[str] = field(default_factory=list)  # that nobody asked for
    lost: list[str] = field(default_factory=list)  # outputs
    edited: list[str] = field(default_factory=list)  # inputs that it is to read again
    overwritten: list[str] = field(default_factory=list)  # prototxts, edited before

    @property
    def name(self) -> str:
        return step_name(self.rule, self.wildcards)


class Plan:
    """The steps that targets come to, in the order in which they can be run."""

    def __init__(self, out: Path, config: dict, *targets: str):
        self.out = out
        self.held = _read_held(out)
        self.spoilt = dict(_spoilt(out))
        with TemporaryDirectory() as empty:
            # Nothing is written into a folder that holds no results yet.
            folder = out if (out / ".snakemake").is_dir() else Path(empty)
            forced = {f"{run}/begun" for run in self.spoilt}
            with _dag(folder, config, targets or ("results",), forced) as dag:
                self.steps = _steps(dag, self.held)

    def hold(self, everything: bool = False) -> None:
        """Note what is there to stay, so that it can be missed.

        Snakemake's own records do not tell a result that was lost from one that never
        came about. What is to be made again is not held meanwhile.
        """
        made = [f for s in self.steps if everything or not s.todo for f in s.outputs]
        mine = {file for step in self.steps for file in step.outputs}
        held = sorted({*made, *(self.held - mine)})
        write(self.out / HELD, json.dumps({"files": held}, indent=2) + "\n")

    @property
    def todo(self) -> list[Step]:
        return [step for step in self.steps if step.todo]

    @property
    def lost(self) -> list[str]:
        return [file for step in self.todo for file in step.lost]

    @property
    def edited(self) -> list[str]:
        return sorted({file for step in self.todo for file in step.edited})

    def questions(self) -> Iterator[str]:
        """Yield a line for each change that nobody asked for, and what hangs on it."""
        for step in self.steps:
            changes = list(step.changes)
            if step.rule == "train" and step.wildcards["run"] in self.spoilt:
                changes += self.spoilt[step.wildcards["run"]]
            names = [other.name for other in step.hang]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            tail = f"; on it depend {', '.join(names[:3])}{more}" if names else ""
            yield from (f"{change}{tail}" for change in changes)


@contextmanager
def _dag(
    out: Path, config: dict, targets: Sequence[str], forced: set[str]
) -> Iterator[DAG]:
    """Build Snakemake's graph of jobs, running none of them."""
    quiet = OutputSettings(quiet={Quietness.ALL})
    try:
        with SnakemakeApi(quiet) as api:
            logger.setLevel(logging.ERROR)
            flow = api.workflow(
                snakefile=WORKFLOW,
                workdir=out,
                config_settings=ConfigSettings(config=config),
                resource_settings=ResourceSettings(cores=config["cores"]),
            )
            flow.dag(DAGSettings(targets=set(targets), forcerun=forced))
            workflow = flow._workflow
            workflow._prepare_dag(False, ignore_incomplete=True, lock_warn_only=True)
            workflow._build_dag()
            yield workflow.dag
    except WorkflowError as error:
        raise UserError(f"{out} cannot be gone on with: {error}") from None


def _read_held(out: Path) -> set[str]:
    file = out / HELD
    remedy = "delete it, and what is missing is made again"
    return set(read_json(file, remedy)["files"]) if file.exists() else set()


def _steps(dag: DAG, held: set[str]) -> list[Step]:
    jobs: dict[Job, None] = {}
    for target in dag.targetjobs:
        _collect(dag, target, jobs)
    steps = {job: _step(dag, job, held) for job in jobs if job.output}
    for job, step in steps.items():
        below = {*dag.bfs(dag.depending, job)} - {job}
        step.hang = [other for job_, other in steps.items() if job_ in below]
    return list(steps.values())


def _collect(dag: DAG, job: Job, jobs: dict[Job, None]) -> None:
    """Add a job behind those that it needs, in the order of its inputs."""
    if job not in jobs:
        place = {file: number for number, file in enumerate(job.input)}
        needs = dag.dependencies[job]
        for need in sorted(needs, key=lambda n: min(place[f] for f in needs[n])):
            _collect(dag, need, jobs)
        jobs[job] = None


def _step(dag: DAG, job: Job, held: set[str]) -> Step:
    records = dag.workflow.persistence
    step = Step(
        rule=job.rule.name,
        wildcards=dict(job.wildcards_dict),
        outputs=[str(file) for file in job.output],
        todo=dag.needrun(job),
    )
    record = records.metadata(job.output[0])
    if record and record.starttime and record.endtime:
        step.seconds = record.endtime - record.starttime
    if step.todo and step.rule == "prototxts":
        step.overwritten = [str(f) for f in job.output if _is_edited(dag, f)]
    if step.todo and step.rule != "first_iteration":
        step.lost = [file for file in _lost(dag, job) if file in held]
        step.edited = list(map(str, _edited(dag, job)))
        step.changes = [
            *(f"{file}, which {step.name} made, is missing" for file in step.lost),
            *(f"{file} has changed since it was made" for file in step.edited),
            *_other_params(step.name, dag.reason(job).params_changed),
        ]
    return step


def _lost(dag: DAG, job: Job) -> Iterator[str]:
    """Yield the outputs that are not there, and would still be right if they were."""
    if job.rule.name in JOINED or any(map(dag.needrun, dag.dependencies[job])):
        return
    newest = max((_mtime(file) or 0 for file in job.input), default=0)
    for file in job.output:
        record = dag.workflow.persistence.metadata(file)
        if record and not Path(file).exists() and newest <= record.endtime:
            yield str(file)


def _edited(dag: DAG, job: Job) -> Iterator[str]:
    """Return the inputs that are newer for another reason than that they were made."""
    return (f for f in sorted(dag.reason(job).updated_input) if _is_edited(dag, f))


def _is_edited(dag: DAG, file) -> bool:
    """Tell whether a file is there, but not as the rule left it that makes it."""
    record = dag.workflow.persistence.metadata(file)
    return bool(record) and _mtime(file) not in (None, record.endtime)


def _mtime(file: str) -> float | None:
    path = Path(file)
    return path.stat().st_mtime if path.exists() else None


def _other_params(name: str, change) -> Iterator[str]:
    """Say of each option that is another what it was."""
    before, now = (
        _by_option([ast.literal_eval(text) for text in texts])
        for texts in (change.only_old, change.only_new)
    )
    for option in dict.fromkeys([*before, *now]):
        was, is_ = (d.get(option, "not given") or "given" for d in (before, now))
        if was == is_:
            continue
        if option == "engine":
            yield f"{name} was computed by {was}, now it is {is_}"
        elif option in ("BP4D", "DISFA"):
            yield f"{option} has changed since {name} read it"
        else:
            yield f"{name} was run with {option} {was}, now it is {is_}"


def _by_option(params: Sequence[str]) -> dict[str, str]:
    """Return {"--seed": "1"} of options, {"BP4D": "..."} of "BP4D: ..."."""
    options: dict[str, str] = {}
    for param in map(str, params):
        if not param.startswith("--"):
            key, _, value = param.partition(": ")
            options[key] = value
            continue
        for word in param.split():
            if word.startswith("--"):
                name = word
                options[name] = ""
            else:
                options[name] = f"{options[name]} {word}".strip()
    return options


def _spoilt(out: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the trainings whose snapshots are no longer as they were scored.

    Snapshots are no outputs of the workflow. One that was not chosen may be deleted.
    """
    files = chain(
        *map(out.glob, ("*/fold?/selection.json", "grids/*/*/selection.json"))
    )
    for file in sorted(files):
        run = str(file.parent.relative_to(out))
        scored = read_selection(file) if (file.parent / "trained").exists() else []
        faults = []
        for snapshot in scored:
            weights = out / snapshot.weights
            if not weights.exists():
                if snapshot == best(scored):
                    faults.append(f"{snapshot.weights}, which was chosen, is missing")
            elif _is_newer(weights, file) and (
                fingerprint([weights]) != snapshot.fingerprint
            ):
                faults.append(f"{snapshot.weights} has changed since it was scored")
        if faults:
            yield run, faults


def _is_newer(file: Path, other: Path) -> bool:
    return file.stat().st_mtime_ns > other.stat().st_mtime_ns
