"""A Caffe net with its weights, turned into an ONNX model."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

import drml.export.own_layers
import drml.export.recurrent  # noqa: F401 (registers its converters)
from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.export.graph import CONVERTERS, Graph, Layer, layer_type
from drml.nets import pycaffe
from drml.nets.deploy import read_prototxt
from drml.nets.pycaffe import caffe
from drml.nets.weights import check_weights

Shapes = dict[str, tuple[int, ...]]
_UPGRADE = "upgrade_net_proto_text"  # Caffe's tool


class LoadedNet:
    """A net in Caffe's present form, for testing, and loaded with its weights."""

    def __init__(self, prototxt: Path, weights: Path):
        """Read both; UserError where one is unusable or a layer has no converter."""
        self.param = read_upgraded(prototxt)
        self.layers = [layer for layer in self.param.layer if in_test(layer)]
        self._check(prototxt)
        pycaffe.choose_mode("cpu")
        self.caffe = pycaffe.load_net(self.param)
        check_weights(weights, self.caffe)
        self.caffe.copy_from(str(weights))
        blobs = self.caffe.blobs.items()
        self.shapes: Shapes = {name: tuple(blob.shape) for name, blob in blobs}

    def _check(self, prototxt: Path) -> None:
        known = set(caffe.layer_type_list())
        for layer in self.layers:
            if layer.type not in known:
                raise UserError(
                    f"{prototxt}: layer {layer.name} has type {layer.type}, which this "
                    "Caffe does not know; correct it, or build Caffe with that layer"
                )
        missing = [
            f"{layer.name} ({layer_type(layer)})"
            for layer in self.layers
            if layer_type(layer) not in CONVERTERS and layer.type != "Input"
        ]
        if missing:
            raise UserError(
                f"{prototxt} has layers that cannot be exported: {', '.join(missing)}. "
                "Data and losses are no part of a deploy net, give that; for a layer "
                "type of your own give --layers FILE (drml export --help)"
            )
        if not any(layer.type == "Input" for layer in self.layers):
            raise UserError(f"{prototxt} has no input; give the deploy net")

    @property
    def inputs(self) -> Shapes:
        tops = [top for la in self.layers if la.type == "Input" for top in la.top]
        return {top: self.shapes[top] for top in tops}

    @property
    def outputs(self) -> list[str]:
        """The blobs that no layer takes, but for inputs."""
        return [name for name in self.caffe.outputs if name not in self.inputs]

    def forward(
        self, values: dict[str, np.ndarray]
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Run the net, and yield blobs as they are at the end of each layer.

        A blob that a layer overwrites in place comes again; the last one counts.
        """
        for name, value in values.items():
            self.caffe.blobs[name].reshape(*value.shape)
        self.caffe.reshape()
        for name, value in values.items():
            self.caffe.blobs[name].data[...] = value
        blobs, names = self.caffe.blobs, list(self.caffe._blob_names)
        for number in range(len(self.caffe.layers)):
            self.caffe._forward(number, number)
            for top in self.caffe._top_ids(number):
                yield names[top], blobs[names[top]].data.copy()


def read_upgraded(prototxt: Path) -> caffe_pb2.NetParameter:
    """Read a net of any age (V0, V1) in the present form, by Caffe's own tool."""
    read_prototxt(prototxt)  # says in one sentence what is wrong
    beside = Path(sys.executable).parent / _UPGRADE
    tool = str(beside) if beside.exists() else shutil.which(_UPGRADE)
    if tool is None:
        raise UserError(f"{_UPGRADE} is missing, which make builds: run make")
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "net.prototxt"
        quiet = os.environ | {"GLOG_logtostderr": "1"}  # no log files
        result = subprocess.run(
            [tool, prototxt, new], capture_output=True, text=True, env=quiet
        )
        if result.returncode or not new.exists():
            said = [line for line in result.stderr.splitlines() if line.startswith("E")]
            why = said[0].split("] ", 1)[-1] if said else "its tool failed"
            raise UserError(
                f"{prototxt} cannot be brought to Caffe's present form: {why}"
            )
        return read_prototxt(new)


def in_test(layer: caffe_pb2.LayerParameter) -> bool:
    """Tell whether a layer is part of the net for testing, at level 0 of no stage."""
    if layer.include:
        return any(_meets(rule) for rule in layer.include)
    return not any(_meets(rule) for rule in layer.exclude)


def _meets(rule: caffe_pb2.NetStateRule) -> bool:
    if rule.HasField("phase") and rule.phase != caffe_pb2.TEST:
        return False
    level = rule.min_level <= 0 and (
        not rule.HasField("max_level") or rule.max_level >= 0
    )
    return level and not rule.stage


def load_converters(file: Path) -> None:
    """Run a user's file, which registers converters of layer types."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or not file.is_file():
        raise UserError(f"{file} is no Python file; --layers wants one with converters")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's code raises
        raise UserError(f"{file} fails: {type(error).__name__}: {error}") from error


def build(net: LoadedNet, fixed_batch: bool = False) -> Graph:
    """Convert every layer; UserError names one that cannot be."""
    graph = Graph(inputs=net.inputs, blobs={blob: blob for blob in net.inputs})
    batches = {shape[:1] for shape in net.inputs.values()}
    if fixed_batch or len(batches) > 1:
        graph.fixed_by = "the inputs"
    for name in net.shapes:
        graph.name(name)
    layers = [layer for layer in net.layers if layer.type != "Input"]
    for number, param in enumerate(layers):
        later = {top for after in layers[number + 1 :] for top in after.top}
        layer = Layer(
            graph,
            param,
            [blob.data for blob in net.caffe.params.get(param.name, [])],
            [net.shapes[blob] for blob in param.bottom],
            [net.shapes[blob] for blob in param.top],
        )
        graph.add_layer(layer, [top not in later for top in param.top])
    return graph


def model_of(net: LoadedNet, graph: Graph, blobs: list[str]) -> onnx.ModelProto:
    """Return the model with these blobs as its outputs."""
    return graph.model(net.param.name, {blob: net.shapes[blob] for blob in blobs})
