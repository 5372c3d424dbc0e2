"""The ablation over grid sizes: DRML with other grids than the paper's 8 x 8."""

from collections.abc import Sequence
from math import nan
from statistics import fmean

from drml.evaluate.metrics import average
from drml.evaluate.selection import Scored, best
from drml.results.comparison import MEASURES
from drml.results.folds import Folds, check_alike
from drml.results.out import Out
from drml.results.section import Section, named_folds
from drml.results.table import NAME, OURS, Cell, Column, Table
from drml.results.table2 import average_remark

PAPERS_GRID = 8
Selections = dict[int, dict[int, list[Scored]]]  # by grid and fold


def section(out: Out, drml: Folds | None) -> Section:
    """drml: its results with the paper's grid, which join those of OUT/grids."""
    title = out.marked("Grids of the region layer")
    found = {size: out.folds(folder) for size, folder in out.grids.items()}
    grids = {size: Folds(_name(size), folds) for size, folds in found.items() if folds}
    if not grids:
        asked = out.record.get("grids")
        return Section(title, missing=["Grids: no results yet"] if asked else [])
    if drml:
        grids.setdefault(PAPERS_GRID, drml)
    check_alike([*grids.values()])
    common = sorted(set.intersection(*(set(g.predictions) for g in grids.values())))
    if not common:
        return Section(title, missing=["Grids: no fold has results of every grid"])
    folders = {PAPERS_GRID: "drml"} | out.grids
    scored = {size: out.selections(folders[size]) for size in grids}
    return Section(title, [_note(common)], [_table(out, grids, scored, common)])


def _name(size: int) -> str:
    return f"{size} x {size}"


def _note(folds: Sequence[int]) -> str:
    return (
        f"Averages over AUs, mean over what all grids have ({named_folds(folds)}). A "
        "grid is to be chosen by validation F1 (bold: the best); the test split says "
        "what the choice is worth. The paper tried 5 x 5 and upward, found "
        f"{_name(PAPERS_GRID)} best and gives no figures."
    )


def _table(
    out: Out, grids: dict[int, Folds], scored: Selections, folds: Sequence[int]
) -> Table:
    columns = [Column("", "grid", NAME), Column("", "patches")]
    columns.append(Column("validation", MEASURES["f1"], OURS))
    columns += [Column("test", what) for what in MEASURES.values()]
    validated = {size: _validated(scored[size], folds) for size in grids}
    differ = None not in validated.values() and len({*validated.values()}) > 1
    highest = max(validated.values()) if differ else nan
    rows = [
        [
            Cell(_name(size)),
            Cell(size * size),
            Cell(validated[size], bold=validated[size] == highest),
            *_tested(grids[size], folds),
        ]
        for size in sorted(grids)
    ]
    title = out.marked(f"DRML {out.on('BP4D')} by grid")
    return Table("grids", title, columns, rows, notes=["Percent."])


def _validated(scored: dict[int, list[Scored]], folds: Sequence[int]) -> float | None:
    """Return the mean F1 of the folds' chosen snapshots, None if one is not known."""
    if not all(scored.get(fold) for fold in folds):
        return None
    return 100 * fmean(best(scored[fold]).f1 for fold in folds)


def _tested(grid: Folds, folds: Sequence[int]) -> list[Cell]:
    kept = Folds(grid.title, {fold: grid.predictions[fold] for fold in folds})
    mean = average(kept.mean)
    remark = average_remark(mean.aus, len(kept.aus))
    return [Cell(100 * getattr(mean, name), remark) for name in MEASURES]
