"""Model selection: each snapshot's measures on the validation split."""

from math import nan

from data_prep.errors import UserError
from drml.results.comparison import MEASURES
from drml.results.out import REDO, Out, fold_of
from drml.results.section import Section
from drml.results.table import NAME, OURS, Cell, Column, Table


def section(out: Out) -> Section:
    title = out.marked("Model selection")
    there = {net: found for net in out.nets if (found := _selections(out, net))}
    if not there:
        return Section(title, missing=["Model selection: no snapshot is validated yet"])
    note = (
        "Average F1-frame and AUC (percent) of every snapshot on the validation split. "
        "Bold: the snapshot chosen by F1, which is the one tested; best: the fold that "
        "stands for the network where one model is wanted. The paper does not say how "
        "it chose."
    )
    return Section(title, [note], [_table(out, there)])


def _selections(out: Out, net: str) -> dict[int, dict]:
    found = {}
    for file in sorted((out.folder / net).glob("fold[0-9]/selection.json")):
        found[fold_of(file.parent)] = out.json(file, "chosen", "snapshots")
        for snapshot in found[fold_of(file.parent)]["snapshots"]:
            if not {"iteration", *MEASURES} <= set(snapshot):
                raise UserError(f"{file} has a snapshot without measures; {REDO}")
    return found


def _table(out: Out, there: dict[str, dict[int, dict]]) -> Table:
    folds = sorted({fold for found in there.values() for fold in found})
    columns = [Column("", "network", NAME), Column("", "iteration")]
    for what in MEASURES.values():
        columns += [Column(what, f"fold {fold}", OURS) for fold in folds]
    rows = [
        row for net, found in there.items() for row in _rows(out, net, found, folds)
    ]
    return Table(
        "selection", out.marked("Snapshots on the validation splits"), columns, rows
    )


def _rows(out: Out, net: str, found: dict[int, dict], folds: list[int]) -> list:
    best = (out.best(net) or {}).get("fold")
    snapshots = {
        (fold, s["iteration"]): s for fold, f in found.items() for s in f["snapshots"]
    }
    rows = []
    for iteration in sorted({iteration for _, iteration in snapshots}):
        cells = [Cell(out.nets[net]), Cell(iteration)]
        for measure in MEASURES:
            for fold in folds:
                chosen = fold in found and found[fold]["chosen"] == iteration
                remark = "best" if chosen and fold == best and measure == "f1" else ""
                value = _percent(snapshots.get((fold, iteration)), measure)
                cells.append(Cell(value, remark, chosen))
        rows.append(cells)
    return rows


def _percent(snapshot: dict | None, measure: str) -> float | None:
    if snapshot is None:
        return None
    value = snapshot[measure]
    return nan if value is None else 100 * value
