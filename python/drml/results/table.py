"""A table of results, laid out once for HTML, Markdown and CSV."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan

from drml.csv_lines import csv_text

Value = str | int | float | None  # None: there is none; nan: undefined

# Kinds of columns.
OURS, PAPERS, DIFFERENCE, PLAIN = "ours", "papers", "difference", "plain"
NAME, TEXT = "name", "text"  # set flush left; a text may be long and is broken
FULL = 30.0  # percent points

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Column:
    """A column; `group` stands above columns that belong together."""

    group: str
    name: str
    kind: str = PLAIN
    digits: int = 1
    full: float = FULL  # the difference that gets the strongest colour
    contest: str = ""  # columns of ours or of the paper's that compete in a row

    @property
    def title(self) -> str:
        return f"{self.group} {self.name}".strip()


@dataclass(frozen=True)
class Cell:
    """A value, a remark such as "2 of 3 folds", and whether it is set in bold."""

    value: Value = None
    remark: str = ""
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells, one for each column; with `foot` the last is an average."""

    stem: str  # the name of its CSV file
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    foot: bool = False
    notes: Sequence[str] = ()

    def groups(self) -> list[tuple[str, int]]:
        """Return the header's groups and how many columns each spans."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans

    def begins_group(self, index: int) -> bool:
        columns = self.columns
        return index > 0 and columns[index].group != columns[index - 1].group

    def csv(self) -> str:
        """Values unrounded; an undefined or missing one is empty and remarked on."""
        header = ["table", *(column.title for column in self.columns), "remarks"]
        rows = [
            [self.title, *(cell.value for cell in row), "; ".join(self._remarks(row))]
            for row in self.rows
        ]
        return csv_text(header, rows)

    def _remarks(self, row: Sequence[Cell]) -> list[str]:
        said = [
            (column.title, "undefined" if undefined(cell.value) else cell.remark)
            for column, cell in zip(self.columns, row, strict=True)
        ]
        return [f"{title}: {remark}" for title, remark in said if remark]


def undefined(value: Value) -> bool:
    return isinstance(value, float) and isnan(value)


def is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isnan(value)


def text(column: Column, cell: Cell) -> str:
    """Show a cell's value as pages do."""
    value = cell.value
    if value is None:
        return "-" if column.kind == OURS else ""
    if undefined(value):
        return "undefined"
    if isinstance(value, float):
        sign = "+" if column.kind == DIFFERENCE else ""
        shown = f"{value:{sign}.{column.digits}f}"
        return _without_sign_of_zero(shown).replace("-", MINUS)
    return f"{value:,}" if isinstance(value, int) else value


def _without_sign_of_zero(number: str) -> str:
    return number if number.strip("+-0.") else number.lstrip("+-")


def difference(ours: Value, papers: Value) -> Cell:
    """Ours minus the paper's, where both are numbers."""
    both = is_number(ours) and is_number(papers)
    return Cell(ours - papers if both else None)


def with_best(table: Table) -> Table:
    """Set the best of ours, and of the paper's, in bold in each row.

    Ours compete within a measure (`contest`), whatever group they stand in. Where all
    are equal none is best.
    """
    contests = {(c.kind, c.contest) for c in table.columns if c.kind in (OURS, PAPERS)}
    places = [
        [i for i, c in enumerate(table.columns) if (c.kind, c.contest) == contest]
        for contest in sorted(contests)
    ]
    return replace(table, rows=[_mark(row, places) for row in table.rows])


def _mark(row: Sequence[Cell], contests: Sequence[Sequence[int]]) -> list[Cell]:
    best = set()
    for places in contests:
        numbers = {i: row[i].value for i in places if is_number(row[i].value)}
        if len({*numbers.values()}) > 1:
            best |= {i for i, v in numbers.items() if v == max(numbers.values())}
    return [replace(cell, bold=i in best) for i, cell in enumerate(row)]
