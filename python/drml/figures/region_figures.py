"""A region layer's patches as pictures on the grid that they have in the face."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drml.figures.curves import STYLE
from drml.figures.region_patches import Patches


def patch_maps(title: str, face: np.ndarray, edge: float, patches: Patches) -> Figure:
    """Draw the mean face with the grid, the weights' norms and what they add.

    face: (H, W, 3) float BGR, 0..255; edge: pixels of it on each side that the layer's
    bottom lacks (a 160 x 160 bottom of a 170 x 170 face: 5).
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11.5, 4.2), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        of_face, of_norm, of_ratio = figure.subplots(1, 3)
        _grid_on_face(of_face, face, edge, patches.weight_norm.shape)
        _heat_map(of_norm, "Euclidean norm of the weights", patches.weight_norm)
        _heat_map(
            of_ratio, "mean |added by convolution| / mean |identity|", patches.ratio
        )
    return figure


def _grid_on_face(
    axes: Axes, face: np.ndarray, edge: float, grid: tuple[int, int]
) -> None:
    height, width = face.shape[:2]
    axes.imshow(face[:, :, ::-1].clip(0, 255) / 255)  # BGR to RGB
    rows = np.linspace(edge, height - edge, grid[0] + 1) - 0.5
    columns = np.linspace(edge, width - edge, grid[1] + 1) - 0.5
    lines = dict(colors="white", linewidths=0.8)
    axes.hlines(rows, columns[0], columns[-1], **lines)
    axes.vlines(columns, rows[0], rows[-1], **lines)
    _name_patches(axes, (rows[1:] + rows[:-1]) / 2, (columns[1:] + columns[:-1]) / 2)
    axes.set_title("mean face and patches")


def _heat_map(axes: Axes, name: str, values: np.ndarray) -> None:
    image = axes.imshow(values, "viridis")
    middle = (values.min() + values.max()) / 2
    for (i, j), value in np.ndenumerate(values):
        ink = "black" if value > middle else "white"
        text = f"{value:.2f}"
        axes.text(j, i, text, ha="center", va="center", fontsize=6.5, color=ink)
    _name_patches(axes, *map(np.arange, values.shape))
    axes.set_title(name)
    axes.figure.colorbar(image, ax=axes, shrink=0.75, aspect=25)


def _name_patches(axes: Axes, rows: np.ndarray, columns: np.ndarray) -> None:
    axes.set_yticks(rows, range(1, len(rows) + 1))
    axes.set_xticks(columns, range(1, len(columns) + 1))
    axes.set(xlabel="patch column", ylabel="patch row")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
