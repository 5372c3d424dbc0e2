"""The region layer as the authors released it: a branch of layers for every patch.

Box slices, each patch k = 1, 2, ... goes through Batch, ReLU and Convolution, Splice
puts the patches together again, Eltwise adds the identity. Names, order, multipliers
and fillers are the release's. With the same weights it computes what one layer of
type Region does, in four layers a patch.
"""

from dataclasses import dataclass

from caffe import layers as L
from caffe import params as P
from drml.nets.networks import WEIGHT_AND_BIAS, Fill

STATISTICS = [dict(lr_mult=0)] * 3  # sums of means, of variances, of their weights


@dataclass(frozen=True)
class Grid:
    """rows x columns (two or more in all) patches of height x width pixels each."""

    rows: int = 8
    columns: int = 8
    height: int = 20
    width: int = 20

    @property
    def patches(self) -> int:
        return self.rows * self.columns

    def corners(self) -> dict[str, list[int]]:
        """Upper left corners in row-major order, as Box and Splice take them."""
        numbers = range(self.patches)
        return dict(
            xcoord=[k % self.columns * self.width for k in numbers],
            ycoord=[k // self.columns * self.height for k in numbers],
        )


def branches(net, bottom, grid: Grid, fill: Fill, channels=32, global_stats=False):
    """Give `net` the branches over `bottom`; returns the blob "add", before its ReLU.

    The release normalises by the batch's own statistics in both phases;
    global_stats: by the moving averages, in both.
    """
    boxes = L.Box(
        bottom,
        name="clipping",
        ntop=grid.patches,
        box_param=dict(width=grid.width, height=grid.height, **grid.corners()),
    )
    for k, box in enumerate(boxes, 1):
        net[f"out{k}"] = box
    for k, box in enumerate(boxes, 1):
        net[f"bn1_{k}"] = L.Batch(
            box, param=STATISTICS, batch_param=dict(use_global_stats=global_stats)
        )
    for k in range(1, grid.patches + 1):
        net[f"relu1_{k}"] = L.ReLU(net[f"bn1_{k}"], in_place=True)
    for k in range(1, grid.patches + 1):
        net[f"res1_{k}"] = _convolution(net[f"relu1_{k}"], k, fill, channels)
    results = [net[f"res1_{k}"] for k in range(1, grid.patches + 1)]
    net.concat = L.Splice(*results, name="Splice", splice_param=grid.corners())
    net.add = L.Eltwise(bottom, net.concat, operation=P.Eltwise.SUM)
    return net.add


def _convolution(bottom, k: int, fill: Fill, channels: int):
    return L.Convolution(
        bottom,
        name=f"conv1_{k}",
        num_output=channels,
        kernel_size=3,
        pad=1,
        param=WEIGHT_AND_BIAS,
        **fill(0.01, 1),
    )
