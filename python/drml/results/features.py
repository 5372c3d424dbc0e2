"""Features (4.2): their dimension and how many of them are zeros."""

from drml.evaluate.features import read_features
from drml.paper import read_paper
from drml.results.models import NAMED
from drml.results.out import Out
from drml.results.section import Section
from drml.results.table import NAME, OURS, PAPERS, Cell, Column, Table

PART = "features"


def section(out: Out) -> Section:
    title = out.marked("Features")
    files = {t: out.folder / net / "features.h5" for net, t in out.nets.items()}
    there = {
        title: read_features(file) for title, file in files.items() if file.exists()
    }
    if not there:
        return Section(title, missing=out.lacking(PART, "Features"))
    columns = [
        Column("", "network", NAME),
        Column("", "blob", NAME),
        Column("", "faces"),
        Column("dimension", "ours", OURS),
        Column("dimension", "paper", PAPERS),
        Column("zeros (percent)", "ours", OURS),
        Column("zeros (percent)", "paper", PAPERS),
    ]
    rows = [[Cell(net), *_cells(net, found)] for net, found in there.items()]
    note = 'Paper: section 4.2, "Feature representation".'
    table = Table("features", out.marked("Features of the networks"), columns, rows,
                  notes=[note])  # fmt: skip
    missing = [f"Features: {t} has none yet" for t in files if t not in there]
    return Section(title, [NAMED], [table], missing=missing)


def _cells(net: str, found) -> list[Cell]:
    papers = read_paper()["features"]
    dimensions = dict(zip(papers["methods"], papers["dimension"], strict=True))
    learned = net in dimensions
    return [
        Cell(found.about["blob"]),
        Cell(found.faces),
        Cell(found.dimension),
        Cell(dimensions.get(net)),
        Cell(100 * float(found.zeros)),
        Cell(f"over {papers['zeros']}" if learned else None),
    ]
