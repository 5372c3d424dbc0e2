"""Show how much of each layer's output differs between faces, and what SGD gains by it.

A net that says the base rates for every face is on a plateau, and leaves it by what
still differs between faces. Each NET is a train_val prototxt, or NAME=PROTOTXT, with
,WEIGHTS behind it where it was trained already. Faces are the next of its training data
layer; dropout is off. Writes signal.png and signal.csv into --out, and prints how long
a plateau lasts at that pace, under SGD as the paper has it (docs/training.md).
"""

import argparse
from pathlib import Path

from data_prep.base import UserError, positive, whole, write
from drml.figures.signal import Signal, measure, read_training_net, signal_figure
from drml.figures.style import png
from drml.nets.pycaffe import caffe, choose_mode
from drml.nets.weights import check_weights
from drml.report.tables import csv_text

HEADER = "net faces layer output between_faces weight gradient saved".split()


def run(options: argparse.Namespace) -> None:
    choose_mode()
    signals = [signal_of(word, options) for word in options.nets]
    what = f"What differs between {signals[0].faces} faces"
    write(options.out / "signal.png", png(signal_figure(what, signals)))
    rows = [
        (
            signal.title,
            signal.faces,
            layer.name,
            layer.output,
            layer.between,
            layer.weight,
            layer.gradient,
            layer.saved,
        )
        for signal in signals
        for layer in signal.layers
    ]
    write(options.out / "signal.csv", csv_text(HEADER, rows))
    for signal in signals:
        print(
            f"{signal.title}: an iteration saves {signal.saved:.2g} of a loss of "
            f"{signal.base:.2f} (the base rates'); at that pace the loss is 5% lower "
            f"after {signal.plateau:,.0f} iterations"
        )


def signal_of(word: str, options: argparse.Namespace) -> Signal:
    title, _, rest = word.rpartition("=")
    prototxt, _, weights = rest.partition(",")
    caffe.set_random_seed(options.seed)
    net = read_training_net(Path(prototxt), options.batch)
    if weights:
        check_weights(Path(weights), net)
        net.copy_from(weights)
    missing = {"data", "label", "output"} - set(net.blobs)
    if missing or "output" not in net.params:
        raise UserError(
            f"{prototxt} must have the blobs data, label and output, as "
            "`drml prototxt` names them"
        )
    return measure(net, title or prototxt, options.batches, options.rate, 0.9)


def two_or_more(text: str) -> int:
    if int(text) < 2:
        raise ValueError(text)
    return int(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("nets", nargs="+", metavar="NET", help="[NAME=]PROTOTXT[,WEIGHTS]")
    add("--out", type=Path, required=True, help="folder for the results")
    add(
        "--batches",
        type=two_or_more,
        default=16,
        help="batches of faces, 2 or more (16)",
    )
    add("--batch", type=whole(1), default=32, help="faces a batch (32)")
    add("--rate", type=positive, default=0.001, help="base_lr (0.001)")
    add("--seed", type=whole(0), default=1, help="of the fillers (1)")
