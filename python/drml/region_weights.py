"""Move DRML's weights between its two forms, which compute the same.

"region" is ours (prototxt/drml_*.prototxt), with one layer region2 for all patches;
"branches" the authors' release, with layers bn1_k and conv1_k for patch k = 1, 2, ...,
counted row by row. Values, statistics too, are moved bit by bit.
"""

from collections.abc import Iterable
from itertools import chain
from math import prod
from pathlib import Path

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.release import release_name
from drml.weights import Blobs, blob_shape, shapes_text, stored_blobs

Blob = caffe_pb2.BlobProto
FORMS = ("region", "branches")
REGION = "region2"
# The other layers with weights: by our names, and by the release's.
OTHERS = ("conv1", "conv4", "conv5", "conv6", "conv7", "fc8", "fc9", "output")
RELEASE_NAMES = {name: release_name("drml", name) for name in OTHERS}
OUR_NAMES = {release: ours for ours, release in RELEASE_NAMES.items()}


def convert(path: Path, form: str) -> bytes:
    """Return the weights in `path` as a .caffemodel of `form`, one of FORMS.

    It holds what Caffe copies weights by: names and blobs. UserError where the file is
    not DRML's, has that form already, or holds blobs that do not fit one another.
    """
    blobs = stored_blobs(path)
    try:
        if _form(blobs) == form:
            raise UserError(f"has the form '{form}' already; nothing to convert")
        converted = _to_region(blobs) if form == "region" else _to_branches(blobs)
    except UserError as error:
        raise UserError(f"{path} {error}") from None
    net = caffe_pb2.NetParameter(name="drml")
    for name, layer_blobs in converted.items():
        net.layer.add(name=name, blobs=layer_blobs)
    return net.SerializeToString()


def _form(blobs: Blobs) -> str:
    if REGION in blobs:
        return "region"
    if "conv1_1" in blobs:
        return "branches"
    raise UserError(
        f"holds neither a layer {REGION} nor the branches bn1_1, conv1_1, ...; "
        "give the weights of a DRML"
    )


def _to_branches(blobs: Blobs) -> Blobs:
    filters, channels, *kernel = _filter_shape(blobs, REGION)
    bias = len(blobs[REGION]) > 4
    shapes = [(filters, channels, *kernel), *[(filters,)] * (bias + 2), (1,)]
    *cut, steps = _take(blobs, REGION, shapes)
    converted = _renamed(blobs, RELEASE_NAMES)
    patches = zip(*(_cut(blob, filters // channels) for blob in cut), strict=True)
    for k, (*learned, mean, variance) in enumerate(patches, 1):
        converted[f"bn1_{k}"] = [mean, variance, steps]
        converted[f"conv1_{k}"] = learned
    return converted


def _to_region(blobs: Blobs) -> Blobs:
    _, channels, *kernel = _filter_shape(blobs, "conv1_1")
    bias = len(blobs["conv1_1"]) > 1
    learned = [(channels, channels, *kernel), *[(channels,)] * bias]
    patches, steps = [], None
    for k in range(1, 1 + sum(name.startswith("conv1_") for name in blobs)):
        conv = _take(blobs, f"conv1_{k}", learned)
        bn = _take(blobs, f"bn1_{k}", [(channels,), (channels,), (1,)])
        steps = steps or bn[2]
        if bn[2].data != steps.data:
            raise UserError(
                f"has averaged the statistics of bn1_{k} over other iterations than "
                "those of bn1_1, which one layer cannot hold; keep the branches"
            )
        patches.append([*conv, *bn[:2]])
    region = [_join(parts) for parts in zip(*patches, strict=True)]
    return {**_renamed(blobs, OUR_NAMES), REGION: [*region, steps]}


def _renamed(blobs: Blobs, names: dict[str, str]) -> Blobs:
    for name in blobs:
        if name not in names:
            raise UserError(
                f"has weights of a layer {name}, which DRML lacks in that form; "
                "give the weights of a DRML"
            )
    return {names[name]: layer_blobs for name, layer_blobs in blobs.items()}


def _filter_shape(blobs: Blobs, name: str) -> tuple[int, ...]:
    """Return (F, C, k, k): F filters for C channels, F a multiple of C."""
    shape = blob_shape(blobs[name][0])
    if len(shape) != 4 or 0 in shape or shape[0] % shape[1]:
        raise UserError(
            f"has a layer {name} with weights of shape {shapes_text([shape])}; "
            "give the weights of a DRML"
        )
    return shape


def _take(blobs: Blobs, name: str, shapes: list[tuple[int, ...]]) -> list[Blob]:
    """Take a layer's blobs out of `blobs`; UserError unless they have these shapes."""
    layer = blobs.pop(name, [])
    found = [blob_shape(blob) for blob in layer]
    if found != shapes:
        raise UserError(
            f"has {shapes_text(found)} in layer {name} where {shapes_text(shapes)} "
            "would fit the rest; give the weights of one DRML"
        )
    if any(len(blob.data) != prod(blob_shape(blob)) for blob in layer):
        raise UserError(
            f"has fewer values in layer {name} than its shape says; snapshot it again"
        )
    return layer


def _cut(blob: Blob, parts: int) -> list[Blob]:
    """Cut a blob along its first axis."""
    rows, *rest = blob_shape(blob)
    size = len(blob.data) // parts
    return [
        _blob([rows // parts, *rest], blob.data[i * size : (i + 1) * size])
        for i in range(parts)
    ]


def _join(parts: tuple[Blob, ...]) -> Blob:
    """Put blobs together along their first axis."""
    rows, *rest = blob_shape(parts[0])
    values = chain.from_iterable(part.data for part in parts)
    return _blob([rows * len(parts), *rest], values)


def _blob(shape: list[int], values: Iterable[float]) -> Blob:
    return Blob(shape=caffe_pb2.BlobShape(dim=shape), data=values)
