"""What each patch of a region layer learned (paper 3.2, Fig. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.evaluate.dataset import SplitFace
from drml.evaluate.scoring import face_batches, feed
from drml.figures.style import STYLE
from drml.nets.pycaffe import caffe


@dataclass(frozen=True)
class Patches:
    """Numbers of each patch, all (grid_h, grid_w) float64.

    weight_norm: Euclidean norm of the patch's weights; identity: mean |x| of the
    layer's bottom x there, over faces, channels and pixels; added: mean |y - x| with
    its top y, what the patch's convolution adds to the identity path.
    """

    weight_norm: np.ndarray
    identity: np.ndarray
    added: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """What the convolution adds, against the identity path."""
        return self.added / self.identity


def region_layer(path: Path, param: caffe_pb2.NetParameter) -> tuple[str, int, int]:
    """Return a net's region layer: its name and its grid's height and width."""
    layers = [layer for layer in param.layer if layer.type == "Region"]
    if len(layers) != 1:
        raise UserError(
            f"{path} has {len(layers)} Region layers; give a net with one, as DRML has"
        )
    region = layers[0].region_param
    height = region.grid_h if region.HasField("grid_h") else region.grid
    width = region.grid_w if region.HasField("grid_w") else region.grid
    return layers[0].name, height, width


def measure(
    net: caffe.Net,
    layer: str,
    grid: tuple[int, int],
    faces: Sequence[SplitFace],
    mean: np.ndarray,
    batch: int,
) -> Patches:
    """Measure the patches on faces; mean: (3, H, W) float32."""
    identity, added, weights = np.zeros(grid), np.zeros(grid), net.params[layer][0].data
    for keys, images, _ in face_batches(faces, batch):
        feed(net, keys, images, mean)
        x, y = _bottom_and_top(net, layer)
        identity += len(keys) * _patch_means(np.abs(x), grid)
        added += len(keys) * _patch_means(np.abs(y - x), grid)
    norms = np.linalg.norm(weights.reshape(grid[0] * grid[1], -1), axis=1)
    return Patches(norms.reshape(grid), identity / len(faces), added / len(faces))


def _bottom_and_top(net: caffe.Net, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Run the net as far as the layer, which may be in place; both (N, C, H, W)."""
    names = list(net._layer_names)
    net.forward(end=names[names.index(layer) - 1])
    bottom = net.blobs[net.bottom_names[layer][0]].data.copy()
    net.forward(start=layer, end=layer)
    return bottom, net.blobs[net.top_names[layer][0]].data


def _patch_means(values: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    n, channels, height, width = values.shape
    patches = values.reshape(
        n, channels, grid[0], height // grid[0], grid[1], width // grid[1]
    )
    return patches.mean(axis=(0, 1, 3, 5), dtype=np.float64)


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
