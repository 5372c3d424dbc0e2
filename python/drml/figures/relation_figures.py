"""AU correlation tables as heat maps, side by side (the paper's Fig. 5b-d)."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drml.figures.curves import STYLE

MOST_COLUMNS = 3


def heat_maps(title: str, aus: Sequence[int], tables: dict[str, np.ndarray]) -> Figure:
    """Draw each (C, C) table under its own title; nan stays grey."""
    rows = -(-len(tables) // MOST_COLUMNS)
    columns = -(-len(tables) // rows)
    with matplotlib.rc_context(STYLE):
        figure = Figure(
            figsize=(4.3 * columns + 0.9, 4.4 * rows + 0.4), layout="constrained"
        )
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_visible(False)
        for axes, (name, table) in zip(grid.flat, tables.items(), strict=False):
            image = _heat_map(axes, name, aus, table)
        bar = figure.colorbar(image, ax=grid, shrink=0.7, aspect=30, pad=0.01)
        bar.set_label("correlation coefficient (grey: undefined)")
    return figure


def _heat_map(axes: Axes, name: str, aus: Sequence[int], table: np.ndarray):
    axes.set_visible(True)
    axes.set_facecolor("#e6e8eb")
    image = axes.imshow(table, "RdBu_r", vmin=-1, vmax=1)
    for (i, j), value in np.ndenumerate(table):
        if np.isfinite(value):
            ink = "white" if abs(value) > 0.6 else "black"
            axes.text(
                j, i, _short(value), ha="center", va="center", fontsize=6.5, color=ink
            )
    axes.set_title(name)
    places = range(len(aus))
    axes.set_xticks(places, aus)
    axes.set_yticks(places, aus)
    axes.set(xlabel="AU", ylabel="AU")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


def _short(value: float) -> str:
    """Two decimals without the zero before them: .42, -.08, 1."""
    text = f"{value:.2f}".replace("0.", ".", 1)
    return {"1.00": "1", "-1.00": "-1", "-.00": ".00"}.get(text, text)
