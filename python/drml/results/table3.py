"""Table 3: the BP4D models on DISFA, their outputs and linear read-outs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from drml.evaluate.metrics import average
from drml.evaluate.predictions import Predictions, by_fold
from drml.results.comparison import MEASURES, Comparison, Lead, System
from drml.results.folds import AuMean, Folds
from drml.results.models import single_models
from drml.results.out import Out
from drml.results.section import Section
from drml.results.table import Column, Table

PART = "3"
DIRECT, READ_OUT = "direct", "read-out"


@dataclass(frozen=True)
class OnDisfa:
    """A network's predictions on DISFA; either may be missing."""

    title: str
    direct: Predictions | None
    read_out: Predictions | None

    def measured(self, found: Predictions | None) -> list[AuMean]:
        """Direct outputs are of one model for all subjects, the read-out is folds."""
        return Folds(self.title, dict(enumerate(by_fold(found)))).mean if found else []

    @cached_property
    def columns(self) -> dict[str, list[AuMean]]:
        """Direct outputs, completed by the read-out; and the read-out of all AUs."""
        direct, read_out = self.measured(self.direct), self.measured(self.read_out)
        scored = {entry.au for entry in direct}
        rest = [entry for entry in read_out if entry.au not in scored]
        return {DIRECT: direct + rest, READ_OUT: read_out}


def section(out: Out) -> Section:
    title = out.marked(f"Table 3. Results {out.on('DISFA')}")
    every = [_read(out, net) for net in out.nets]
    there = [found for found in every if found.direct or found.read_out]
    if not there:
        return Section(title, missing=out.lacking(PART, "Table 3"))
    tables = [_table(out, there, measure) for measure in MEASURES]
    return Section(
        title,
        [_how(there), *_protocol(there), f"The models: {single_models(out)}."],
        tables,
        (),
        _missing(every),
    )


def _read(out: Out, net: str) -> OnDisfa:
    folder = out.folder / net / "disfa"
    return OnDisfa(
        out.nets[net],
        out.predictions(folder / "direct" / "predictions.h5"),
        out.predictions(folder / "read_out" / "predictions.h5"),
    )


def _missing(every: Sequence[OnDisfa]) -> list[str]:
    gaps = [(f.title, DIRECT) for f in every if not f.direct]
    gaps += [(f.title, READ_OUT) for f in every if not f.read_out]
    return [f"Table 3: {title} has no {column} results yet" for title, column in gaps]


def _how(there: Sequence[OnDisfa]) -> str:
    shared = next((f.direct.aus for f in there if f.direct), [])
    aus = ", ".join(map(str, shared)) or "none"
    return (
        f"{DIRECT}: the network's own outputs for the AUs it was trained for (here "
        f"{aus}), and the linear read-out for the rest, which have no output. "
        f"{READ_OUT}: a linear classifier of the network's features for every AU, "
        "trained on other subjects of DISFA than it is tested on; it has seen DISFA, "
        "which the direct outputs have not. The paper does not say how it got its "
        "figures for AUs 9, 25 and 26. all-pos. F1: calling the AU present in every "
        "frame. Bold: the best of ours and the best of the paper's in a row."
    )


def _protocol(there: Sequence[OnDisfa]) -> list[str]:
    """Say what read_out.py says of itself; the same of all networks in one run."""
    said = {f.read_out.about.get("protocol"): None for f in there if f.read_out}
    return [
        f"The read-out: {protocol}. Its measures are means over these folds, each of "
        "which has classifiers of its own."
        for protocol in said
        if protocol
    ]


def _table(out: Out, there: Sequence[OnDisfa], measure: str) -> Table:
    systems = [System(found.title, found.columns) for found in there]
    entries: dict[int, AuMean] = {}  # those of direct outputs first
    for entry in (e for s in systems for column in s.ours.values() for e in column):
        entries.setdefault(entry.au, entry)
    baselines = {au: 100 * e.f1_all_positive for au, e in entries.items()}
    foot = 100 * average([*entries.values()]).f1_all_positive
    lead = Lead(Column("all-pos.", "F1"), baselines.get, foot)
    leads = [lead] if measure == "f1" else ()
    what = out.marked(f"{MEASURES[measure]} {out.on('DISFA')}, models of Table 2")
    compared = Comparison(3, measure, sorted(entries), systems, leads)
    return compared.table(f"table3_{measure}", what)
