"""Write docs/networks.md: layers, shapes, parameters and arithmetic of every network.

Everything is read from the nets that Caffe makes of the deploy prototxts.
"""

import argparse
from dataclasses import dataclass
from math import prod
from pathlib import Path

from google.protobuf import text_format

from caffe.proto import caffe_pb2
from data_prep.base import UserError, write
from drml.nets.names import TITLES
from drml.nets.pycaffe import caffe, load_net

INTRO = """\
# The networks

Written by `drml networks` from `prototxt/*_deploy.prototxt`, as \
Caffe loads them, for one face; change that, not this.

{summary}

- **Parameters** are the weights and biases that training learns, not the statistics \
that `Region` keeps.
- **MFLOP** are a forward pass's multiplications and additions with weights, in \
millions; biases, pooling and normalisation are left out. A backward pass takes about \
twice as many.
- **From the authors' release**, not from the paper's text: norm3, the \
multipliers, AlexNet's sizes and its faces of 256 x 256 cropped to 227.
- **LCN**: the paper says no more than "ConvNet with locally connected layer". That \
this layer stands where DRML has its region layer, with that one's kernels (3 x 3) and \
filters (32), is our reading.
"""
COLUMNS = ("layer", "type", "output", "weights", "parameters", "MFLOP")
TABLE_HEAD = "| {} |\n|---|---|---|---|---:|---:|".format(" | ".join(COLUMNS))


@dataclass
class Layer:
    """A layer with those that change its blob in place; shapes without the batch."""

    name: str
    types: list[str]
    output: tuple[int, ...]
    weights: tuple[int, ...] = ()
    parameters: int = 0

    @property
    def flop(self) -> int:
        """A multiplication and an addition per output and weight that it sees."""
        return 2 * prod(self.output) * prod(self.weights[1:]) if self.weights else 0


def read_layers(net: caffe.Net) -> list[Layer]:
    """List the layers that make a blob; blobs 0 and 1 of each are what it learns."""
    layers: dict[str, Layer] = {}
    for name, layer in zip(net._layer_names, net.layers, strict=True):
        (top,) = net.top_names[name]
        if top in layers:
            layers[top].types.append(layer.type)
            continue
        layers[top] = Layer(name, [layer.type], tuple(net.blobs[top].data.shape[1:]))
        if layer.blobs:
            layers[top].weights = tuple(layer.blobs[0].shape)
            layers[top].parameters = sum(blob.count for blob in layer.blobs[:2])
    return list(layers.values())


def read_network(path: Path) -> list[Layer]:
    deploy = text_format.Parse(path.read_text(), caffe_pb2.NetParameter())
    return read_layers(load_net(deploy))


def describe(networks: dict[str, list[Layer]]) -> str:
    """The page, from each network's layers."""
    parts = [INTRO.format(summary=summary(networks))]
    for network, layers in networks.items():
        rows = [TABLE_HEAD, *(row(layer) for layer in layers)]
        parts.append(f"## {TITLES[network]}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def summary(networks: dict[str, list[Layer]]) -> str:
    rows = ["| network | face | parameters | MFLOP |\n|---|---|---:|---:|"]
    for network, layers in networks.items():
        parameters = sum(layer.parameters for layer in layers)
        rows.append(
            f"| {TITLES[network]} | {shape(layers[0].output)} | {parameters:,} "
            f"| {sum(layer.flop for layer in layers) / 1e6:,.2f} |"
        )
    return "\n".join(rows)


def row(layer: Layer) -> str:
    cells = (
        layer.name,
        ", ".join(layer.types),
        shape(layer.output),
        shape(layer.weights),
        f"{layer.parameters:,}" if layer.weights else "",
        f"{layer.flop / 1e6:,.2f}" if layer.weights else "",
    )
    return f"| {' | '.join(cells)} |"


def shape(sizes: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in sizes)


def run(options: argparse.Namespace) -> None:
    page = describe(
        {n: read_network(options.nets / f"{n}_deploy.prototxt") for n in TITLES}
    )
    if not options.check:
        write(options.out, page)
    elif not options.out.exists() or options.out.read_text() != page:
        raise UserError(f"{options.out} is not what drml networks writes; run it")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--nets", type=Path, default=Path("prototxt"), help="folder (prototxt)")
    add("--out", type=Path, default=Path("docs/networks.md"), help="the page")
    add("--check", action="store_true", help="write nothing; fail if it differs")
