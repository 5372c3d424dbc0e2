"""AU correlation tables and their distance (paper 4.2, Fig. 5b-d).

Entry (i, j) is the correlation coefficient of AUs i and j over the frames in which both
labels are known; of binary values that is the phi coefficient. It is undefined (nan)
where one of the two never changes.

The paper gives an "element-wise Euclidean distance" of 0.0068 and 0.0077 without a
formula. Taken as the plain norm it would mean tables that agree to the third decimal;
so it is read here as the norm of the difference divided by the number of entries.
"""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drml.figures.style import STYLE

TRUTH = "ground truth"  # its name among tables of nets
MOST_COLUMNS = 3


class Distance(NamedTuple):
    """How far a table is from another; over the entries that both define."""

    entries: int
    norm: float  # Euclidean (Frobenius) norm of the difference
    per_entry: float  # norm / entries, what stands beside the paper's


def correlations(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (C, C) float64 of values (N, C); labels (N, C) are 0 where unknown."""
    known = labels != 0
    aus = values.shape[1]
    table = np.full((aus, aus), np.nan)
    for i in range(aus):
        for j in range(i, aus):
            both = known[:, i] & known[:, j]
            table[i, j] = table[j, i] = _correlation(values[both, i], values[both, j])
    return table


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(x) == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def distance(table: np.ndarray, truth: np.ndarray) -> Distance:
    """Compare two (C, C) tables; nan where they share no pair of AUs.

    An AU's correlation with itself is 1 in every table, so it says nothing alone.
    """
    difference = (table - truth)[np.isfinite(table - truth)]
    entries = difference.size
    if entries <= np.isfinite(np.diagonal(table - truth)).sum():
        return Distance(entries, np.nan, np.nan)
    norm = float(np.linalg.norm(difference))
    return Distance(entries, norm, norm / entries)


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
