"""The curves and bars of reports, as SVG files: F1, losses, ROC."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.metrics import roc_curve

from drml.figures.style import GREY, STYLE, colour, svg
from drml.nets.log import TrainingLog

TRAINING = dict(linewidth=1.4)
TEST = dict(linewidth=1.4, linestyle="--", marker="o", markersize=4)
RAW = dict(linewidth=0.8, alpha=0.35)
SHARE = 0.1  # of the training that a smoothed curve averages over


def f1_bars(title: str, aus: Sequence[int], runs: Sequence) -> bytes:
    """Draw F1 per AU, a bar per run, and the baseline across the bars."""
    places, width = np.arange(len(aus)), 0.8 / len(runs)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for i, run in enumerate(runs):
            left = places - 0.4 + i * width
            axes.bar(
                left, _percents(run, "f1"), width * 0.9, align="edge", color=colour(i)
            )
        baseline = _percents(runs[0], "f1_all_positive")
        lines = axes.hlines(baseline, places - 0.45, places + 0.45, color="black")
        lines.set_label("baseline")
        axes.set_title(title)
        axes.set_xticks(places, [f"AU {au}" for au in aus])
        axes.set(ylabel="F1 (percent)", ylim=(0, 100), xlim=(-0.6, len(aus) - 0.4))
        axes.legend(
            handles=[*_run_keys(runs), lines], loc="lower right",
            bbox_to_anchor=(1, 1), ncols=len(runs) + 1,
        )  # fmt: skip
        return svg(figure)


def _percents(run, measure: str) -> list[float]:
    """A measure of each AU; an undefined one is nan and not drawn."""
    values = (row[measure] for row in run.evaluation["aus"])
    return [np.nan if value is None else 100 * value for value in values]


def loss_curves(title: str, runs: Sequence) -> bytes:
    """Draw training and test loss over the iterations, a colour per run."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for i, run in enumerate(runs):
            _loss_curve(axes, run.log.train_loss, color=colour(i), **TRAINING)
            _loss_curve(axes, run.log.test_loss, color=colour(i), **TEST)
        axes.set_title(title)
        axes.set_xlabel("iteration")
        axes.set_ylabel("loss per face (nats, sum over AUs)")
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", color="#e6e8eb", linewidth=0.8)
        ink = colour(0) if len(runs) == 1 else "black"
        training = Line2D([], [], color=ink, label="training", **TRAINING)
        test = Line2D([], [], color=ink, label="test", **TEST)
        axes.legend(handles=[*_run_keys(runs), training, test])
        return svg(figure)


def _loss_curve(axes: Axes, curve: dict, **style) -> None:
    if curve:
        x, y = zip(*sorted(curve.items()), strict=True)
        axes.plot(x, y, **style)


def _run_keys(runs: Sequence) -> list[Line2D]:
    """The legend's entry of each run; one run alone needs none."""
    titles = [run.title for run in runs] if len(runs) > 1 else []
    return [
        Line2D([], [], color=colour(i), label=title) for i, title in enumerate(titles)
    ]


def roc_curves(title: str, aus: Sequence[int], runs: Sequence) -> bytes:
    """Draw a small ROC plot per AU, a colour per run."""
    columns = 6
    rows = -(-len(aus) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 1.5 * rows + 0.7), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
        figure.supxlabel("false positive rate", fontsize=9)
        figure.supylabel("true positive rate", fontsize=9)
        figure.legend(handles=_run_keys(runs), loc="upper right", ncols=len(runs))
        for c, axes in enumerate(grid.flat):
            axes.set_visible(c < len(aus))
            if c < len(aus):
                _roc_plot(axes, c, f"AU {aus[c]}", runs)
        return svg(figure)


def _roc_plot(axes: Axes, column: int, name: str, runs: Sequence) -> None:
    axes.plot((0, 1), (0, 1), color="#d5d8dc", linewidth=0.8)
    for i, run in enumerate(runs):
        labels = run.evaluation["labels"][:, column]
        known = labels != 0
        if len(np.unique(labels[known])) == 2:
            scores = run.evaluation["scores"][known, column]
            rates = roc_curve(labels[known], scores)[:2]
            axes.plot(*rates, color=colour(i), linewidth=1.2)
        else:
            axes.text(0.5, 0.5, "undefined", ha="center", color=GREY, fontsize=8)
    axes.set_title(name, fontsize=8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 1), yticks=(0, 1), aspect="equal")
    axes.tick_params(labelsize=7)


def smoothed(values: Sequence[float]) -> np.ndarray:
    """Mean over the neighbours within half of SHARE of the curve on either side."""
    reach = max(1, round(SHARE * len(values) / 2))
    window = pd.Series(values).rolling(2 * reach + 1, min_periods=1, center=True)
    return window.mean().to_numpy()


def smoothed_losses(title: str, logs: dict[str, TrainingLog]) -> bytes:
    """Draw each network's training loss, as logged and smoothed."""
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
        return svg(figure)


def _kinds() -> list[Line2D]:
    """The legend's entries of the two kinds of lines."""
    raw = Line2D([], [], color="black", label="as logged", **RAW)
    return [raw, Line2D([], [], color="black", label="smoothed", **TRAINING)]
