"""AU-specific saliency (paper 3.2, Fig. 4): the face's pixels that a score hangs on.

The saliency of a pixel for an AU is the largest magnitude, over its three channels, of
the gradient of the AU's score (before the sigmoid) with respect to the pixel: Simonyan
et al. 2014, section 3, the paper's [26].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.base import UserError
from data_prep.network_input import centre_crop
from drml.au_regions import region_mask
from drml.deploy_net import INPUT
from drml.faces import Face
from drml.pycaffe import caffe
from drml.scoring import face_batches, feed


def saliency_maps(
    net: caffe.Net, faces: Sequence[Face], mean: np.ndarray, column: int, batch: int
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
    region: np.ndarray  # bool; empty where au_regions.py has none for the AU

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
    faces: Sequence[Face],
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
