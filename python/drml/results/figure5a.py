"""Fig. 5a: training loss over the iterations, from Caffe's logs."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from data_prep.base import UserError
from drml.caffe_log import TrainingLog, read_log
from drml.figures import STYLE, TRAINING, colour, svg
from drml.results.out import Out, fold_of
from drml.results.section import Picture, Section
from drml.results.table import NAME, OURS, Cell, Column, Table

PART = "fig5"
RAW = dict(linewidth=0.8, alpha=0.35)
SHARE = 0.1  # of the training that the smoothed curve averages over


def section(out: Out) -> Section:
    title = out.marked("Fig. 5a. Training loss")
    logs = {out.nets[net]: found for net in out.nets if (found := _logs(out, net))}
    if not logs:
        return Section(title, missing=out.lacking(PART, "Fig. 5a"))
    chosen = choose_fold(logs)
    shown = {net: found[chosen] for net, found in logs.items() if chosen in found}
    caption = out.marked(f"Training loss, fold {chosen}")
    note = (
        f"Fold {chosen}, the first of those that most networks were trained on. Pale: "
        "as Caffe logged it; strong: mean over a tenth of the training around it. In "
        "the paper's figure DRML converges faster than AlexNet and to a lower loss; no "
        "numbers are given."
    )
    missing = [
        f"Fig. 5a: {n} has no log of fold {chosen}" for n in logs if n not in shown
    ]
    missing += [
        f"Fig. 5a: {n} has no log yet" for n in out.nets.values() if n not in logs
    ]
    figure = curves(caption, shown)
    picture = Picture("training_loss.svg", svg(figure), caption)
    return Section(title, [note], [_table(out, shown)], [picture], missing)


def _logs(out: Out, net: str) -> dict[int, TrainingLog]:
    files = sorted((out.folder / net).glob("fold[0-9]/train.log"))
    read = {fold_of(file.parent): _log(file) for file in files}
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


def smoothed(values: Sequence[float]) -> np.ndarray:
    """Mean over the neighbours within half of SHARE of the curve on either side."""
    reach = max(1, round(SHARE * len(values) / 2))
    windows = (values[max(0, i - reach) : i + reach + 1] for i in range(len(values)))
    return np.array([np.mean(window) for window in windows])


def curves(title: str, logs: dict[str, TrainingLog]) -> Figure:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 4), layout="constrained")
        axes = figure.add_subplot()
        for i, (net, log) in enumerate(logs.items()):
            iterations, losses = list(log.train_loss), list(log.train_loss.values())
            axes.plot(iterations, losses, color=colour(i), **RAW)
            axes.plot(
                iterations, smoothed(losses), color=colour(i), label=net, **TRAINING
            )
        axes.set_title(title)
        axes.set(xlabel="iteration", ylabel="loss per face (nats, sum over AUs)")
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", color="#e6e8eb", linewidth=0.8)
        axes.legend(handles=[*axes.lines[1::2], *_kinds()])
    return figure


def _kinds() -> list[Line2D]:
    """The legend's entries of the two kinds of lines."""
    raw = Line2D([], [], color="black", label="as logged", **RAW)
    return [raw, Line2D([], [], color="black", label="smoothed", **TRAINING)]


def _table(out: Out, logs: dict[str, TrainingLog]) -> Table:
    columns = [
        Column("", "network", NAME),
        Column("", "iterations"),
        Column("training loss", "first tenth", digits=2),
        Column("training loss", "last tenth", OURS, digits=2),
    ]
    rows = [[Cell(net), *_ends(log)] for net, log in logs.items()]
    title = out.marked("Training loss at the beginning and at the end")
    return Table("figure5a", title, columns, rows, notes=["Nats a face, sum over AUs."])


def _ends(log: TrainingLog) -> list[Cell]:
    losses = list(log.train_loss.values())
    count = max(1, round(SHARE * len(losses)))
    first, last = np.mean(losses[:count]), np.mean(losses[-count:])
    return [Cell(log.last_iteration), Cell(float(first)), Cell(float(last))]
