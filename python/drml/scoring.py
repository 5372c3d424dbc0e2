"""Load a deploy net and its weights, and run faces through it.

Caffe aborts the process on a net or weights that it can't use; everything a user can
get wrong is therefore checked before Caffe sees it.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from google.protobuf import text_format

from caffe.proto import caffe_pb2
from data_prep.errors import UserError
from drml.networks import TITLES
from drml.preprocess import network_input
from drml.pycaffe import caffe
from drml.weights import check_weights

INPUT, OUTPUT = "data", "prob"


def load_net(prototxt: Path, weights: Path) -> caffe.Net:
    """Load a deploy net: blob "data" (N, 3, H, W) in, "prob" (N, C) out."""
    _check_deploy(prototxt, _read_prototxt(prototxt))
    net = caffe.Net(str(prototxt), caffe.TEST)
    check_weights(weights, net)
    net.copy_from(str(weights))
    return net


def net_title(prototxt: Path) -> str:
    """Name a net as the paper does, or else as its own file does."""
    name = _read_prototxt(prototxt).name
    return TITLES.get(name, name) or prototxt.stem


def _read_prototxt(path: Path) -> caffe_pb2.NetParameter:
    param = caffe_pb2.NetParameter()
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), param)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give a deploy prototxt") from None
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise UserError(f"{path} is not a Caffe net: {error}") from None


def _check_deploy(path: Path, param: caffe_pb2.NetParameter) -> None:
    tops = {top for layer in param.layer for top in layer.top}
    fed = {top for layer in param.layer if layer.type == "Input" for top in layer.top}
    if INPUT not in fed | set(param.input) or OUTPUT not in tops:
        raise UserError(
            f'{path} needs an input "{INPUT}" and a blob "{OUTPUT}"; '
            "give the deploy net, not the one for training"
        )
    known = set(caffe.layer_type_list())
    for layer in param.layer:
        if layer.type not in known:
            raise UserError(
                f"{path}: layer {layer.name} has type {layer.type}, which this Caffe "
                "does not know; correct it or build the project's Caffe (make)"
            )


def score_faces(
    net: caffe.Net,
    faces: Iterable[tuple[str, np.ndarray, np.ndarray]],
    mean: np.ndarray,
    batch: int,
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Score (key, face, labels) triples, `batch` at a time.

    face: (H, W, 3) uint8 BGR, mean: (3, H, W) float32; labels: (C,) in {-1, 0, 1}.
    Returns the keys, the scores (N, C) float32 in [0, 1] and the labels (N, C) int8.
    """
    keys, scores, labels = [], [], []
    for group in _groups(faces, batch):
        names, images, truths = zip(*group, strict=True)
        keys += names
        labels += truths
        scores.append(_forward(net, names, images, mean))
    if not keys:
        raise UserError("there is no face to score: the LMDB is empty; import again")
    return keys, np.concatenate(scores), np.array(labels, np.int8)


def _groups(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    while group := list(islice(items, size)):
        yield group


def _forward(net, names, images, mean) -> np.ndarray:
    blob = net.blobs[INPUT]
    _, _, height, width = blob.data.shape
    blob.reshape(len(images), 3, height, width)
    for i, image in enumerate(images):
        _check_face(names[i], image, mean, height, width)
        blob.data[i] = network_input(image, mean, height, width)
    prob = net.forward()[OUTPUT].reshape(len(images), -1).copy()  # (n, C)
    finite = np.isfinite(prob).all(axis=1)
    if not finite.all():
        raise UserError(
            f"the net's scores of face {names[finite.argmin()]} are not numbers: the "
            "training diverged; train with a lower base_lr"
        )
    return prob


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
