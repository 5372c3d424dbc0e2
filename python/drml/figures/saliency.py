"""AU-specific saliency (paper 3.2, Fig. 4): the face's pixels that a score hangs on.

The saliency of a pixel for an AU is the largest magnitude, over its three channels, of
the gradient of the AU's score (before the sigmoid) with respect to the pixel: Simonyan
et al. 2014, section 3, the paper's [26]. It is measured by the share of it that lies
where the AU shows: in a region that is the convex hull of some of the mean shape's
landmarks (numbers, see data_prep/registration.py) and of points of the skin beside them
that no landmark marks, widened all round by MARGIN. Which parts of the face an AU moves
is FACS's; the outlines are our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_prep.aus import AU_NAMES
from data_prep.base import UserError
from data_prep.network_input import centre_crop
from data_prep.registration import MEAN_SHAPE
from drml.evaluate.dataset import SplitFace
from drml.evaluate.scoring import face_batches, feed
from drml.figures.style import GREY, STYLE
from drml.nets.deploy import INPUT
from drml.nets.pycaffe import caffe

MARGIN = 35  # thousandths of the image side, as the points are

_FOREHEAD = [(500, 150), (385, 150)]  # above the inner brows
_TEMPLE = [(322, 150), (210, 190)]  # above the outer brows
_CHEEK = [(400, 450), (265, 480)]
_TRIANGLE = [(400, 480)]  # inner corner of the infraorbital triangle, beside the nose
_FURROW = [(300, 580)]  # beside the nasolabial furrow
_CHIN = [(500, 880), (430, 860)]
_MOUTH = [31, 32, 33, 34, 40, 41, 42]
_EYE = [19, 20, 21, 22, 23, 24]

# The AUs of BP4D and DISFA; left half only, the right is its mirror image.
_LEFT_HALF = {
    1: [3, 4, (500, 242), *_FOREHEAD],
    2: [0, 1, 2, *_TEMPLE],
    4: [0, 1, 2, 3, 4, 10, (500, 242)],
    5: [19, 20, 21, 22],
    6: [19, 23, 24, *_CHEEK],
    7: _EYE,
    9: [10, 13, 14, 22],
    10: [14, 15, 16, 31, 32, 33, 34, *_TRIANGLE],
    12: [14, 31, 32, 42, *_FURROW],
    14: [31, 32, 42, (330, 690)],
    15: [31, 41, 42, (369, 780)],
    17: [40, 41, 42, *_CHIN],
    20: [*_MOUTH, (330, 710)],
    23: _MOUTH,
    24: _MOUTH,
    25: _MOUTH,
    26: [*_MOUTH, *_CHIN],
}


def region_mask(au: int, size: int) -> np.ndarray:
    """Return (size, size) bool: an AU's region in a registered face of that side.

    An AU that has no region here gets an empty one.
    """
    if au not in _LEFT_HALF:
        return np.zeros((size, size), bool)
    points = [MEAN_SHAPE[p] if isinstance(p, int) else p for p in _LEFT_HALF[au]]
    pixels = np.array(points) * (size / 1000) - 0.5  # as mean_shape() has them
    hull = cv2.convexHull(np.round(pixels).astype(np.int32))
    mask = cv2.fillConvexPoly(np.zeros((size, size), np.uint8), hull, 1)
    side = 2 * round(MARGIN * size / 1000) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    mask = cv2.dilate(mask, disc).astype(bool)
    return mask | mask[:, ::-1]


def saliency_maps(
    net: caffe.Net,
    faces: Sequence[SplitFace],
    mean: np.ndarray,
    column: int,
    batch: int,
) -> np.ndarray:
    """Return (n, H, W) float32: each face's saliency for the AU in that column.

    net: of load_backward_net; mean: (3, H, W) float32. Units: score per grey level.
    """
    (scores,) = net.outputs
    maps = []
    for keys, images, _ in face_batches(faces, batch):
        feed(net, keys, images, mean)
        net.forward()
        one_score = np.zeros_like(net.blobs[scores].diff)  # (n, C)
        one_score[:, column] = 1
        gradient = net.backward(**{scores: one_score})[INPUT]  # (n, 3, H, W)
        maps.append(np.abs(gradient).max(axis=1))
    return np.concatenate(maps)


@dataclass(frozen=True)
class AuSaliency:
    """What a net looks at for one AU; maps are (H, W), of its input's size."""

    au: int
    face: np.ndarray  # (H, W, 3) uint8 BGR, one that shows the AU
    of_face: np.ndarray  # its map
    faces: int  # that show the AU, the one above first
    mean: np.ndarray  # mean of all their maps, each divided by its sum; sums to 1
    region: np.ndarray  # bool; empty where there is none for the AU

    @property
    def concentration(self) -> float:
        """The share of saliency in the AU's region, mean over the faces; or nan."""
        return float(self.mean[self.region].sum()) if self.region.any() else np.nan

    @property
    def area(self) -> float:
        """The region's share of the face: the concentration of an even map."""
        return float(self.region.mean()) if self.region.any() else np.nan


def au_saliency(
    net: caffe.Net,
    au: int,
    column: int,
    faces: Sequence[SplitFace],
    mean: np.ndarray,
    batch: int,
) -> AuSaliency:
    """Measure an AU, in `column` of the scores, on faces that show it."""
    maps = saliency_maps(net, faces, mean, column, batch)
    sums = maps.sum(axis=(1, 2), keepdims=True)
    if not (sums > 0).all():  # nan too
        raise UserError(
            f"the score of AU {au} has no gradient at face "
            f"{faces[int(sums.argmin())].name}: no unit of the net answers; train it "
            "anew with a lower base_lr"
        )
    size, (height, width) = mean.shape[1], maps.shape[1:]
    return AuSaliency(
        au=au,
        face=faces[0].seen(height, width),
        of_face=maps[0],
        faces=len(faces),
        mean=(maps / sums).mean(axis=0),
        region=centre_crop(region_mask(au, size), height, width),
    )


# ---- Pictures: a column an AU, a row a net

Nets = dict[str, Sequence[AuSaliency]]  # title of a net -> its AUs, the same in all
COLOUR_MAP = "turbo"
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
    return axes.imshow(values / high, COLOUR_MAP, vmin=0, vmax=1)


def _colour_bar(figure: Figure, grid: np.ndarray, image) -> None:
    bar = figure.colorbar(image, ax=grid, ticks=(0, 1), shrink=0.8, pad=0.01, aspect=25)
    bar.ax.set_yticklabels(["low", "high"], fontsize=8)
    bar.set_label("saliency, each map by itself", fontsize=8, color=GREY)
