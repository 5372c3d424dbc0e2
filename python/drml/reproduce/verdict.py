"""What is to be done of each step: the ledger against the disk and the command line.

A step is done while its command, what it reads and what it made are as they were, and
the steps it needs still hold what it was made from. What changed without being asked
for (a file lost or edited, a dataset, an option) is a fault, which only REDO may mend;
that a step is to be run again since another was is none.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from drml.reproduce import fingerprints
from drml.reproduce.ledger import Ledger, Record
from drml.reproduce.step import FOUND, Step, by_option, dependents, resolve


class State(Enum):
    DONE = "done"
    OPEN = "to do"  # never run, or unfinished: it goes on
    STALE = "to redo"  # what is there goes first


@dataclass
class Verdict:
    state: State
    faults: list[str] = field(default_factory=list)  # what changed, in words
    edited: bool = False  # the only fault: outputs that the user may edit


def judge(step: Step, ledger: Ledger, gone: Collection[str] = ()) -> Verdict:
    """Judge a step all of whose needs are done.

    gone: outputs that others have removed, or are to, when they are redone.
    """
    record = ledger.read(step)
    if record is None:
        return Verdict(State.OPEN)
    if record.clearing:
        return Verdict(State.STALE)
    engine = list(_engine(step, record))
    options = _options(step, ledger, record)
    other_options = [*options.values(), *engine]
    changed = list(_read(step, ledger, record))
    made = list(_made(step, record, gone))
    faults = [*other_options, *changed, *(line for line, _ in made)]
    moved = record.needs != {need.name: ledger.digest(need) for need in step.needs}
    if not faults and not moved:
        return Verdict(State.DONE if record.finished else State.OPEN)
    edited = step.editable and not (other_options or changed or moved)
    asked = [line for name, line in options.items() if name in step.fixed]
    return Verdict(
        State.STALE,
        [*asked, *engine] if step.joins else faults,
        edited and bool(made) and all(there for _, there in made),
    )


def judge_all(steps: Sequence[Step], ledger: Ledger) -> dict[str, Verdict]:
    """Judge every step as if those before it were run; by the steps' names."""
    verdicts: dict[str, Verdict] = {}
    gone: set[str] = set()
    for step in steps:
        verdict = verdicts[step.name] = judge(step, ledger, gone)
        waits = any(verdicts[n.name].state is not State.DONE for n in step.needs)
        if waits and verdict.state is State.DONE:
            verdict.state = State.STALE
        if verdict.state is not State.DONE:
            gone.update(step.leaves)
    return verdicts


def faults(steps: Sequence[Step], verdicts: dict[str, Verdict]) -> Iterator[str]:
    """Yield a line for each fault: what changed, since when, what hangs on it."""
    for step in steps:
        if found := verdicts[step.name].faults:
            hang = [d.name for d in dependents([step.name], steps)]
            more = f" and {len(hang) - 3} more" if len(hang) > 3 else ""
            tail = f"; on it depend {', '.join(hang[:3])}{more}" if hang else ""
            for fault in found:
                yield f"{fault}{tail}"


def _options(step: Step, ledger: Ledger, record: Record) -> dict[str, str]:
    """Say of each option that is another what it was."""
    before, now = by_option(record.command), by_option(ledger.command(step))
    said = {}
    for name in dict.fromkeys([*before, *now]):
        if before.get(name) != now.get(name):
            was, is_ = (d.get(name, "not given") or "given" for d in (before, now))
            said[name] = (
                f"the step {step.name} was run with {name} {was}, now it is {is_}"
            )
    return said


def _engine(step: Step, record: Record) -> Iterator[str]:
    if record.engine and record.engine != step.engine:
        yield (
            f"the step {step.name} was computed by {record.engine}, now it is "
            f"{step.engine}"
        )


def _read(step: Step, ledger: Ledger, record: Record) -> Iterator[str]:
    for path in step.reads:
        name = ledger.name(path)
        what = name if str(path) == name else f"{name}={path}"
        earlier = record.reads.get(name)
        if not path.exists():
            if earlier:
                yield f"{what}, which the step {step.name} read, is missing"
        elif earlier is None:
            yield f"{what} was not there when the step {step.name} was run"
        elif not fingerprints.same(path, earlier, once=True):
            yield f"{what} has changed since the step {step.name} read it"


def _made(
    step: Step, record: Record, gone: Collection[str]
) -> Iterator[tuple[str, bool]]:
    """Yield what is no longer as the step made it, and whether it is there."""
    changed = record.changed
    for name in record.outputs or {}:
        if not Path(name).exists():
            if name not in gone and not _may_go(step, name):
                yield f"{name}, which the step {step.name} made, is missing", False
        elif name in changed:
            yield f"{name} has changed since the step {step.name} made it", True


def _may_go(step: Step, output: str) -> bool:
    """Tell whether a later step has found that it wants another of the outputs."""
    known = step.kept and Path(FOUND.match(step.kept)[1]).exists()
    return bool(known) and resolve(step.kept) != output
