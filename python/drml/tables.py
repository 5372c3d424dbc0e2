"""The table of measures per AU, as text and as CSV."""

from collections.abc import Container, Sequence
from itertools import chain, count
from math import isnan

from data_prep.aus import AU_NAMES
from drml.csv_lines import csv_text
from drml.evaluate.metrics import AuResult, average

HEADER = ("AU", "name", "positive", "negative", "unknown", "F1", "all-pos. F1", "AUC")


def percent(value: float | None) -> str:
    """Format a fraction as the paper's tables do; nan and None are undefined."""
    undefined = value is None or isnan(value)
    return "undefined" if undefined else f"{100 * value:.1f}"


def average_name(counted: int, total: int) -> str:
    """Name the average so that AUs left out of it can't be missed."""
    return "Avg." if counted == total else f"Avg. of {counted} of {total} AUs"


def text_table(title: str, results: Sequence[AuResult]) -> str:
    """Lay the measures (percent) out in columns under a title."""
    return lay_out(title, [HEADER, *(_row(r) for r in results), _average_row(results)])


def lay_out(
    title: str, rows: Sequence[Sequence[str]], names: int = 1, foot: bool = True
) -> str:
    """Lay rows out between rules; the first is the header, the last with `foot` a foot.

    names: the column that is set flush left, as text is; the others are numbers.
    """
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = ["  ".join(_cells(row, widths, names)).rstrip() for row in rows]
    rule = "-" * max(len(line) for line in lines)
    foot_lines = [rule, lines.pop()] if foot else []
    return "\n".join([title, rule, lines[0], rule, *lines[1:], *foot_lines])


def distinct(title: str, taken: Container[str]) -> str:
    """Return the title, numbered if it is taken: "DRML", "DRML (2)", ..."""
    numbered = (f"{title} ({number})" for number in count(2))
    return next(name for name in chain([title], numbered) if name not in taken)


def _row(r: AuResult) -> tuple[str, ...]:
    counts = (str(n) for n in (r.positives, r.negatives, r.unknown))
    measures = (percent(v) for v in (r.f1, r.f1_all_positive, r.auc))
    return (str(r.au), AU_NAMES[r.au], *counts, *measures)


def _average_row(results: Sequence[AuResult]) -> tuple[str, ...]:
    mean = average(results)
    measures = (percent(v) for v in (mean.f1, mean.f1_all_positive, mean.auc))
    return ("", average_name(mean.aus, len(results)), "", "", "", *measures)


def _cells(row: Sequence[str], widths: Sequence[int], names: int) -> list[str]:
    return [
        cell.ljust(width) if column == names else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def csv_table(dataset: str, results: Sequence[AuResult]) -> str:
    """One line per AU, fractions unrounded, an undefined measure left empty."""
    header = "dataset au name positives negatives unknown f1 f1_all_positive auc"
    rows = [
        (dataset, r.au, AU_NAMES[r.au], r.positives, r.negatives, r.unknown,
         r.f1, r.f1_all_positive, r.auc)
        for r in results
    ]  # fmt: skip
    return csv_text(header.split(), rows)
