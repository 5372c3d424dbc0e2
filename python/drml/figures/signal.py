"""How much of each layer's output differs between faces, and what that means for SGD.

On a plateau a net says the AUs' base rates for every face. It leaves the plateau by
what still differs between faces: the gradient of the loss, once the base rates are
right, is what SGD has to work with. By its size an iteration saves so much loss, and
at that pace a plateau lasts so many iterations.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from drml.figures.style import STYLE, colour
from drml.nets.deploy import read_prototxt
from drml.nets.pycaffe import caffe, load_net

NEWTON = 10  # steps to the bias
LEFT = 0.05  # a plateau is left where the loss is this share below the base rates'


@dataclass(frozen=True)
class Layer:
    """A layer with weights. Sizes are root mean squares."""

    name: str
    output: float  # of the output, behind its ReLU
    between: float  # of what differs between faces in it, unit by unit
    weight: float
    gradient: float  # of the loss, to the weights, base rates being right
    saved: float  # loss that an iteration's step of this layer saves, on other faces


@dataclass(frozen=True)
class Signal:
    """A net's layers, and its plateau as they predict it."""

    title: str
    faces: int
    layers: list[Layer]
    base: float  # loss of the base rates

    @property
    def saved(self) -> float:
        """Loss that an iteration saves on faces that it was not made with."""
        return sum(layer.saved for layer in self.layers)

    @property
    def plateau(self) -> float:
        """Iterations until the loss is LEFT below the base rates' at this pace.

        inf where nothing is saved. The pace changes on the way.
        """
        return LEFT * self.base / self.saved if self.saved > 0 else float("inf")


def read_training_net(path: Path, batch: int | None = None):
    """Build the net that a solver trains, without dropout; UserError if it cannot."""
    param = read_prototxt(path, "train_val")
    for layer in param.layer:
        if layer.type == "Dropout":
            layer.dropout_param.dropout_ratio = 0
        if batch and layer.type == "MultilabelData":
            layer.data_param.batch_size = batch
    return load_net(param, caffe.TRAIN)


def measure(net, title: str, batches: int, rate: float, momentum: float) -> Signal:
    """Measure a net with a bias in "output", over batches of its data layer.

    rate: base_lr; with momentum m a step comes to rate / (1 - m) in the long run. Two
    halves of the batches give a gradient each, whose product counts: what they have in
    common holds for other faces, too, and the chance of each half drops out. The
    output's bias is changed: it says the base rates.
    """
    faces = [_batch(net) for _ in tqdm(range(batches), "faces", unit="batch")]
    base = _say_base_rates(net, faces)  # then each half says its own
    sizes, first = _pass(net, faces[::2], f"{title}: one half")
    _, second = _pass(net, faces[1::2], f"{title}: the other")
    step = rate / (1 - momentum)
    layers = [
        Layer(
            name,
            output,
            between,
            _rms(net.params[name][0].data),
            _rms((first[name] + second[name]) / 2),
            step * float(np.vdot(first[name], second[name])),
        )
        for name, (output, between) in sizes.items()
    ]
    return Signal(title, sum(len(labels) for _, labels in faces), layers, base)


def _batch(net) -> tuple[np.ndarray, np.ndarray]:
    net.forward(end=net._layer_names[0])
    return net.blobs["data"].data.copy(), net.blobs["label"].data.copy()


def _first(net) -> str:
    return net._layer_names[1]  # after the data layer


def _forward(net, data: np.ndarray, labels: np.ndarray) -> None:
    """Run all layers but the first on a batch."""
    for name in net.blobs:  # also where the net splits a blob
        if name == "data" or name.startswith("data_"):
            net.blobs[name].data[...] = data
        elif name == "label" or name.startswith("label_"):
            net.blobs[name].data[...] = labels
    net.forward(start=_first(net))


def _say_base_rates(net, faces) -> float:
    """Set the output's bias so that each AU's mean probability is its base rate.

    Returns the loss of the base rates.
    """
    labels = np.concatenate([own for _, own in faces])
    known = labels != 0
    scores = []
    for data, own in faces:
        _forward(net, data, own)
        scores.append(net.blobs["output"].data.astype(np.float64))
    rates = (labels > 0).sum(0) / np.maximum(known.sum(0), 1)
    rates = np.clip(rates, 1e-3, 1 - 1e-3)
    shift = np.log(rates / (1 - rates)) - np.concatenate(scores).mean(0)
    for _ in range(NEWTON):
        said = 1 / (1 + np.exp(-np.concatenate(scores) - shift))
        off = ((said - rates) * known).sum(0)
        shift -= off / (said * (1 - said) * known).sum(0)
    net.params["output"][1].data[...] += shift
    losses = (labels > 0) @ -np.log(rates) + (labels < 0) @ -np.log(1 - rates)
    return float(losses.mean())


def _pass(net, faces, doing: str):
    """Return each layer's sizes (rms, between faces) and mean weight gradient."""
    _say_base_rates(net, faces)
    sums: dict[str, list[np.ndarray]] = {}
    gradients: dict[str, np.ndarray] = {}
    for data, labels in tqdm(faces, doing, unit="batch"):
        for blobs in net.params.values():
            for blob in blobs:
                blob.diff[...] = 0
        _forward(net, data, labels)
        for name in net.params:
            values = net.blobs[_output(net, name)].data
            flat = values.reshape(len(values), -1).astype(np.float64)
            part = [flat.sum(0), (flat**2).sum(0), len(flat)]
            had = sums.setdefault(name, [0, 0, 0])
            sums[name] = [a + b for a, b in zip(had, part, strict=True)]
        net.backward(end=_first(net))
        for name, blobs in net.params.items():
            own = blobs[0].diff / len(faces)
            gradients[name] = gradients[name] + own if name in gradients else own
    sizes = {}
    for name, (total, squares, count) in sums.items():
        mean = total / count
        variance = np.maximum(squares / count - mean**2, 0) * count / (count - 1)
        sizes[name] = (float(np.sqrt((squares / count).mean())), _root(variance))
    return sizes, gradients


def _output(net, name: str) -> str:
    return net.top_names[name][0]


def _root(variance: np.ndarray) -> float:
    return float(np.sqrt(variance.mean()))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def signal_figure(title: str, signals: list[Signal]) -> Figure:
    """Draw what differs between faces, and what an iteration saves, layer by layer."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.4), layout="constrained")
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
        shares, savings = figure.subplots(1, 2)
        for i, signal in enumerate(signals):
            names = [layer.name for layer in signal.layers]
            style = dict(color=colour(i), marker="o", markersize=4, linewidth=1.4)
            between = [layer.between / layer.output for layer in signal.layers]
            shares.plot(names, between, label=signal.title, **style)
            saved = [max(layer.saved, 0) or np.nan for layer in signal.layers]
            savings.plot(names, saved, **style)
        shares.set_title("differs between faces, share of the output")
        savings.set_title("loss that an iteration saves by this layer")
        for axes in (shares, savings):
            axes.set_yscale("log")
            axes.tick_params(axis="x", rotation=60)
            axes.grid(axis="y", color="#e6e8eb", linewidth=0.8)
        figure.legend(
            *shares.get_legend_handles_labels(), loc="outside lower left", ncols=3
        )
        return figure
