"""What stands beside the paper's tables and figures.

Features (4.2), the region layer's patches, its grids, model selection, the models.
"""

from collections.abc import Sequence
from statistics import fmean

import pandas as pd

from drml.evaluate.features import read_features
from drml.evaluate.selection import Scored, best
from drml.report.comparison import MEASURES, Folds, average_remark, check_alike
from drml.report.pages import Facts, Section
from drml.report.paper import read_paper
from drml.report.results import Results, named_folds
from drml.report.tables import NAME, OURS, PAPERS, TEXT, Column, Table, is_number
from drml.report.training import describe_solver, solver_seed

SINGLE = "Of the single models that are named at the top."


def features(results: Results) -> Section:
    """The features' dimension and how many of them are zeros (4.2)."""
    title = results.marked("Features")
    files = {t: results.folder / net / "features.h5" for net, t in results.nets.items()}
    found = {net: read_features(file) for net, file in files.items() if file.exists()}
    if not found:
        return Section(title, missing=results.lacking("features", "Features"))
    papers = read_paper()["features"]
    dimensions = dict(zip(papers["methods"], papers["dimension"], strict=True))
    over = [f"over {papers['zeros']}" if net in dimensions else None for net in found]
    zeros, dimension = "zeros (percent)", "dimension"
    columns = [
        Column("network", [*found], NAME),
        Column("blob", [f.about["blob"] for f in found.values()], NAME),
        Column("faces", [f.faces for f in found.values()]),
        Column("ours", [f.dimension for f in found.values()], OURS, dimension),
        Column("paper", [*map(dimensions.get, found)], PAPERS, dimension),
        Column("ours", [100 * float(f.zeros) for f in found.values()], OURS, zeros),
        Column("paper", over, PAPERS, zeros),
    ]
    note = 'Paper: section 4.2, "Feature representation".'
    title_ = results.marked("Features of the networks")
    table = Table("features", title_, columns, notes=[note])
    missing = [f"Features: {net} has none yet" for net in files if net not in found]
    return Section(title, [SINGLE], [table], missing=missing)


PATCHES = {
    "weight_norm": "Euclidean norm of the weights",
    "ratio": "mean |added by the convolution| / mean |identity|",
}


def region(results: Results) -> Section:
    """What the region layer's patches learned."""
    title = results.marked("The region layer, patch by patch")
    found = results.csv("region/region.csv", "row column", " ".join(PATCHES))
    caption = "Mean face with the patches, their weights, what they add"
    pictures = results.picture("region/region.png", caption)
    if found is None and not pictures:
        return Section(title, missing=results.lacking("region", "Region layer"))
    tables = [] if found is None else [_patches(results, found)]
    note = f"The paper shows no such picture (3.2 describes the layer). {SINGLE}"
    return Section(title, [note], tables, pictures)


def _patches(results: Results, found: pd.DataFrame) -> Table:
    values = found[[*PATCHES]]
    columns = [
        Column(f"over {len(found)} patches", [*PATCHES.values()], NAME),
        Column("mean", values.mean().tolist(), digits=2),
    ]
    for extreme, rows in {"least": values.idxmin(), "most": values.idxmax()}.items():
        reached = [values.at[row, name] for name, row in rows.items()]
        places = [f"{found.row[row]}, {found.column[row]}" for row in rows]
        columns += [
            Column("value", reached, group=extreme, digits=2),
            Column("patch", places, NAME, extreme),
        ]
    title = results.marked("The region layer's patches")
    return Table("region", title, columns, notes=["Patches as row, column."])


PAPERS_GRID = 8


def grids(results: Results, drml: Folds | None) -> Section:
    """The ablation over grid sizes; drml: the paper's grid, which joins the others."""
    title = results.marked("Grids of the region layer")
    tested = {size: results.tested(folder) for size, folder in results.grids.items()}
    found = {s: Folds(_grid(s), folds) for s, folds in tested.items() if folds}
    if not found:
        asked = results.record.get("grids")
        return Section(title, missing=["Grids: no results yet"] if asked else [])
    if drml:
        found.setdefault(PAPERS_GRID, drml)
    check_alike([*found.values()])
    common = sorted(set.intersection(*(set(g.predictions) for g in found.values())))
    if not common:
        return Section(title, missing=["Grids: no fold has results of every grid"])
    note = (
        f"Averages over AUs, mean over what all grids have ({named_folds(common)}). A "
        "grid is to be chosen by validation F1 (bold: the best); the test split says "
        "what the choice is worth. The paper tried 5 x 5 and upward, found "
        f"{_grid(PAPERS_GRID)} best and gives no figures."
    )
    return Section(title, [note], [_grids(results, found, common)])


def _grid(size: int) -> str:
    return f"{size} x {size}"


def _grids(results: Results, found: dict[int, Folds], folds: Sequence[int]) -> Table:
    sizes = sorted(found)
    folders = {PAPERS_GRID: "drml"} | results.grids
    scored = [results.validated(folders[size]) for size in sizes]
    validated = [_validation(snapshots, folds) for snapshots in scored]
    differ = all(map(is_number, validated)) and len({*validated}) > 1
    best_of_all = {
        i: "best" for i, f1 in enumerate(validated) if differ and f1 == max(validated)
    }
    columns = [
        Column("grid", [*map(_grid, sizes)], NAME),
        Column("patches", [size * size for size in sizes]),
        Column("F1-frame", validated, OURS, "validation", marks=best_of_all),
    ]
    of_folds = [{fold: found[s].predictions[fold] for fold in folds} for s in sizes]
    means = [Folds("", predictions).mean for predictions in of_folds]
    remarks = {i: average_remark(mean) for i, mean in enumerate(means)}
    for measure, what in MEASURES.items():
        values = [mean[measure].mean() for mean in means]
        columns.append(Column(what, values, group="test", remarks=remarks))
    title = results.marked(f"DRML {results.on('BP4D')} by grid")
    return Table("grids", title, columns, notes=["Percent."])


def _validation(scored: dict[int, list[Scored]], folds: Sequence[int]) -> float | None:
    """Return the mean F1 of the folds' chosen snapshots, None if one is not known."""
    if not all(scored.get(fold) for fold in folds):
        return None
    return 100 * fmean(best(scored[fold]).f1 for fold in folds)


def selection(results: Results) -> Section:
    """Each snapshot's measures on the validation split."""
    title = results.marked("Model selection")
    found = {net: scored for net in results.nets if (scored := results.validated(net))}
    if not found:
        return Section(title, missing=["Model selection: no snapshot is validated yet"])
    note = (
        "Average F1-frame and AUC (percent) of every snapshot on the validation split. "
        "Bold: the snapshot chosen by F1, which is the one tested; best: the fold that "
        "stands for the network where one model is wanted. The paper does not say how "
        "it chose."
    )
    return Section(title, [note], [_snapshots(results, found)])


def _snapshots(results: Results, found: dict[str, dict[int, list[Scored]]]) -> Table:
    rows = [
        (net, iteration)
        for net, folds in found.items()
        for iteration in sorted(
            {s.iteration for scored in folds.values() for s in scored}
        )
    ]
    columns = [
        Column("network", [results.nets[net] for net, _ in rows], NAME),
        Column("iteration", [iteration for _, iteration in rows]),
    ]
    bests = {net: results.best(net) or {} for net in found}
    for measure, what in MEASURES.items():
        for fold in sorted({fold for folds in found.values() for fold in folds}):
            column = Column(f"fold {fold}", [None] * len(rows), OURS, what)
            columns.append(column)
            for i, (net, iteration) in enumerate(rows):
                for snapshot in found[net].get(fold, []):
                    if snapshot.iteration != iteration:
                        continue
                    column.values[i] = 100 * getattr(snapshot, measure)
                    if snapshot == best(found[net][fold]):
                        column.marks[i] = "best"
                        if bests[net].get("fold") == fold and measure == "f1":
                            column.remarks[i] = "best"
    title = results.marked("Snapshots on the validation splits")
    return Table("selection", title, columns)


def models(results: Results, networks: Sequence[Folds], facts: Facts) -> Section:
    """The models that were tested, how they were trained and by which commands."""
    tested = [
        (n, fold, found) for n in networks for fold, found in n.predictions.items()
    ]
    folders = {t: results.folder / name for name, t in results.systems.items()}
    logs = [folders[n.title] / f"fold{fold}" / "train.log" for n, fold, _ in tested]
    columns = [
        Column("network", [network.title for network, _, _ in tested], NAME),
        Column("fold", [fold for _, fold, _ in tested]),
        Column("weights", [found.about["weights"] for *_, found in tested], TEXT),
        Column("solver", [*map(describe_solver, logs)], TEXT),
        Column("solver's seed", [*map(solver_seed, logs)]),
        Column("faces", [len(found.keys) for *_, found in tested]),
        Column("evaluated by", [found.about["command"] for *_, found in tested], TEXT),
    ]
    title = results.marked(f"Models tested {results.on('BP4D')}")
    tables = [Table("models", title, columns)] if tested else []
    return Section(results.marked("How this was made"), tables=tables, facts=facts)
