"""An exported model against Caffe: the same random input through both."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.base import UserError
from drml.export.net import LoadedNet

TOLERANCE = 1e-4  # of a blob's largest value
ONNXRUNTIME = "onnxruntime==1.26.0"  # as in python/pins/3.11.txt


class Comparison(NamedTuple):
    """A blob in ONNX against the same in Caffe."""

    blob: str
    shape: tuple[int, ...]
    difference: float  # the largest, in units of the blob's largest absolute value
    low: float  # the blob's values
    high: float

    @property
    def agrees(self) -> bool:
        return self.difference <= TOLERANCE  # NaN does not


def onnxruntime():
    """Import onnxruntime, which only the check needs."""
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "the check of an export needs onnxruntime, which is not installed: run "
            f".venv/bin/pip install {ONNXRUNTIME}"
        ) from None
    return onnxruntime


def random_inputs(
    net: LoadedNet, batch: int | None, low: float, high: float, seed: int
) -> dict[str, np.ndarray]:
    """Draw values of every input, float32; batch: another one than the prototxt's.

    They are uniform between low and high, but where a layer takes numbers of rows, and
    where it takes marks of sequences' beginnings (0, otherwise 1).
    """
    rng = np.random.default_rng(seed)
    drawn = {}
    for name, shape in net.inputs.items():
        shape = (batch, *shape[1:]) if batch and shape else shape
        values = rng.uniform(low, high, shape)
        for layer in net.layers:
            if layer.type == "Embed" and name in layer.bottom:
                values = rng.integers(0, layer.embed_param.input_dim, shape)
            if layer.type == "BatchReindex" and name in layer.bottom[1:]:
                values = rng.integers(0, net.inputs[layer.bottom[0]][0], shape)
            recurrent = layer.type in ("LSTM", "RNN") and name in layer.bottom[1:2]
            if recurrent or (layer.type == "LSTMUnit" and name in layer.bottom[2:]):
                values = rng.integers(0, 2, shape)
                values[0] = 0
        drawn[name] = values.astype(np.float32)
    return drawn


def compare(
    net: LoadedNet, model: Path, blobs: Collection[str], values: dict[str, np.ndarray]
) -> list[Comparison]:
    """Run both on the values; returns a comparison of each blob, in the net's order."""
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(
            str(model), options, ["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        found = dict(zip(names, session.run(names, values), strict=True))
    except Exception as error:  # its own classes have no other common base
        raise UserError(f"onnxruntime refuses the model: {error}") from None
    wanted = {name: value for name, value in net.forward(values) if name in blobs}
    return [_comparison(name, found[name], value) for name, value in wanted.items()]


def _comparison(blob: str, found: np.ndarray, wanted: np.ndarray) -> Comparison:
    if found.shape != wanted.shape:
        raise UserError(
            f"blob {blob} has shape {found.shape} in ONNX, {wanted.shape} in Caffe"
        )
    if not wanted.size:
        return Comparison(blob, wanted.shape, 0.0, 0.0, 0.0)
    largest = float(np.abs(wanted).max()) or 1.0
    difference = float(np.abs(found - wanted).max()) / largest
    low, high = float(wanted.min()), float(wanted.max())
    return Comparison(blob, wanted.shape, difference, low, high)
