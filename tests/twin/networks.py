"""The networks of the paper: Fig. 2 and sections 3.1 and 4.1."""

from dataclasses import dataclass

from twin.convolution import Convolution, LocallyConnected
from twin.layers import Dropout, FullyConnected, LocalResponseNorm, MaxPool, ReLU
from twin.region import Region


@dataclass(frozen=True)
class Network:
    """A chain of (blob, layer); a layer with its input's blob works in place."""

    layers: list

    def forward(self, face, weights, masks):
        """Return every blob by name, as the last layer that works on it leaves it.

        weights {blob: its layer's blobs}, masks {blob: what its dropout keeps}.
        """
        values = {"data": face}
        for bottom, top, layer in self._links():
            given = _given(top, layer, weights, masks)
            values[top] = layer.forward(values[bottom], *given)
        return values

    def backward(self, doutput, values, weights, masks):
        """Return the gradients of every blob's first form, and of the weights.

        values are the blobs at which the gradients are taken.
        """
        diffs, gradients = {"output": doutput}, {}
        for bottom, top, layer in reversed(self._links()):
            given = _given(top, layer, weights, masks)
            diffs[bottom], *own = layer.backward(
                diffs[top], values[bottom], values[top], *given
            )
            if own:
                gradients[top] = own
        return diffs, gradients

    def _links(self):
        bottoms = ["data", *(blob for blob, _ in self.layers)]
        return [(b, *link) for b, link in zip(bottoms, self.layers, strict=False)]


def _given(top, layer, weights, masks):
    if isinstance(layer, Dropout):
        return [masks[top]]
    if isinstance(layer, Convolution | LocallyConnected | Region | FullyConnected):
        return weights[top]
    return []


def _face_network(region):
    """DRML and its relatives: `region` is what stands between conv1 and pool3."""
    layers = [("conv1", Convolution(11)), *region]
    layers += [("pool3", MaxPool(2, 2)), ("norm3", LocalResponseNorm())]
    for name, size, stride in [
        ("conv4", 8, 1), ("conv5", 8, 1), ("conv6", 6, 2), ("conv7", 5, 1)
    ]:  # fmt: skip
        layers += [(name, Convolution(size, stride)), (name, ReLU())]
    return Network(layers + _classifier("fc8", "fc9"))


def _classifier(*names):
    layers = []
    for name in names:
        layers += [(name, FullyConnected()), (name, ReLU()), (name, Dropout())]
    return [*layers, ("output", FullyConnected())]


def _alexnet():
    """Krizhevsky et al. 2012, as in Caffe's reference model: pool, then norm."""
    layers = []
    for name, convolution in [
        ("conv1", Convolution(11, stride=4)),
        ("conv2", Convolution(5, pad=2, groups=2)),
        ("conv3", Convolution(3, pad=1)),
        ("conv4", Convolution(3, pad=1, groups=2)),
        ("conv5", Convolution(3, pad=1, groups=2)),
    ]:
        number = name[-1]
        layers += [(name, convolution), (name, ReLU())]
        if name in ("conv1", "conv2", "conv5"):
            layers += [(f"pool{number}", MaxPool(3, 2))]
        if name in ("conv1", "conv2"):
            layers += [(f"norm{number}", LocalResponseNorm())]
    return Network(layers + _classifier("fc6", "fc7"))


NETWORKS = {
    "drml": _face_network([("region2", Region(8)), ("region2", ReLU())]),
    "convnet": _face_network([("conv1", ReLU())]),
    "lcn": _face_network(
        [
            ("conv1", ReLU()),
            ("local2", LocallyConnected(3, pad=1)),
            ("local2", ReLU()),
        ]
    ),
    "alexnet": _alexnet(),
}
