"""Model selection: each snapshot's measures on the validation split."""

from collections.abc import Sequence

from drml.evaluate.selection import Scored, best
from drml.results.comparison import MEASURES
from drml.results.out import Out
from drml.results.section import Section
from drml.results.table import NAME, OURS, Cell, Column, Table

Selections = dict[int, list[Scored]]  # fold -> its snapshots


def section(out: Out) -> Section:
    title = out.marked("Model selection")
    there = {net: found for net in out.nets if (found := out.selections(net))}
    if not there:
        return Section(title, missing=["Model selection: no snapshot is validated yet"])
    note = (
        "Average F1-frame and AUC (percent) of every snapshot on the validation split. "
        "Bold: the snapshot chosen by F1, which is the one tested; best: the fold that "
        "stands for the network where one model is wanted. The paper does not say how "
        "it chose."
    )
    return Section(title, [note], [_table(out, there)])


def _table(out: Out, there: dict[str, Selections]) -> Table:
    folds = sorted({fold for found in there.values() for fold in found})
    columns = [Column("", "network", NAME), Column("", "iteration")]
    for what in MEASURES.values():
        columns += [Column(what, f"fold {fold}", OURS) for fold in folds]
    rows = []
    for net, found in there.items():
        for iteration in sorted({s.iteration for fold in found.values() for s in fold}):
            cells = _cells(out.best(net), found, folds, iteration)
            rows.append([Cell(out.nets[net]), Cell(iteration), *cells])
    title = out.marked("Snapshots on the validation splits")
    return Table("selection", title, columns, rows)


def _cells(
    of_net: dict | None, found: Selections, folds: Sequence[int], iteration: int
) -> list[Cell]:
    """Return a snapshot's measures in each fold; of_net: its best.json."""
    cells = []
    for measure in MEASURES:
        for fold in folds:
            snapshots = found.get(fold, [])
            snapshot = next((s for s in snapshots if s.iteration == iteration), None)
            if snapshot is None:
                cells.append(Cell())
                continue
            chosen = snapshot == best(snapshots)
            stands = chosen and of_net is not None and of_net["fold"] == fold
            remark = "best" if stands and measure == "f1" else ""
            cells.append(Cell(100 * getattr(snapshot, measure), remark, chosen))
    return cells
