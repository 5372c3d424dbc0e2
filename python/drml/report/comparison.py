"""Measures over folds, and a table of them per AU beside the paper's Table 2 or 3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import pandas as pd

from data_prep.base import UserError
from drml.evaluate.metrics import au_results
from drml.evaluate.predictions import Predictions, of_same_faces
from drml.evaluate.protocols import Protocol
from drml.report.paper import AVERAGE, misprinted_averages, percent_of, read_paper
from drml.report.tables import (
    FULL,
    NAME,
    OURS,
    PAPERS,
    Column,
    Table,
    difference,
    mark_best,
)

MEASURES = {"f1": "F1-frame", "auc": "AUC"}
SHARES = ["f1", "f1_all_positive", "auc", "average_precision"]  # those in percent


@dataclass(frozen=True)
class Folds:
    """A network's predictions on the test splits of its folds.

    Its frames of measures (percent; nan: undefined) have columns f1, f1_all_positive,
    auc and average_precision, and AUs as rows.
    """

    title: str
    predictions: Mapping[int, Predictions]

    def __post_init__(self):
        first, *others = self.predictions.values()
        if any(found.aus != first.aus for found in others):
            raise UserError(
                f"{self.title}'s folds were evaluated on different AUs; evaluate all "
                "on imports of one kind"
            )

    def on(self, frames: Protocol) -> "Folds":
        """Return the same predictions on other test frames."""
        masked = {fold: frames.of(found) for fold, found in self.predictions.items()}
        return Folds(self.title, masked)

    @property
    def frames(self) -> int:
        return sum(len(found.keys) for found in self.predictions.values())

    @cached_property
    def each(self) -> pd.DataFrame:
        """Measure each fold by itself; rows are folds and AUs."""
        return pd.concat({k: _measured(f) for k, f in self.predictions.items()})

    @cached_property
    def mean(self) -> pd.DataFrame:
        """The mean over the folds that define an AU; "remark": where not all do."""
        by_au = self.each.groupby(level=1, sort=False)
        counted, folds = by_au.f1.count(), len(self.predictions)
        partly = (counted > 0) & (counted < folds)
        remark = counted.astype(str) + f" of {folds} folds"
        return by_au[SHARES].mean().assign(remark=remark.where(partly, ""))

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Measure all folds' frames at once; with positives, negatives, unknown."""
        every = list(self.predictions.values())
        scores = np.concatenate([found.scores for found in every])
        labels = np.concatenate([found.labels for found in every])
        return _measured(every[0]._replace(scores=scores, labels=labels))


def _measured(found: Predictions) -> pd.DataFrame:
    frame = pd.DataFrame(au_results(found.scores, found.labels, found.aus))
    frame[SHARES] *= 100
    return frame.set_index("au")


def check_alike(networks: Sequence[Folds]) -> None:
    """Raise UserError where two networks were evaluated on different faces."""
    first: dict[int, tuple[str, Predictions]] = {}
    for network in networks:
        for fold, found in network.predictions.items():
            title, other = first.setdefault(fold, (network.title, found))
            if not of_same_faces(found, other):
                raise UserError(
                    f"{network.title} and {title} were evaluated on different faces, "
                    f"AUs or labels of fold {fold}; evaluate both on the same import"
                )


def average_remark(measures: pd.DataFrame, aus: int | None = None) -> str:
    """Say of an average over how many AUs it is, unless it is over all."""
    counted, total = measures.f1.count(), aus or len(measures)
    return "" if counted == total else f"{counted} of {total} AUs"


@dataclass(frozen=True)
class Comparison:
    """Our systems beside a table of the paper, for one measure.

    systems: a method of the paper's table -> our columns of it, by name; frames as
    Folds.mean.
    """

    number: int  # the paper's table
    measure: str  # "f1" or "auc"
    aus: Sequence[int]
    systems: Mapping[str, Mapping[str, pd.DataFrame]]

    def table(
        self,
        name: str,
        title: str,
        leads: Sequence[Column] = (),
        notes: Sequence[str] = (),
    ) -> Table:
        """Return a row an AU and the averages; leads: columns before the systems'."""
        columns = [Column("AU", [*map(str, self.aus), "Avg."], NAME), *leads]
        for title_, ours in self.systems.items():
            columns += self._system(title_, ours)
        methods = read_paper()[f"table{self.number}"]["methods"]
        columns += [
            self._papers(method, method, "paper only")
            for method in methods
            if method not in self.systems
        ]
        mark_best(columns)
        source = (
            f"Percent. Paper: Table {self.number}, {MEASURES[self.measure]}, the row "
            "of the same AU, averages as printed. diff.: ours less the paper's, "
            f"blue above and orange below it, full colour from {FULL:.0f} points on."
        )
        return Table(name, title, columns, True, [source, *self._misprints(), *notes])

    def _system(self, title: str, ours: Mapping[str, pd.DataFrame]) -> list[Column]:
        systems = chain(*(read_paper()[f"table{n}"]["methods"] for n in (2, 3)))
        if title not in systems:  # another tool
            return [
                self._ours(name, title, measures) for name, measures in ours.items()
            ]
        papers, columns = self._papers("paper", title, title), []
        for name, measures in ours.items():
            column = self._ours(name, title, measures)
            gap = difference(
                column, papers, f"{name} diff." if len(ours) > 1 else "diff."
            )
            if column.remarks.get(len(self.aus)) or not self._of_papers_aus():
                gap.values[-1] = None
            columns += [column, gap]
        return [*columns, papers]

    def _ours(self, name: str, group: str, measures: pd.DataFrame) -> Column:
        values = [
            measures.at[au, self.measure] if au in measures.index else None
            for au in self.aus
        ]
        remarks = dict(enumerate(measures.remark.reindex(self.aus, fill_value="")))
        remarks[len(self.aus)] = average_remark(measures, len(self.aus))
        mean = measures[self.measure].mean()
        return Column(name, [*values, mean], OURS, group, remarks=remarks)

    def _papers(self, name: str, method: str, group: str) -> Column:
        values = [
            percent_of(self.number, self.measure, method, row)
            for row in (*self.aus, AVERAGE)
        ]
        return Column(name, values, PAPERS, group)

    def _of_papers_aus(self) -> bool:
        rows = read_paper()[f"table{self.number}"][self.measure]
        return {*map(str, self.aus), AVERAGE} == set(rows)

    def _misprints(self) -> list[str]:
        shown = [
            f"{method} {printed:.1f} (its column's mean is {mean:.1f})"
            for method, printed, mean in misprinted_averages(self.number, self.measure)
        ]
        if not shown:
            return []
        return [f"The paper's printed averages do not all fit: {', '.join(shown)}."]
