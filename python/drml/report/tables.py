"""Every table of the project, as terminal text, Markdown, CSV and HTML.

A Table is columns of values, each with a word on how it is shown; pandas and tabulate
lay it out. None is "there is none", nan is "undefined", and both can be told apart.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from itertools import chain, count
from math import isnan

import pandas as pd
from tabulate import tabulate

from data_prep.aus import AU_NAMES
from drml.evaluate.bootstrap import Interval, Intervals
from drml.evaluate.metrics import AuResult, average

Value = str | int | float | None

# Kinds of columns.
OURS, PAPERS, DIFFERENCE, PLAIN = "ours", "papers", "difference", "plain"
NAME, TEXT = "name", "text"  # set flush left; a text may be long and is broken

FULL = 30.0  # percent points: a difference from which on its colour is the strongest
BLUE, ORANGE = (31, 90, 148), (200, 100, 27)  # as --above and --below of page.css
STRONGEST = 0.45  # opacity at which black text still reads well
MANY = 18  # columns that want a wide page
MINUS = "\N{MINUS SIGN}"

_STYLES = {
    NAME: "text-align: left; white-space: nowrap;",
    TEXT: "text-align: left; min-width: 11em; overflow-wrap: anywhere;",
    PAPERS: "color: var(--muted);",
}


@dataclass
class Column:
    """A column of a table; of its values the i-th belongs to the table's row i.

    remarks: by row, what is to be said of a value ("2 of 3 folds"); marks: by row,
    "best" (shown in bold) or "below" (an alarming colour).
    """

    name: str
    values: Sequence[Value]
    kind: str = PLAIN
    group: str = ""  # stands above the columns that belong together
    digits: int = 1
    full: float = FULL
    contest: str = ""  # columns of ours or of the paper's that compete in a row
    remarks: Mapping[int, str] = field(default_factory=dict)
    marks: dict[int, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.group} {self.name}".strip()

    def shown(self, row: int) -> str:
        """Return a value as pages show it."""
        value = self.values[row]
        if value is None:
            return "-" if self.kind == OURS else ""
        if undefined(value):
            return "undefined"
        if isinstance(value, float):
            sign = "+" if self.kind == DIFFERENCE else ""
            number = f"{value:{sign}.{self.digits}f}"
            zero = not number.strip("+-0.")
            return (number.lstrip("+-") if zero else number).replace("-", MINUS)
        return f"{value:,}" if isinstance(value, int) else value

    def tint(self, row: int) -> str:
        """Return a difference's colour: blue above the paper, orange below, or pale."""
        value = self.values[row]
        if self.kind != DIFFERENCE or not is_number(value):
            return ""
        strength = min(abs(value) / self.full, 1) * STRONGEST
        colour = ", ".join(map(str, BLUE if value > 0 else ORANGE))
        return f"background: rgba({colour}, {strength:.2f})"


@dataclass
class Table:
    """Columns of one length and different titles; with `foot` the last row is means."""

    name: str  # of its CSV file
    title: str
    columns: Sequence[Column]
    foot: bool = False
    notes: Sequence[str] = ()

    @property
    def wide(self) -> bool:
        return len(self.columns) > MANY

    def as_text(self) -> str:
        rows = zip(*self._each(Column.shown), strict=True)
        names = [i for i, c in enumerate(self.columns) if c.kind in (NAME, TEXT)]
        header = [column.title for column in self.columns]
        return _ruled(self.title, [header, *rows], names, self.foot)

    def as_markdown(self) -> str:
        left = ["left" if c.kind in (NAME, TEXT) else "right" for c in self.columns]
        frame = pd.DataFrame(self._each(_in_markdown), self._titles()).T
        return frame.to_markdown(index=False, disable_numparse=True, colalign=left)

    def as_csv(self) -> str:
        """Values unrounded; an undefined or missing one is empty and remarked on."""
        frame = pd.DataFrame(
            [c.values for c in self.columns], self._titles(), dtype=object
        ).T
        frame.insert(0, "table", self.title)
        frame["remarks"] = [self._remarks(row) for row in range(len(frame))]
        return frame.to_csv(index=False, lineterminator="\n")

    def as_html(self) -> str:
        """Return a <table> that page.css completes."""
        # Here, since it loads matplotlib, which takes a second.
        from pandas.io.formats.style import Styler

        grouped = any(column.group for column in self.columns)
        names = [(c.group, c.name) if grouped else (c.name,) for c in self.columns]
        index = pd.MultiIndex.from_tuples(names)
        cells, classes, tints = (
            pd.DataFrame(self._each(part), index).T
            for part in (_in_html, _classes, Column.tint)
        )
        styler = Styler(cells, uuid=self.name, cell_ids=False).hide(axis="index")
        styler.format_index(escape="html", axis="columns")
        shape = " foot" * self.foot + " many" * self.wide
        styler.set_table_attributes(f'class="results{shape}"').set_td_classes(classes)
        styler.set_table_styles(dict(zip(names, self._styles(), strict=True)))
        return styler.apply(lambda _: tints, axis=None).to_html()

    def _styles(self) -> Iterator[list[dict]]:
        """Return the CSS of each column, heads included."""
        group = self.columns[0].group
        for column in self.columns:
            style = _STYLES.get(column.kind, "")
            if column.group != group:
                style += "padding-left: 1.4em;"
            group = column.group
            yield [{"selector": "", "props": style}] if style else []

    def _titles(self) -> list[str]:
        return [column.title for column in self.columns]

    def _each(self, part: Callable[[Column, int], str]) -> list[list[str]]:
        """Return part(column, row) for all cells, column by column."""
        return [[part(c, row) for row in range(len(c.values))] for c in self.columns]

    def _remarks(self, row: int) -> str:
        said = {
            c.title: "undefined" if undefined(c.values[row]) else c.remarks.get(row)
            for c in self.columns
        }
        return "; ".join(
            f"{title}: {remark}" for title, remark in said.items() if remark
        )


def _in_markdown(column: Column, row: int) -> str:
    value = column.shown(row).replace("|", "&#124;")
    value = f"**{value}**" if column.marks.get(row) == "best" else value
    remark = column.remarks.get(row)
    return f"{value} ({remark})" if remark else value


def _in_html(column: Column, row: int) -> str:
    value, remark = escape(column.shown(row)), column.remarks.get(row)
    return f"{value} <small>{escape(remark)}</small>" if remark else value


def _classes(column: Column, row: int) -> str:
    kind = "undefined" if undefined(column.values[row]) else column.kind
    return f"{kind} {column.marks.get(row, '')}".strip()


def undefined(value: Value) -> bool:
    return isinstance(value, float) and isnan(value)


def is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isnan(value)


def difference(ours: Column, papers: Column, name: str = "diff.", **how) -> Column:
    """Return ours less the paper's, where both are numbers."""
    pairs = zip(ours.values, papers.values, strict=True)
    values = [a - b if is_number(a) and is_number(b) else None for a, b in pairs]
    return Column(name, values, DIFFERENCE, ours.group, **how)


def mark_best(columns: Sequence[Column]) -> None:
    """Mark the best of ours, and of the paper's, in each row.

    Ours compete within a measure (`contest`), whatever group they stand in. Where all
    are equal none is best.
    """
    contests = {(c.kind, c.contest) for c in columns if c.kind in (OURS, PAPERS)}
    for contest in contests:
        rivals = [c for c in columns if (c.kind, c.contest) == contest]
        for row in range(len(rivals[0].values)):
            numbers = [c.values[row] for c in rivals if is_number(c.values[row])]
            if len({*numbers}) > 1:
                for column in rivals:
                    if column.values[row] == max(numbers):
                        column.marks[row] = "best"


def percent(value: float | None) -> str:
    """Format a fraction as the paper's tables do; nan and None are undefined."""
    return "undefined" if value is None or isnan(value) else f"{100 * value:.1f}"


def average_name(counted: int, total: int) -> str:
    """Name the average so that AUs left out of it can't be missed."""
    return "Avg." if counted == total else f"Avg. of {counted} of {total} AUs"


def distinct(title: str, taken: Container[str]) -> str:
    """Return the title, numbered if it is taken: "DRML", "DRML (2)", ..."""
    numbered = (f"{title} ({number})" for number in count(2))
    return next(name for name in chain([title], numbered) if name not in taken)


def text_table(
    title: str, results: Sequence[AuResult], found: Intervals | None = None
) -> str:
    """Lay an evaluation's measures (percent) out in columns under a title.

    found: the 95% intervals, which stand beside F1 and AUC.
    """
    mean = average(results)
    counts = {"positive": "positives", "negative": "negatives", "unknown": "unknown"}
    measures = {
        "F1": "f1",
        "all-pos. F1": "f1_all_positive",
        "F1 (val)": "f1_val_threshold",
        "AUC": "auc",
        "AP": "average_precision",
    }
    if isnan(mean.f1_val_threshold):  # no threshold was chosen on val
        del measures["F1 (val)"]
    columns = [
        Column("AU", [*(str(r.au) for r in results), ""]),
        Column(
            "name",
            [*(AU_NAMES[r.au] for r in results), average_name(mean.aus, len(results))],
            NAME,
        ),
    ]
    for name, of in counts.items():
        columns.append(Column(name, [*(str(getattr(r, of)) for r in results), ""]))
    for name, of in measures.items():
        columns.append(Column(name, [100 * getattr(r, of) for r in [*results, mean]]))
        if found and of in found.of_aus:
            own = [*found.of_aus[of], found.of_average[of]]
            columns.append(Column("95%", [span(i) for i in own], group=name))
    micro = f"F1-micro, all AUs' decisions together: {percent(mean.f1_micro)}"
    lines = [Table("", title, columns, foot=True).as_text(), micro]
    if found:
        lines[-1] += f" ({span(found.of_average['f1_micro'])})"
        lines.append(
            f"95%: bootstrap over {found.subjects} subjects ({found.how.resamples} "
            f"resamples, seed {found.how.seed})"
        )
    return "\n".join(lines)


def span(interval: Interval) -> str:
    """Format an interval of fractions as percent: 41.2-52.0; empty where undefined."""
    if isnan(interval.low):
        return ""
    return f"{100 * interval.low:.1f}-{100 * interval.high:.1f}"


def csv_table(
    dataset: str, results: Sequence[AuResult], found: Intervals | None = None
) -> str:
    """One line per AU, fractions unrounded, an undefined measure left empty."""
    rows = [
        {"dataset": dataset, "au": r.au, "name": AU_NAMES[r.au], **asdict(r)}
        for r in results
    ]
    for measure, own in (found.of_aus if found else {}).items():
        for row, interval in zip(rows, own, strict=True):
            row |= {f"{measure}_low": interval.low, f"{measure}_high": interval.high}
    return csv_text([*rows[0]], [[*row.values()] for row in rows])


def csv_text(header: Sequence[str], rows: Iterable[Sequence]) -> str:
    """CSV with nan left empty."""
    frame = pd.DataFrame([*rows], columns=header, dtype=object)
    return frame.to_csv(index=False, lineterminator="\n")


def lay_out(
    title: str, rows: Sequence[Sequence[str]], names: int = 1, foot: bool = True
) -> str:
    """Lay rows out between rules; the first is the header, the last with `foot` a foot.

    names: the column that is set flush left, as text is; the others are numbers.
    """
    return _ruled(title, rows, [names], foot)


def _ruled(
    title: str, rows: Sequence[Sequence[str]], names: Container[int], foot: bool
) -> str:
    align = ["left" if i in names else "right" for i in range(len(rows[0]))]
    header, *lines = tabulate(
        rows, tablefmt="plain", disable_numparse=True, colalign=align
    ).splitlines()
    rule = "-" * max(map(len, [header, *lines]))
    foot_lines = [rule, lines.pop()] if foot else []
    return "\n".join([title, rule, header, rule, *lines, *foot_lines])
