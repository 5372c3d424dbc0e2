"""Figures 4 and 5: saliency maps, training loss, AU correlations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.base import UserError
from drml.figures.relations import TRUTH, distance
from drml.nets.log import TrainingLog, read_log
from drml.report.curves import SHARE, smoothed_losses
from drml.report.pages import Picture, Section
from drml.report.paper import read_paper, relation_distance
from drml.report.results import REDO, Results
from drml.report.tables import (
    NAME,
    OURS,
    PAPERS,
    Column,
    Table,
    average_name,
    difference,
    mark_best,
)


def same_faces(file: str, datasets: pd.Series) -> str:
    """Say on which faces networks are compared; UserError where these differ."""
    dataset, *others = datasets.unique()
    if others:
        raise UserError(
            f"{file} compares networks on different faces ({dataset}; {others[0]}); "
            f"{REDO}"
        )
    return (
        f"All networks on the same faces: {dataset}; each by the snapshot that was "
        "chosen on that fold."
    )


def _without(results: Results, name: str, shown: Sequence[str]) -> list[str]:
    """Name the networks that a figure of one fold lacks; shown: those it has."""
    return [
        f"{name}: {title} is not in it; it wants every fold that {shown[0]} has"
        for title in results.nets.values()
        if title not in shown
    ]


# ---- Fig. 4

SALIENCY = "saliency/saliency.csv"
MAPS = {
    "saliency.png": "A face for each AU and its saliency maps",
    "saliency_mean.png": (
        "Mean maps over the faces that show the AU; its region outlined"
    ),
}
CONCENTRATION = (
    "The saliency of a pixel is the magnitude of the gradient of the AU's score there. "
    "The paper calls DRML's the most concentrated and gives no figure; here "
    "concentration is the share of an AU's saliency in the AU's own region."
)
SHARES = (
    "region: the AU's region, percent of the face that the network sees (their crops "
    "differ a little); saliency: percent of the saliency that lies in it; ratio: of "
    "the two, 1 for an even map. Bold: the most concentrated. An AU that no region is "
    "outlined for is left out of the average."
)


def figure4(results: Results) -> Section:
    """Saliency maps, and how much of them lies in the AU's own region."""
    title = results.marked("Fig. 4. What the networks look at for each AU")
    found = results.csv(SALIENCY, "dataset net au name", "faces concentration area")
    pictures = [
        picture
        for name, caption in MAPS.items()
        for picture in results.picture(f"saliency/{name}", caption)
    ]
    if found is None:
        missing = [] if pictures else results.lacking("fig4", "Fig. 4")
        return Section(title, [CONCENTRATION], pictures=pictures, missing=missing)
    return Section(
        title,
        [CONCENTRATION, same_faces(SALIENCY, found.dataset)],
        [_concentrations(results, found)],
        pictures,
        _without(results, "Fig. 4", found.net.unique()),
    )


def _concentrations(results: Results, found: pd.DataFrame) -> Table:
    """A row an AU; the faces are the same for all networks, their crops are not."""
    shares = pd.DataFrame(
        {
            "region": 100 * found.area,
            "saliency": (100 * found.concentration).where(found.area.notna()),
            "ratio": found.concentration / found.area,
        }
    ).set_index([found.net, found.au])
    nets = found.net.unique()
    first = found[found.net == nets[0]].set_index("au")
    outlined = first.index[first.area.notna()]
    name = average_name(len(outlined), len(first))
    columns = [
        Column("AU", [*first.index, ""], NAME),
        Column("name", [*first.name, name], NAME),
        Column("faces", [*first.faces.astype(int).tolist(), ""]),
    ]
    for net in nets:
        own = shares.loc[net].reindex(first.index)
        own = pd.concat([own, own.loc[outlined].mean().to_frame().T])
        own = own.astype(object).where(own.notna(), None)
        columns += [
            Column("region", own.region.tolist(), group=net),
            Column("saliency", own.saliency.tolist(), group=net),
            Column("ratio", own.ratio.tolist(), OURS, net, digits=2),
        ]
    mark_best(columns)
    title = results.marked("Concentration of saliency")
    return Table("figure4", title, columns, True, [SHARES])


# ---- Fig. 5a


def figure5a(results: Results) -> Section:
    """Training loss over the iterations, from Caffe's logs."""
    title = results.marked("Fig. 5a. Training loss")
    read = {title: _logs(results, net) for net, title in results.nets.items()}
    logs = {net: found for net, found in read.items() if found}
    if not logs:
        return Section(title, missing=results.lacking("fig5", "Fig. 5a"))
    chosen = choose_fold(logs)
    shown = {net: found[chosen] for net, found in logs.items() if chosen in found}
    caption = results.marked(f"Training loss, fold {chosen}")
    note = (
        f"Fold {chosen}, the first of those that most networks were trained on. Pale: "
        "as Caffe logged it; strong: mean over a tenth of the training around it. In "
        "the paper's figure DRML converges faster than AlexNet and to a lower loss; no "
        "numbers are given."
    )
    missing = [
        f"Fig. 5a: {n} has no log of fold {chosen}" for n in logs if n not in shown
    ]
    missing += [f"Fig. 5a: {n} has no log yet" for n in read if n not in logs]
    curves = smoothed_losses(caption, shown)
    picture = Picture("training_loss.svg", curves, caption)
    return Section(title, [note], [_ends(results, shown)], [picture], missing)


def _logs(results: Results, net: str) -> dict[int, TrainingLog]:
    read = {fold: _log(f) for fold, f in results.by_fold(net, "train.log").items()}
    return {fold: log for fold, log in read.items() if log.train_loss}


def _log(file: Path) -> TrainingLog:
    try:
        return read_log(file)
    except UserError:
        if (file.parent / "selection.json").exists():
            raise
        return TrainingLog()  # the training failed before its first loss


def choose_fold(logs: dict[str, dict[int, TrainingLog]]) -> int:
    """Take the fold that most networks have, of these the first."""
    folds = sorted({fold for found in logs.values() for fold in found})
    return max(folds, key=lambda fold: sum(fold in found for found in logs.values()))


def _ends(results: Results, logs: dict[str, TrainingLog]) -> Table:
    losses = [list(log.train_loss.values()) for log in logs.values()]
    tenths = [max(1, round(SHARE * len(curve))) for curve in losses]
    both = [*zip(losses, tenths, strict=True)]
    first = [float(np.mean(curve[:tenth])) for curve, tenth in both]
    last = [float(np.mean(curve[-tenth:])) for curve, tenth in both]
    columns = [
        Column("network", [*logs], NAME),
        Column("iterations", [log.last_iteration for log in logs.values()]),
        Column("first tenth", first, group="training loss", digits=2),
        Column("last tenth", last, OURS, "training loss", digits=2),
    ]
    title = results.marked("Training loss at the beginning and at the end")
    return Table("figure5a", title, columns, notes=["Nats a face, sum over AUs."])


# ---- Fig. 5b-d

RELATIONS = "relations/relations.csv"
FORMULA = (
    "The paper names its distance and gives no formula: per entry is the Euclidean "
    "norm of the difference of the tables over the number of entries that both "
    "define; an AU that is never called has none."
)
COMPARED = (
    "Paper: section 4.2, on Fig. 5 (b)-(d). diff.: ours less the paper's; none where "
    "entries are undefined, since it is mostly the rare AUs that are never called, and "
    "without them the distance is another one than the paper's."
)


def figure5b(results: Results) -> Section:
    """AU correlation tables and their distance to the ground truth's."""
    title = results.marked(read_paper()["figure5"]["caption"])
    found = results.csv(RELATIONS, "dataset table au other_au", "correlation")
    caption = "Correlation of AUs in the labels and in the predictions"
    pictures = results.picture("relations/relations.png", caption)
    if found is None:
        missing = [] if pictures else results.lacking("fig5", "Fig. 5b-d")
        return Section(title, [FORMULA], pictures=pictures, missing=missing)
    tables = correlation_tables(found)
    truth = tables.pop(TRUTH)
    return Section(
        title,
        [FORMULA, same_faces(RELATIONS, found.dataset)],
        [_distances(results, tables, truth)],
        pictures,
        _without(results, "Fig. 5b-d", [*tables]),
    )


def correlation_tables(found: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each (C, C) table of relations.csv, which goes row by row."""
    aus = found.au.nunique()
    values = found.groupby("table", sort=False).correlation
    if TRUTH not in values.groups or set(values.size()) != {aus * aus}:
        raise UserError(f"{RELATIONS} lacks the {TRUTH} or some of its rows; {REDO}")
    return {name: table.to_numpy().reshape(aus, aus) for name, table in values}


def _distances(
    results: Results, tables: dict[str, np.ndarray], truth: np.ndarray
) -> Table:
    found = [distance(table, truth) for table in tables.values()]
    group = "distance per entry"
    ours = Column("ours", [d.per_entry for d in found], OURS, group, digits=4)
    papers = Column("paper", [*map(relation_distance, tables)], PAPERS, group, digits=4)
    gap = difference(ours, papers, digits=4, full=0.02)
    gap.values = [
        value if d.entries == truth.size else None
        for value, d in zip(gap.values, found, strict=True)
    ]
    columns = [
        Column("network", [*tables], NAME),
        Column("entries", [d.entries for d in found]),
        Column("norm", [d.norm for d in found], digits=3),
        *(ours, papers, gap),
    ]
    title = results.marked("Distance of AU correlations to the ground truth's")
    return Table("figure5b", title, columns, notes=[COMPARED])
