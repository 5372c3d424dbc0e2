"""Caffe's recurrent layers, unrolled over time as Caffe unrolls them.

Bottoms are x (T, N, ...), cont (T, N), 0 where a sequence begins, and x_static (N, ...)
if there is one. A net in ONNX keeps nothing between two runs: each starts from zeros.
"""

import numpy as np

from drml.export.graph import Layer, converter


@converter("LSTM")
def lstm(layer: Layer) -> str:
    """Gates i, f, o, g of W_xc x + W_hc (cont h) + b."""
    steps = Steps(layer)
    h, c = steps.zeros(), steps.zeros()
    outputs = []
    for gates, cont in steps:
        gates = layer.op("Add", gates, steps.recur(h, cont, layer.blobs[-1]))
        c, h = _unit(layer, c, gates, cont)
        outputs.append(h)
    return layer.op("Concat", *outputs, axis=0)


@converter("LSTMUnit")
def lstm_unit(layer: Layer) -> tuple[str, str]:
    """One step: bottoms c (1, N, H), gates (1, N, 4H), cont (1, N); tops c and h."""
    c, gates, cont = layer.bottoms
    layer.fix_batch()
    return _unit(layer, c, gates, layer.op("Unsqueeze", cont, np.array([2])))


def _unit(layer: Layer, c: str, gates: str, cont: str) -> tuple[str, str]:
    i, f, o, g = layer.op("Split", gates, outputs=4, axis=2)
    i, f, o = (layer.op("Sigmoid", gate) for gate in (i, f, o))
    kept = layer.op("Mul", cont, layer.op("Mul", f, c))
    c = layer.op("Add", kept, layer.op("Mul", i, layer.op("Tanh", g)))
    return c, layer.op("Mul", o, layer.op("Tanh", c))


@converter("RNN")
def rnn(layer: Layer) -> str:
    """h = tanh(W_hh (cont h) + W_xh x + b_h), o = tanh(W_ho h + b_o)."""
    steps = Steps(layer)
    recurrent, *output = layer.blobs[-3:]
    h = steps.zeros()
    outputs = []
    for x, cont in steps:
        h = layer.op("Tanh", layer.op("Add", x, steps.recur(h, cont, recurrent)))
        y = layer.op("Add", layer.op("MatMul", h, output[0].T), output[1].ravel())
        outputs.append(layer.op("Tanh", y))
    return layer.op("Concat", *outputs, axis=0)


class Steps:
    """The inputs of each step: x transformed (1, N, gates), and cont (1, N, 1)."""

    def __init__(self, layer: Layer):
        param = layer.param.recurrent_param
        if param.expose_hidden:
            raise layer.refuse("expose_hidden makes its state a blob")
        layer.fix_batch()  # of T steps
        self.layer = layer
        self.state = (1, layer.shape[1], param.num_output)

    def zeros(self) -> str:
        return self.layer.constant(np.zeros(self.state))

    def recur(self, h: str, cont: str, weight: np.ndarray) -> str:
        op = self.layer.op
        return op("MatMul", op("Mul", h, cont), weight.T)

    def __iter__(self):
        layer, (T, N, *_) = self.layer, self.layer.shape
        x = self._transformed(layer.x, layer.blobs[0], T, N)
        x = layer.op("Add", x, layer.blobs[1].ravel())
        if len(layer.bottoms) > 2:
            static = self._transformed(layer.bottoms[2], layer.blobs[2], 1, N)
            x = layer.op("Add", x, static)
        cont = layer.op("Unsqueeze", layer.bottoms[1], np.array([2]))
        for t in range(T):
            at = {0: t}, {0: t + 1}
            yield layer.slice(x, *at), layer.slice(cont, *at)

    def _transformed(self, x: str, weight: np.ndarray, T: int, N: int) -> str:
        return self.layer.op("MatMul", self.layer.reshape(x, T, N, -1), weight.T)
