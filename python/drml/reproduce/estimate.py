"""How long the steps will take, from a first iteration of each network.

first_iteration/NET.json, which the workflow measures where it trains, has a network's
milliseconds a face in training and in scoring. Drawing and importing faces take as long
as they last did.
"""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from data_prep.base import UserError, read_json
from drml.evaluate.dataset import read_dataset
from drml.reproduce.contents import Contents
from drml.reproduce.plan import Step
from drml.reproduce.protocol import TABLE_4_BATCH

SALIENCY = 1200  # passes: 100 faces, a third showing each of 12 AUs, forth and back
BRIEF = {
    "prototxts",
    "begin",
    "begin_method",
    "best",
    "disfa_read_out",
    "relations",
    "region",
}


class Estimate:
    """Seconds that steps take: those of one like it, or else reckoned."""

    def __init__(self, contents: Contents, steps: Iterable[Step]):
        self.contents, self.steps = contents, list(steps)
        self.out, self.protocol = contents.out, contents.protocol

    @property
    def networks(self) -> list[str]:
        """The networks that the steps to do work with."""
        work = (net for s in self.steps if s.todo for net, *_ in self._work(s))
        return list(dict.fromkeys(work))

    def seconds(self, step: Step) -> float | None:
        """Return None where nothing like it was ever done or measured."""
        if step.rule in BRIEF or step.rule == "first_iteration":
            return 0
        try:
            work = [
                (trained * first["train"] + scored * first["test"]) / 1000
                for net, trained, scored in self._work(step)
                for first in [self._first(net)]
            ]
        except UserError:
            return None
        if work:
            return sum(work)
        return next(
            (s.seconds for s in self.steps if s.seconds and _alike(s, step)), None
        )

    def total(self, steps: Iterable[Step]) -> str:
        """Say how long these steps will take, one after the other."""
        times = [self.seconds(step) for step in steps]
        known = [time for time in times if time is not None]
        if times and not known:
            return "?"
        more = " + ?" if len(known) < len(times) else ""
        return f"{span(sum(known))}{more}" if times else ""

    def _first(self, net: str) -> dict:
        return read_json(self.out / f"first_iteration/{net}.json", "it is measured")

    def _work(self, step: Step) -> list[tuple[str, int, int]]:
        """Return networks and how many faces each trains on and scores."""
        run = step.wildcards.get("run", "")
        net = step.wildcards.get("net") or (
            "drml" if "grids" in run else run.split("/")[0]
        )
        if step.rule == "train":
            length = self.protocol.lengths[net].iterations - self._trained(run)
            return [(net, length * self.protocol.batch, 0)]
        if step.rule == "select":
            snapshots = self.protocol.lengths[net].snapshots
            return [(net, 0, snapshots * self._faces("bp4d", net, run, "val"))]
        if step.rule in ("test", "features"):
            return [(net, 0, self._faces("bp4d", net, run, "test"))]
        if step.rule in ("disfa_direct", "disfa_features"):
            return [(net, 0, self._faces("disfa", net, "", "test"))]
        config = self.contents.config
        if step.rule == "table4":
            faces = (config["trials"] * config["trial_iterations"] + 1) * TABLE_4_BATCH
            return [(net, faces, faces) for net in config["timed"]]
        if step.rule == "saliency":
            return [(net, 0, SALIENCY) for net in self.contents.chosen]
        return []

    def _trained(self, run: str) -> int:
        """Return the iteration that a training goes on from."""
        own = [s for s in self.steps if s.wildcards.get("run") == run]
        if any(step.rule == "begin" and step.todo for step in own):
            return 0
        names = [f.name for f in (self.out / run).glob("*_iter_*.solverstate*")]
        return max((int(n.split("_iter_")[1].split(".")[0]) for n in names), default=0)

    def _faces(self, layout: str, net: str, run: str, split: str) -> int:
        """Count a split's faces; about, until they are imported."""
        fold = Path(run).name if run else "fold1" if layout == "bp4d" else "all"
        folder = self.out / f"data/{layout}_{self.protocol.size(net)}/{fold}"
        try:
            return read_dataset(folder)["splits"][split]["faces"]
        except UserError:
            return self.protocol.faces[layout] // (3 if layout == "bp4d" else 1)


def _alike(one: Step, other: Step) -> bool:
    """Steps that differ in their fold alone take about as long."""
    own, others = ({**s.wildcards, "k": ""} for s in (one, other))
    return one.rule == other.rule and own == others


def span(seconds: float) -> str:
    """Round as suits an estimate."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = timedelta(minutes=round(seconds / 60))
    if minutes < timedelta(minutes=90):
        return f"{minutes // timedelta(minutes=1)} min"
    return f"{minutes / timedelta(hours=1):.1f} h"
