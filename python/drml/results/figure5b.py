"""Fig. 5b-d: AU correlation tables and their distance to the ground truth's."""

from collections.abc import Sequence

import numpy as np

from data_prep.base import UserError
from drml.paper import read_paper, relation_distance
from drml.relations import TRUTH, distance
from drml.results.models import same_faces, without
from drml.results.out import REDO, Out
from drml.results.section import Section
from drml.results.table import (
    DIFFERENCE,
    NAME,
    OURS,
    PAPERS,
    Cell,
    Column,
    Table,
    difference,
)

PART = "fig5"
FILE = "relations/relations.csv"
NOTE = (
    "Paper: section 4.2, on Fig. 5 (b)-(d). diff.: ours less the paper's; none where "
    "entries are undefined, since it is mostly the rare AUs that are never called, and "
    "without them the distance is another one than the paper's."
)


def section(out: Out) -> Section:
    title = out.marked(read_paper()["figure5"]["caption"])
    rows = out.csv(FILE, "dataset table au other_au", "correlation")
    caption = out.marked("Correlation of AUs in the labels and in the predictions")
    pictures = out.picture("relations/relations.png", caption)
    if not rows and not pictures:
        return Section(title, missing=out.lacking(PART, "Fig. 5b-d"))
    notes = [
        "The paper names its distance and gives no formula: per entry is the Euclidean "
        "norm of the difference of the tables over the number of entries that both "
        "define; an AU that is never called has none.",
    ]
    if not rows:
        return Section(title, notes, pictures=pictures)
    tables = correlation_tables(rows)
    nets = [name for name in tables if name != TRUTH]
    return Section(
        title,
        [*notes, same_faces(FILE, rows)],
        [_table(out, tables, nets)],
        pictures,
        without(out, "Fig. 5b-d", nets),
    )


def correlation_tables(rows: list[dict]) -> dict[str, np.ndarray]:
    """Return each (C, C) table of relations.csv, which goes row by row."""
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row["table"], []).append(row["correlation"])
    aus = len({row["au"] for row in rows})
    if TRUTH not in values or {len(found) for found in values.values()} != {aus * aus}:
        raise UserError(f"{FILE} lacks the {TRUTH} or some of its rows; {REDO}")
    return {name: np.reshape(found, (aus, aus)) for name, found in values.items()}


def _table(out: Out, tables: dict[str, np.ndarray], nets: Sequence[str]) -> Table:
    columns = [
        Column("", "network", NAME),
        Column("", "entries"),
        Column("", "norm", digits=3),
        Column("distance per entry", "ours", OURS, digits=4),
        Column("distance per entry", "paper", PAPERS, digits=4),
        Column("distance per entry", "diff.", DIFFERENCE, digits=4, full=0.02),
    ]
    rows = []
    for net in nets:
        found, papers = distance(tables[net], tables[TRUTH]), relation_distance(net)
        cells = [net, found.entries, found.norm, found.per_entry, papers]
        comparable = papers if found.entries == tables[TRUTH].size else None
        rows.append([*map(Cell, cells), difference(found.per_entry, comparable)])
    title = out.marked("Distance of AU correlations to the ground truth's")
    return Table("figure5b", title, columns, rows, notes=[NOTE])
