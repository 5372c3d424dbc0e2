"""Show what each patch of a trained net's region layer learned.

Writes into --out: region.png, on the patches' grid the norm of the weights and how much
the convolution adds to the identity path on faces of a split; and region.csv. Faces
are taken at even distances through the split.
"""

import argparse
from pathlib import Path

import numpy as np

from data_prep.base import whole, write
from data_prep.network_input import centre_crop
from drml.evaluate.dataset import SPLITS, open_split, pick
from drml.figures.region import Patches, measure, patch_maps, region_layer
from drml.figures.style import png
from drml.nets.deploy import INPUT, load_net, net_title, read_deploy
from drml.report.tables import csv_text


def run(options: argparse.Namespace) -> None:
    split = open_split(options.data, options.split)
    layer, *grid = region_layer(options.net, read_deploy(options.net))
    net = load_net(options.net, options.weights)
    faces, _ = pick(split, options.faces)
    patches = measure(net, layer, tuple(grid), faces, split.mean, options.batch)
    what = f"{net_title(options.net)}'s {layer} on {len(faces)} faces, {split.title}"
    _, _, height, width = net.blobs[INPUT].data.shape
    edge = (height - net.blobs[net.bottom_names[layer][0]].data.shape[2]) / 2
    face = centre_crop(split.mean, height, width).transpose(1, 2, 0)
    write(options.out / "region.png", png(patch_maps(what, face, edge, patches)))
    write(options.out / "region.csv", as_csv(split.title, patches))
    print(f"{what}: {summary(patches)}")


def summary(patches: Patches) -> str:
    """Say how much is added, and where least and most."""
    ratio = patches.ratio
    places = [
        np.unravel_index(i, ratio.shape) for i in (ratio.argmin(), ratio.argmax())
    ]
    least, most = (
        f"{ratio[place]:.2f} in row {place[0] + 1}, column {place[1] + 1}"
        for place in places
    )
    return (
        f"the convolutions add {ratio.mean():.2f} of the identity path on average, "
        f"{least}, to {most}"
    )


def as_csv(dataset: str, patches: Patches) -> str:
    header = "dataset row column weight_norm identity added ratio".split()
    columns = (patches.weight_norm, patches.identity, patches.added, patches.ratio)
    rows = [
        (
            dataset,
            row + 1,
            column + 1,
            *(float(values[row, column]) for values in columns),
        )
        for row, column in np.ndindex(patches.ratio.shape)
    ]
    return csv_text(header, rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--net", type=Path, required=True, help="deploy prototxt")
    add("--weights", type=Path, required=True, help=".caffemodel")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--split", choices=SPLITS, default="test")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--faces", type=whole(1), default=100, help="faces to run through it (100)")
    add("--batch", type=whole(1), default=16, help="faces per forward pass (16)")
