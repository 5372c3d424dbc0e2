"""What the region layer's patches learned."""

import numpy as np

from drml.results.models import NAMED
from drml.results.out import Out
from drml.results.section import Section
from drml.results.table import NAME, Cell, Column, Table

PART = "region"
MEASURES = {
    "weight_norm": "Euclidean norm of the weights",
    "ratio": "mean |added by the convolution| / mean |identity|",
}


def section(out: Out) -> Section:
    title = out.marked("The region layer, patch by patch")
    rows = out.csv("region/region.csv", "row column", " ".join(MEASURES))
    caption = out.marked("Mean face with the patches, their weights, what they add")
    pictures = out.picture("region/region.png", caption)
    if not rows and not pictures:
        return Section(title, missing=out.lacking(PART, "Region layer"))
    tables = [_table(out, rows)] if rows else []
    note = "The paper shows no such picture (3.2 describes the layer). " + NAMED
    return Section(title, [note], tables, pictures)


def _table(out: Out, rows: list[dict]) -> Table:
    columns = [Column("", f"over {len(rows)} patches", NAME)]
    columns += [Column("", "mean", digits=2)]
    for extreme in ("least", "most"):
        columns += [Column(extreme, "value", digits=2), Column(extreme, "patch", NAME)]
    body = [[Cell(title), *_cells(rows, name)] for name, title in MEASURES.items()]
    title = out.marked("The region layer's patches")
    return Table("region", title, columns, body, notes=["Patches as row, column."])


def _cells(rows: list[dict], name: str) -> list[Cell]:
    values = [row[name] for row in rows]
    cells = [Cell(float(np.mean(values)))]
    for place in (int(np.argmin(values)), int(np.argmax(values))):
        where = f"{rows[place]['row']}, {rows[place]['column']}"
        cells += [Cell(values[place]), Cell(where)]
    return cells
