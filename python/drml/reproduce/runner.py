"""Runs the steps that are to be done, one at a time, each in a process of its own.

One that fails takes with it those that depend on it; the others are run all the same.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from time import monotonic

from data_prep.base import UserError
from data_prep.processes import start
from drml.reproduce.estimate import Estimate
from drml.reproduce.ledger import Ledger
from drml.reproduce.step import Step, dependents, resolve
from drml.reproduce.verdict import State, Verdict, judge

INTERRUPTED = 130


class Runner:
    """Says before each step what it is, and after it how long the rest will take."""

    def __init__(self, ledger: Ledger, estimate: Estimate):
        self.ledger, self.estimate = ledger, estimate
        self.child: subprocess.Popen | None = None
        self.stopped = False
        self.failed: list[str] = []
        self.left_out: list[str] = []  # for want of those that failed

    def run(self, steps: Sequence[Step], verdicts: dict[str, Verdict]) -> None:
        """Bring all steps to their end that can be; UserError where one failed."""
        todo = [s for s in steps if verdicts[s.name].state is not State.DONE]
        handlers = [signal.signal(n, self._pass_on) for n in _STOPS]
        try:
            for number, step in enumerate(todo, 1):
                now = f"{datetime.now():%H:%M}"
                say(f"step {number} of {len(todo)}, {now}: {step.name}")
                self._try(step, todo[number:])
        finally:
            for name, handler in zip(_STOPS, handlers, strict=True):
                signal.signal(name, handler)
        if self.failed:
            lost = f" ({', '.join(self.left_out)} left out)" if self.left_out else ""
            raise UserError(
                f"{', '.join(self.failed)} failed{lost}: mend what is named above and "
                "run the same command again to go on"
            )

    def _try(self, step: Step, rest: Sequence[Step]) -> None:
        if lost := self._lost(step):
            print(f"left out: it needs {', '.join(lost)}", flush=True)
            self.left_out.append(step.name)
            return
        try:
            self._do(step)
        except UserError as error:
            if self.stopped:
                raise
            print(error, file=sys.stderr, flush=True)
            self.failed.append(step.name)
            return
        hang = [s.name for s in dependents(self.failed, rest)]
        if left := [s for s in rest if s.name not in hang]:
            print(f"{step.name} is done; {self.estimate.total(left)} left")

    def _lost(self, step: Step) -> list[str]:
        """Return what a step needs and cannot have.

        A partial one can do without, but not with old results beside the new.
        """
        lost = [n for n in step.needs if n.name in {*self.failed, *self.left_out}]
        if step.partial:
            lost = [n for n in lost if self.ledger.outdated(n)]
        return [n.name for n in lost]

    def _do(self, step: Step) -> None:
        """Run a step unless it turns out that nothing it needs has changed."""
        verdict = judge(step, self.ledger)
        if verdict.state is State.DONE:
            print("what it needs is as it was: nothing to do", flush=True)
            return
        if verdict.edited:
            print("taken as it was edited", flush=True)
            self.ledger.adopt(step)
            return
        if verdict.state is State.STALE:
            if step.editable:
                for copy in self.ledger.set_aside(step):
                    print(f"what was edited is kept as {copy}", flush=True)
            self.ledger.wipe(step)
        self.ledger.start(step)
        begun = monotonic()
        try:
            self._execute(step)
        finally:
            self.ledger.spend(step, monotonic() - begun)
        self.ledger.finish(step)
        if self.stopped:  # too late for the step
            raise KeyboardInterrupt

    def _execute(self, step: Step) -> None:
        words = [resolve(word) for word in step.command]
        with start(
            [sys.executable, *words], stdin=subprocess.DEVNULL, process_group=0
        ) as self.child:
            status = self.child.wait()
        self.child = None
        if status == INTERRUPTED:
            sys.exit(INTERRUPTED)  # the step has told of it
        if status and self.stopped:
            raise KeyboardInterrupt
        if status < 0:
            name = signal.Signals(-status).name
            raise UserError(f"the step {step.name} was killed ({name})")
        if status:
            raise UserError(
                f"the step {step.name} failed with status {status}, for the reason "
                "above"
            )

    def _pass_on(self, number: int, _frame) -> None:
        """Hand Ctrl-C on to the step's processes, as a terminal would."""
        self.stopped = True
        if self.child is None:
            raise KeyboardInterrupt
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGINT)


_STOPS = (signal.SIGINT, signal.SIGTERM)


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)
