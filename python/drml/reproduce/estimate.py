"""How long steps will take: from a network's first iterations, then from its like."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from data_prep.base import UserError, read_json, write
from data_prep.processes import start
from drml.reproduce.ledger import Ledger, Record
from drml.reproduce.step import Step, Work


class Estimate:
    """Seconds a step takes: those of a finished one of its kind, or else reckoned.

    OUT/first_iteration.json keeps each network's milliseconds a face in training and
    in scoring, so that they are measured once on this hardware with this batch.
    """

    def __init__(
        self, ledger: Ledger, steps: Sequence[Step], batch: int, hardware: str
    ):
        self.ledger, self.steps = ledger, steps
        self.about = {"batch": batch, "hardware": hardware}
        self.file = ledger.out / "first_iteration.json"
        self.first = read_first(self.file, self.about)

    def measure(self, todo: Iterable[Step]) -> None:
        """Time the networks that these steps work with, where it is not known yet."""
        batch = self.about["batch"]
        networks = dict.fromkeys(w.network for s in todo for w in s.work)
        for network in networks:
            if network not in self.first:
                print(f"timing {network} with {batch} faces", flush=True)
                self.first[network] = self.about | time_first(network, batch)
                write(self.file, json.dumps(self.first, indent=2) + "\n")

    def seconds(self, step: Step) -> float | None:
        """Return None where nothing like it was ever done or measured."""
        alike = [s for s in self.steps if kind(s) == kind(step)]
        records = filter(None, map(self.ledger.read, alike))
        done = [r.seconds for r in records if r.finished and is_as_long(r, step)]
        if done:
            return done[-1]
        measured = all(work.network in self.first for work in step.work)
        known = measured and (step.work or step.brief)
        return sum(map(self._reckoned, step.work)) if known else None

    def _reckoned(self, work: Work) -> float:
        first = self.first[work.network]
        return (work.trained * first["train"] + work.scored * first["test"]) / 1000

    def total(self, steps: Iterable[Step]) -> str:
        """Say how long these steps will take together."""
        times = [self.seconds(step) for step in steps]
        unknown = times.count(None)
        text = f"about {span(sum(filter(None, times)))}"
        some = "1 step" if unknown == 1 else f"{unknown} steps"
        return f"{text} and {some} of unknown length" if unknown else text


def read_first(file: Path, about: dict) -> dict[str, dict]:
    """Return what holds of these networks; nothing of a file that is no such one."""
    try:
        kept = read_json(file, "it is measured again").items()
    except UserError:
        return {}
    return {network: first for network, first in kept if _is_like(first, about)}


def _is_like(first: object, about: dict) -> bool:
    if not isinstance(first, dict) or first.keys() != about.keys() | {"train", "test"}:
        return False
    times = all(isinstance(first[phase], int | float) for phase in ("train", "test"))
    return times and all(first[name] == value for name, value in about.items())


def is_as_long(record: Record, step: Step) -> bool:
    return (record.engine, record.trained) == (step.engine, step.trained)


def kind(step: Step) -> str:
    """Steps of one kind take about as long."""
    return re.sub(r"fold\d", "fold", step.name)


def span(seconds: float) -> str:
    """Round as suits an estimate."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = timedelta(minutes=round(seconds / 60))
    if minutes < timedelta(minutes=90):
        return f"{minutes // timedelta(minutes=1)} min"
    return f"{minutes / timedelta(hours=1):.1f} h"


def time_first(network: str, batch: int) -> dict[str, float]:
    """Time one iteration in a process of its own, whose memory is then free again."""
    command = [sys.executable, "-m", "drml.reproduce.first_iteration", network]
    with start(
        [*command, str(batch)],
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # Ctrl-C is this process's to handle, which ends that one
    ) as process:
        answer, _ = process.communicate()
    if process.returncode:
        raise UserError(
            f"no iteration of {network} with {batch} faces could be timed, for the "
            "reason above (is there enough memory?)"
        )
    return json.loads(answer.splitlines()[-1])
