"""The paper's numbers: complete, and as consistent as the paper itself is."""

import pytest

from data_prep.aus import BP4D_AUS, DISFA_AUS
from drml.report.paper import (
    AVERAGE,
    misprinted_averages,
    percent_of,
    read_paper,
    relation_distance,
    running_time,
)

AUS = {2: BP4D_AUS, 3: DISFA_AUS}
COLUMNS = [(t, m) for t in AUS for m in ("f1", "auc")]
# Printed averages that their columns do not have (see paper.toml): the true means.
MISPRINTED = {
    (2, "f1", "LSVM"): 36.675,
    (2, "f1", "DRML"): 47.692,
    (3, "f1", "DRML"): 26.05,
    (3, "auc", "LSVM"): 24.45,
    (3, "auc", "AlexNet"): 48.525,
}


@pytest.mark.parametrize(("table", "measure"), COLUMNS)
def test_averages_are_those_of_the_columns(table, measure):
    for method in read_paper()[f"table{table}"]["methods"]:
        column = [percent_of(table, measure, method, au) for au in AUS[table]]
        mean = sum(column) / len(column)
        printed = percent_of(table, measure, method, AVERAGE)
        if (table, measure, method) in MISPRINTED:
            assert mean == pytest.approx(MISPRINTED[table, measure, method], abs=5e-4)
            assert abs(printed - mean) > 0.5
        else:  # some are rounded, some cut off after the first decimal
            assert -0.06 < mean - printed < 0.1


@pytest.mark.parametrize(("table", "measure"), COLUMNS)
def test_misprinted_averages_are_found(table, measure):
    found = {
        (table, measure, method): mean
        for method, _, mean in misprinted_averages(table, measure)
    }
    expected = {
        key: mean for key, mean in MISPRINTED.items() if key[:2] == (table, measure)
    }
    assert found == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(("table", "measure"), COLUMNS)
def test_rows_are_the_tables_aus(table, measure):
    content = read_paper()[f"table{table}"]
    assert list(content[measure]) == [*map(str, AUS[table]), AVERAGE]
    assert {len(row) for row in content[measure].values()} == {6}


def test_numbers_looked_up_in_the_paper():
    assert percent_of(2, "f1", "DRML", 7) == 67.0
    assert percent_of(2, "auc", "ConvNet", 14) == 29.8
    assert percent_of(3, "auc", "APL", 12) == 94.2
    assert percent_of(3, "f1", "DRML") == 26.7
    assert running_time("train", "LCN") == (40.0, 0.006)
    assert running_time("test", "DRML") == (12.1, 0.003)
    assert relation_distance("AlexNet") == 0.0077


def test_what_the_paper_lacks_is_none():
    assert percent_of(3, "f1", "JPML") is None
    assert percent_of(2, "f1", "DRML", 9) is None
    assert running_time("train", "JPML") is None
    assert relation_distance("LCN") is None


def test_statements_that_the_tables_bear_out():
    """Section 4.2 counts the AUs in which a network is ahead."""

    def ahead(measure, one, other):
        pairs = [
            (percent_of(2, measure, one, au), percent_of(2, measure, other, au))
            for au in BP4D_AUS
        ]
        return sum(a > b for a, b in pairs)

    assert ahead("f1", "AlexNet", "LSVM") == 9
    assert ahead("auc", "LCN", "ConvNet") == 7
    assert (ahead("f1", "DRML", "LCN"), ahead("auc", "DRML", "LCN")) == (6, 8)
