"""The ablation over grid sizes: DRML with other grids than the paper's 8 x 8."""

from collections.abc import Sequence

from drml.metrics import average
from drml.results.comparison import MEASURES
from drml.results.folds import Folds, check_alike
from drml.results.out import Out
from drml.results.section import Section
from drml.results.table import NAME, OURS, Cell, Column, Table, with_best
from drml.results.table2 import average_remark

PAPERS_GRID = 8


def section(out: Out, drml: Folds | None) -> Section:
    """drml: its results with the paper's grid, which join those of OUT/grids."""
    title = out.marked("Grids of the region layer")
    found = {size_of(f.name): out.folds(f"grids/{f.name}") for f in _folders(out)}
    grids = {size: Folds(f"{size} x {size}", p) for size, p in found.items() if p}
    if not grids:
        asked = out.record.get("grids")
        return Section(title, missing=["Grids: no results yet"] if asked else [])
    if drml:
        grids.setdefault(PAPERS_GRID, drml)
    check_alike([*grids.values()])
    common = sorted(set.intersection(*(set(g.predictions) for g in grids.values())))
    if not common:
        return Section(title, missing=["Grids: no fold has results of every grid"])
    return Section(title, [_note(common)], [_table(out, grids, common)])


def _folders(out: Out) -> list:
    return [f for f in (out.folder / "grids").glob("*x*") if f.is_dir()]


def size_of(name: str) -> int:
    """Read the size off a folder's name: 5x5."""
    return int(name.split("x")[0])


def _note(folds: Sequence[int]) -> str:
    return (
        f"Averages over AUs, mean over the folds that all grids have "
        f"({', '.join(map(str, folds))}). The paper tried 5 x 5 and upward, found "
        f"{PAPERS_GRID} x {PAPERS_GRID} best and gives no figures."
    )


def _table(out: Out, grids: dict[int, Folds], folds: Sequence[int]) -> Table:
    columns = [Column("", "grid", NAME), Column("", "patches")]
    columns += [Column("", what, OURS, contest=what) for what in MEASURES.values()]
    rows = []
    for size in sorted(grids):
        kept = {fold: grids[size].predictions[fold] for fold in folds}
        network = Folds(grids[size].title, kept)
        mean = average(network.mean)
        remark = average_remark(mean.aus, len(network.aus))
        cells = [Cell(100 * getattr(mean, name), remark) for name in MEASURES]
        rows.append([Cell(f"{size} x {size}"), Cell(size * size), *cells])
    title = out.marked(f"DRML {out.on('BP4D')} by grid")
    return with_best(Table("grids", title, columns, rows, notes=["Percent."]))
