"""Losses over iterations, of several trainings."""

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drml.figures.style import GREY, STYLE, TEST, colour


def training_curves(title: str, logs: dict, base: float | None) -> Figure:
    """Draw the losses of named TrainingLogs; base: the base rates' loss, a line."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for i, (name, log) in enumerate(logs.items()):
            _loss_curve(axes, log.train_loss, color=colour(i), alpha=0.5, linewidth=1)
            _loss_curve(axes, log.test_loss, color=colour(i), label=name, **TEST)
        if base is not None:
            axes.axhline(base, color=GREY, linewidth=0.8, label="the base rates' loss")
        axes.set_title(title)
        axes.set_xlabel("iteration")
        axes.set_ylabel("loss per face (nats, sum over AUs)")
        axes.set_ylim(0, 1.3 * base if base else None)
        axes.grid(axis="y", color="#e6e8eb", linewidth=0.8)
        axes.legend(title="dots: test (val split); line: training")
        return figure


def _loss_curve(axes: Axes, curve: dict, **style) -> None:
    if curve:
        x, y = zip(*sorted(curve.items()), strict=True)
        axes.plot(x, y, **style)
