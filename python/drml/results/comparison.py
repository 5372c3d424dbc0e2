"""A table of F1-frame or AUC per AU beside the paper's Table 2 or 3."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drml.evaluate.metrics import average
from drml.paper import AVERAGE, misprinted_averages, percent_of, read_paper
from drml.results.folds import AuMean
from drml.results.table import (
    DIFFERENCE,
    FULL,
    NAME,
    OURS,
    PAPERS,
    Cell,
    Column,
    Table,
    difference,
    with_best,
)

MEASURES = {"f1": "F1-frame", "auc": "AUC"}


@dataclass(frozen=True)
class System:
    """A method of the paper's table, and our columns of it."""

    title: str
    ours: dict[str, list[AuMean]]  # the column's name -> an entry an AU


@dataclass(frozen=True)
class Lead:
    """A column before the systems', with what it shows for an AU and at the foot."""

    column: Column
    of_au: Callable[[int], float | None]
    foot: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Our systems beside a table of the paper, for one measure."""

    number: int  # the paper's table
    measure: str  # "f1" or "auc"
    aus: Sequence[int]
    systems: Sequence[System]
    leads: Sequence[Lead] = ()

    def table(self, stem: str, title: str, notes: Sequence[str] = ()) -> Table:
        rows = [*map(self._row, self.aus), self._average_row()]
        source = (
            f"Percent. Paper: Table {self.number}, {MEASURES[self.measure]}, the row "
            "of the same AU, averages as printed. diff.: ours less the paper's, "
            f"blue above and orange below it, full colour from {FULL:.0f} points on."
        )
        table = Table(
            stem, title, self._columns(), rows, True,
            [source, *self._misprints(), *notes],
        )  # fmt: skip
        return with_best(table)

    @property
    def paper_only(self) -> list[str]:
        """The paper's methods that have no results here."""
        ours = [system.title for system in self.systems]
        methods = read_paper()[f"table{self.number}"]["methods"]
        return [method for method in methods if method not in ours]

    def _columns(self) -> list[Column]:
        columns = [Column("", "AU", NAME), *(lead.column for lead in self.leads)]
        for system in self.systems:
            for name in system.ours:
                columns.append(Column(system.title, name, OURS))
                columns.append(Column(system.title, "diff.", DIFFERENCE))
            columns.append(Column(system.title, "paper", PAPERS))
        return columns + [Column("paper only", m, PAPERS) for m in self.paper_only]

    def _row(self, au: int) -> list[Cell]:
        cells = [Cell(str(au)), *(Cell(lead.of_au(au)) for lead in self.leads)]
        for system in self.systems:
            papers = self._papers(system.title, au)
            for entries in system.ours.values():
                ours = self._measured(au, entries)
                cells += [ours, difference(ours.value, papers)]
            cells.append(Cell(papers))
        return cells + [Cell(self._papers(m, au)) for m in self.paper_only]

    def _measured(self, au: int, entries: Sequence[AuMean]) -> Cell:
        """An AU's measure in one column, which may lack it."""
        for entry in entries:
            if entry.au == au:
                partly = 0 < entry.counted < entry.folds
                remark = f"{entry.counted} of {entry.folds} folds" if partly else ""
                return Cell(100 * getattr(entry, self.measure), remark)
        return Cell()

    def _average_row(self) -> list[Cell]:
        cells = [Cell("Avg."), *(Cell(lead.foot) for lead in self.leads)]
        for system in self.systems:
            papers = self._papers(system.title, AVERAGE)
            for entries in system.ours.values():
                ours = self._average(entries)
                comparable = papers if self._like_the_papers(ours) else None
                cells += [ours, difference(ours.value, comparable)]
            cells.append(Cell(papers))
        return cells + [Cell(self._papers(m, AVERAGE)) for m in self.paper_only]

    def _average(self, entries: Sequence[AuMean]) -> Cell:
        """The mean of a column; over fewer AUs than the table's it has a remark."""
        mean = average(entries)
        whole = mean.aus == len(self.aus)
        remark = "" if whole else f"{mean.aus} of {len(self.aus)} AUs"
        return Cell(100 * getattr(mean, self.measure), remark)

    def _like_the_papers(self, mean: Cell) -> bool:
        """Tell whether an average is over the AUs of the paper's table."""
        rows = read_paper()[f"table{self.number}"][self.measure]
        return not mean.remark and {*map(str, self.aus), AVERAGE} == set(rows)

    def _papers(self, method: str, row: int | str) -> float | None:
        return percent_of(self.number, self.measure, method, row)

    def _misprints(self) -> list[str]:
        shown = [
            f"{method} {printed:.1f} (its column's mean is {mean:.1f})"
            for method, printed, mean in misprinted_averages(self.number, self.measure)
        ]
        if not shown:
            return []
        return [f"The paper's printed averages do not all fit: {', '.join(shown)}."]
