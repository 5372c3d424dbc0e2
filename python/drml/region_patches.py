"""What each patch of a region layer learned (paper 3.2, Fig. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.faces import Face
from drml.pycaffe import caffe
from drml.scoring import face_batches, feed


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
    faces: Sequence[Face],
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
