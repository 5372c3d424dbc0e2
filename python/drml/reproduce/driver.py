"""From a plan to its results: what is to be done is shown, faults are named, steps run.

1. Every step is judged against the ledger, and the plan printed with its estimates.
2. What changed since a step was run is named, and ends the run unless it is redone.
3. The steps that are not done are run.
"""

import sys
from collections.abc import Callable, Sequence

from data_prep.base import UserError
from drml.reproduce.estimate import Estimate
from drml.reproduce.ledger import Ledger
from drml.reproduce.overview import overview
from drml.reproduce.runner import Runner
from drml.reproduce.step import Step
from drml.reproduce.verdict import State, faults, judge_all


def bring_about(
    title: str,
    steps: Sequence[Step],
    ledger: Ledger,
    estimate: Estimate,
    redo: bool,
    begin: Callable[[], None],
) -> None:
    """Bring the steps to their end; UserError where something has changed.

    begin: called before the first of the steps that are to be run.
    """
    verdicts = judge_all(steps, ledger)
    estimate.measure(s for s in steps if verdicts[s.name].state is not State.DONE)
    print(overview(title, steps, verdicts, estimate), flush=True)
    if found := list(faults(steps, verdicts)):
        print(*found, sep="\n", file=sys.stderr, flush=True)
        if not redo:
            raise UserError(
                "what is named above has changed: put it back, or give REDO=1 (--redo) "
                "to redo what depends on it"
            )
    if any(verdict.state is not State.DONE for verdict in verdicts.values()):
        begin()
    Runner(ledger, estimate).run(steps, verdicts)


def show(title: str, steps: Sequence[Step], ledger: Ledger, estimate: Estimate) -> None:
    """Print the plan and what has changed, and run nothing."""
    verdicts = judge_all(steps, ledger)
    print(overview(title, steps, verdicts, estimate))
    print(*faults(steps, verdicts), sep="\n")
