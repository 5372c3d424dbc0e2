"""Run faces through a net, a batch at a time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from data_prep.base import UserError, batches
from drml.deploy_net import INPUT, OUTPUT
from drml.preprocess import network_input
from drml.pycaffe import caffe

Faces = Iterable[tuple[str, np.ndarray, np.ndarray]]  # key, face, labels
Batch = tuple[list[str], np.ndarray, np.ndarray]  # keys, values, labels


class DivergedError(UserError):
    """A net makes values that are no numbers."""


def score_faces(
    net: caffe.Net, faces: Faces, mean: np.ndarray, batch: int
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Score (key, face, labels) triples, `batch` at a time.

    face: (H, W, 3) uint8 BGR, mean: (3, H, W) float32; labels: (C,) in {-1, 0, 1}.
    Returns the keys, the scores (N, C) float32 in [0, 1] and the labels (N, C) int8.
    """
    groups = list(blob_values(net, faces, mean, batch, OUTPUT))
    if not groups:
        raise UserError("there is no face to score: the LMDB is empty; import again")
    keys, scores, labels = zip(*groups, strict=True)
    return list(chain(*keys)), np.concatenate(scores), np.concatenate(labels)


def blob_values(
    net: caffe.Net, faces: Faces, mean: np.ndarray, batch: int, blob: str
) -> Iterator[Batch]:
    """Yield the keys, a blob (n, D) float32 and the labels (n, C) int8 of each batch.

    A value that is no number raises DivergedError and names the face.
    """
    for keys, images, labels in face_batches(faces, batch):
        feed(net, keys, images, mean)
        net.forward()
        values = net.blobs[blob].data.reshape(len(keys), -1).copy()
        _check_finite(keys, values, blob)
        yield keys, values, labels


def face_batches(
    faces: Faces, size: int
) -> Iterator[tuple[list[str], list[np.ndarray], np.ndarray]]:
    """Yield keys, images and labels (n, C) int8 of `size` faces in order."""
    for group in batches(faces, size):
        keys, images, labels = zip(*group, strict=True)
        yield list(keys), list(images), np.array(labels, np.int8)


def feed(
    net: caffe.Net, keys: Sequence[str], images: Sequence[np.ndarray], mean: np.ndarray
) -> None:
    """Put faces into the net's input as training's TEST phase does.

    images: (H, W, 3) uint8 BGR each, keys name them in messages; mean: (3, H, W).
    """
    blob = net.blobs[INPUT]
    _, _, height, width = blob.data.shape
    blob.reshape(len(images), 3, height, width)
    for i, image in enumerate(images):
        _check_face(keys[i], image, mean, height, width)
        blob.data[i] = network_input(image, mean, height, width)


def _check_finite(keys: Sequence[str], values: np.ndarray, blob: str) -> None:
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise DivergedError(
            f"the net's {blob} of face {keys[finite.argmin()]} is not a number: the "
            "training diverged; train with a lower base_lr"
        )


def _check_face(name, image, mean, height, width) -> None:
    if image.shape[:2] != mean.shape[1:]:
        raise UserError(
            f"face {name} has {image.shape[:2]} pixels, the mean image "
            f"{mean.shape[1:]}; import the dataset again"
        )
    if image.shape[0] < height or image.shape[1] < width:
        raise UserError(
            f"face {name} has {image.shape[:2]} pixels, fewer than the net's input "
            f"{(height, width)}; import the dataset with a larger --size"
        )
