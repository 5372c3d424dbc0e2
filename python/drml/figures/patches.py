"""Pictures of LSVM, APL and JPML: patches on the face, the path, pairs of AUs."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_prep.aus import AU_NAMES
from data_prep.registration import mean_shape
from drml.classical.model import Model
from drml.classical.path import Chosen
from drml.figures.style import COLOURS, GREY, STYLE

COLUMNS = 4
LARGEST = 130  # points^2, the disc of importance 1
PARAMETERS = {"C": "C", "exponent": "lambda / lambda_max", "beta1": "beta1, beta2"}
ROWS = {"active": "active patches", "f1": "validation F1", "auc": "validation AUC"}


def patch_maps(title: str, face: np.ndarray, model: Model) -> Figure:
    """Show each AU's patches as discs on the mean face, by importance.

    face: (3, H, W) BGR, 0..255. Importance: a patch's norm over the AU's largest.
    """
    rows = -(-len(model.aus) // COLUMNS)
    grey = np.clip(face.mean(axis=0) / 255, 0, 1)
    points = mean_shape(face.shape[-1])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.6, 2.25 * rows + 0.4), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        grid = figure.subplots(rows, COLUMNS, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, au, own in zip(
            grid.flat, model.aus, model.importance.T, strict=False
        ):
            axes.imshow(grey, "gray", vmin=-0.4, vmax=1)
            discs = _discs(axes, points, own)
            active = np.count_nonzero(own)
            axes.set_title(f"AU {au} {AU_NAMES[au]}: {active} of 49", fontsize=7.5)
        bar = figure.colorbar(discs, ax=grid, shrink=0.6, aspect=30, pad=0.01)
        bar.set_label("importance (norm over the AU's largest)")
    return figure


def _discs(axes: Axes, points: np.ndarray, importance: np.ndarray):
    axes.scatter(*points.T, s=3, color="white", linewidths=0, alpha=0.7)
    some = np.flatnonzero(importance)
    some = some[np.argsort(importance[some])]  # the larger ones on top
    return axes.scatter(
        *points[some].T, s=LARGEST * importance[some], c=importance[some],
        cmap="YlOrRd", vmin=0, vmax=1, edgecolors="#40201a", linewidths=0.4,
    )  # fmt: skip


def path_chart(title: str, aus: Sequence[int], chosen: Chosen) -> Figure:
    """Show active patches, validation F1 and AUC against the parameter.

    aus: of the points' columns. A line an AU, their mean in bold; a dot: the choice.
    """
    points = chosen.points
    labels = [_label(point.names) for point in points]
    # Where one parameter is done and begins anew, the next one's values follow.
    first = np.array([next(iter(point.names.values())) for point in points])
    runs = np.split(np.arange(len(points)), np.flatnonzero(np.diff(first) < 0) + 1)
    (parameter,) = {PARAMETERS[next(iter(point.names))] for point in points}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.4 * len(ROWS), 3.6), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        for axes, (name, what) in zip(
            figure.subplots(1, len(ROWS)), ROWS.items(), strict=True
        ):
            values = np.stack([getattr(point, name) for point in points]).astype(float)
            trained = ~np.isnan(np.stack([point.intercepts for point in points]))
            values = np.where(trained, values, np.nan)
            _lines(axes, aus, values, chosen.which, runs)
            axes.set_title(what)
            axes.set_xticks(
                range(len(points)), labels, rotation=60, ha="right", fontsize=7
            )
            axes.set_xlabel(parameter)
    return figure


def _lines(
    axes: Axes,
    aus: Sequence[int],
    values: np.ndarray,
    which: np.ndarray,
    runs: Sequence[np.ndarray],
) -> None:
    """values: (points, C); which: the chosen point of each column; runs: of points,
    each a line of its own."""
    for c, au in enumerate(aus):
        colour = matplotlib.colormaps["tab20"](c % 20)
        for run in runs:
            axes.plot(run, values[run, c], color=colour, linewidth=0.9)
        axes.plot(which[c], values[which[c], c], "o", color=colour, markersize=4)
        last = np.flatnonzero(~np.isnan(values[:, c]))
        if last.size:
            axes.annotate(
                f"{au}", (last[-1], values[last[-1], c]), (3, 0), fontsize=6.5,
                textcoords="offset points", va="center", color=colour,
            )  # fmt: skip
    whole = ~np.isnan(values).any(axis=1)
    mean = np.where(whole, np.mean(np.nan_to_num(values), axis=1), np.nan)
    for run in runs:
        axes.plot(run, mean[run], color="black", linewidth=2)


def _label(names: dict[str, float]) -> str:
    if "exponent" in names:
        return f"{10 ** -names['exponent']:.2g}"
    return ", ".join(f"{value:g}" for value in names.values())


def pair_chart(
    title: str,
    aus: Sequence[int],
    pairs: dict[str, Sequence[tuple[int, int]]],
    tables: dict[str, np.ndarray],
) -> Figure:
    """Show for each pair the labels' correlation and each model's scores'.

    pairs: "positive", "negative" -> AU numbers; tables: (C, C) of the labels first,
    then of the models in the order in which a line joins them.
    """
    rows = [(kind, pair) for kind, own in pairs.items() for pair in own]
    truth, *models = tables
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.24 * len(rows) + 1.5), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        axes = figure.subplots()
        places = [(aus.index(a), aus.index(b)) for _, (a, b) in rows]
        values = {n: np.array([t[p] for p in places]) for n, t in tables.items()}
        heights = -np.arange(len(rows))
        axes.plot(
            [values[n] for n in models], [heights] * len(models), color=GREY, lw=1
        )
        for i, name in enumerate(models):  # the first as a ring, that both are seen
            look = dict(ms=8, fillstyle="none") if i == 0 else dict(ms=4)
            label = f"{name}, scores"
            axes.plot(values[name], heights, "o", color=COLOURS[i], label=label, **look)
        axes.plot(values[truth], heights, "|", color="black", ms=11, mew=2, label=truth)
        axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)
        axes.set_yticks(heights, [f"{a}, {b} ({kind})" for kind, (a, b) in rows])
        axes.set_xlabel("correlation coefficient")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure
