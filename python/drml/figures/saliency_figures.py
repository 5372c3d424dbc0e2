"""Saliency as pictures: a column an AU, a row a net (the paper's Fig. 4)."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_prep.aus import AU_NAMES
from drml.figures.curves import GREY, STYLE
from drml.figures.saliency import AuSaliency

Nets = dict[str, Sequence[AuSaliency]]  # title of a net -> its AUs, the same in all
COLOURS = "turbo"
CELL = 1.05  # inches


def face_maps(title: str, nets: Nets) -> Figure:
    """Show a face for each AU and below it what each net looks at in it."""
    figure, grid = _grid(title, nets, rows=1 + len(nets))
    for axes, measured in zip(grid[0], next(iter(nets.values())), strict=True):
        axes.imshow(measured.face[:, :, ::-1])  # BGR to RGB
    grid[0, 0].set_ylabel("face")
    for row, (net, aus) in zip(grid[1:], nets.items(), strict=True):
        row[0].set_ylabel(net)
        for axes, measured in zip(row, aus, strict=True):
            image = _show(axes, measured.of_face)
    _colour_bar(figure, grid[1:], image)
    return figure


def mean_maps(title: str, nets: Nets) -> Figure:
    """Show each net's mean map, the AU's region outlined, the share inside below."""
    figure, grid = _grid(title, nets, rows=len(nets))
    for row, (net, aus) in zip(grid, nets.items(), strict=True):
        row[0].set_ylabel(net)
        for axes, measured in zip(row, aus, strict=True):
            image = _show(axes, measured.mean)
            if measured.region.any():
                axes.contour(measured.region, [0.5], colors="white", linewidths=0.8)
                shares = f"{measured.concentration:.0%} in {measured.area:.0%}"
                axes.set_xlabel(shares, fontsize=7)
    _colour_bar(figure, grid, image)
    return figure


def _grid(title: str, nets: Nets, rows: int) -> tuple[Figure, np.ndarray]:
    aus = [measured.au for measured in next(iter(nets.values()))]
    with matplotlib.rc_context(STYLE):
        figure = Figure(
            figsize=(CELL * len(aus) + 1.2, CELL * rows + 0.9), layout="constrained"
        )
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        grid = figure.subplots(rows, len(aus), squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes, au in zip(grid[0], aus, strict=True):
        axes.set_title(f"AU {au}\n{AU_NAMES[au]}", fontsize=7, loc="center")
    return figure, grid


def _show(axes: Axes, values: np.ndarray):
    """Draw a map; "high" is the 99.5th percentile, which a few lone pixels exceed."""
    high = np.percentile(values, 99.5) or values.max()
    return axes.imshow(values / high, COLOURS, vmin=0, vmax=1)


def _colour_bar(figure: Figure, grid: np.ndarray, image) -> None:
    bar = figure.colorbar(image, ax=grid, ticks=(0, 1), shrink=0.8, pad=0.01, aspect=25)
    bar.ax.set_yticklabels(["low", "high"], fontsize=8)
    bar.set_label("saliency, each map by itself", fontsize=8, color=GREY)
