"""A table as terminal text, Markdown, CSV and HTML."""

import csv
from math import nan

import pytest

from drml.report.tables import (
    DIFFERENCE,
    NAME,
    OURS,
    Column,
    Table,
    csv_text,
    difference,
    lay_out,
    mark_best,
)


@pytest.fixture
def table():
    """Two rows and an average: undefined (nan), lacking (None), a remark, a best."""
    ours = Column("ours", [1.25, nan, 3.0], OURS, "A & B", remarks={0: "1 of 2 folds"})
    papers = Column("paper", [1.0, 36.5, 3.0], "papers", "A & B")
    columns = [
        Column("AU", ["1", "2", ""], NAME),
        *(ours, difference(ours, papers), papers),
        Column("a|b", [None, 2.0, 4.0], OURS),
    ]
    mark_best(columns)
    return Table("some", "Some <title>", columns, foot=True)


def test_text(table):
    assert table.as_text() == "\n".join(
        [
            "Some <title>",
            "-------------------------------------------------------",
            "AU  A & B ours  A & B diff.  A & B paper  a|b",
            "-------------------------------------------------------",
            "1          1.2         +0.2          1.0    -",
            "2    undefined                      36.5  2.0",
            "-------------------------------------------------------",
            "           3.0          0.0          3.0  4.0",
        ]
    ).replace("-" * 55, "-" * 45)


def test_markdown(table):
    head, rule, *rows = (" ".join(r.split()) for r in table.as_markdown().splitlines())
    assert head == "| AU | A & B ours | A & B diff. | A & B paper | a|b |"
    assert rule.startswith("|:---")
    assert rule.endswith("---:|")
    assert rows[0] == "| 1 | 1.2 (1 of 2 folds) | +0.2 | 1.0 | - |"
    assert rows[1] == "| 2 | undefined | | 36.5 | 2.0 |"
    assert rows[2] == "| | 3.0 | 0.0 | 3.0 | **4.0** |"


def test_csv(table):
    first, second, last = csv.DictReader(table.as_csv().splitlines())
    assert first["table"] == "Some <title>"
    assert (first["A & B ours"], first["A & B diff."]) == ("1.25", "0.25")
    assert first["remarks"] == "A & B ours: 1 of 2 folds"
    assert second["A & B ours"] == second["A & B diff."] == ""
    assert second["remarks"] == "A & B ours: undefined"
    assert last["a|b"] == "4.0"


def test_html(table):
    html = " ".join(table.as_html().split())
    assert 'colspan="3">A &amp; B</th>' in html
    assert "1.2 <small>1 of 2 folds</small></td>" in html
    assert ' undefined" >undefined</td>' in html
    assert ' ours best" >4.0</td>' in html


def test_numbers_as_they_are_shown():
    ours = Column("", [47.349, nan, None, 12345], OURS)
    assert [*map(ours.shown, range(4))] == ["47.3", "undefined", "-", "12,345"]
    gap = Column("", [None, -12.25, 3.0, -0.04, 0.04], DIFFERENCE)
    shown = ["", "\N{MINUS SIGN}12.2", "+3.0", "0.0", "0.0"]
    assert [*map(gap.shown, range(5))] == shown


def test_differences_are_blue_above_and_orange_below():
    gap = Column("", [15.0, -90.0, None, nan], DIFFERENCE)
    assert gap.tint(0) == "background: rgba(31, 90, 148, 0.23)"  # half of 0.45
    assert gap.tint(1) == "background: rgba(200, 100, 27, 0.45)"
    assert gap.tint(2) == gap.tint(3) == ""


@pytest.mark.parametrize(
    ("values", "bold"),
    [
        ((1.0, 2.0, 2.0), [False, True, True]),
        ((0.0, 0.0, 0.0), [False] * 3),
        ((nan, 3.0, None), [False] * 3),
    ],
)
def test_best_needs_a_better_and_a_worse(values, bold):
    columns = [Column(str(i), [value], OURS) for i, value in enumerate(values)]
    mark_best(columns)
    assert [bool(column.marks) for column in columns] == bold


def test_rows_as_csv_and_as_text():
    assert csv_text(["a", "b"], [("x", nan), (1, 2.5)]) == "a,b\nx,\n1,2.5\n"
    rows = [("no", "name", "F1"), ("1", "brow", "2.0"), ("", "Avg.", "2.0")]
    lines = lay_out("T", rows).splitlines()
    assert lines[2:5] == ["no  name   F1", "-" * 13, " 1  brow  2.0"]
    assert lines[5:] == ["-" * 13, "    Avg.  2.0"]
