"""An ONNX graph that grows layer by layer, and what a converter of a layer sees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from caffe.proto import caffe_pb2
from data_prep.base import UserError

OPSET = 13  # what OpenCV, TensorRT and the rest have read for years
BATCH = "N"  # the first axis of inputs and outputs, where it is free
Tensors = str | Sequence[str] | None  # of a layer's tops, in their order
Converter = Callable[["Layer"], Tensors]
CONVERTERS: dict[str, Converter] = {}


def converter(*types: str) -> Callable[[Converter], Converter]:
    """Register a function as what exports layers of these types."""

    def register(function: Converter) -> Converter:
        CONVERTERS.update(dict.fromkeys(types, function))
        return function

    return register


def layer_type(param: caffe_pb2.LayerParameter) -> str:
    """Name a layer's type; that of a Python layer is its class."""
    return param.python_param.layer if param.type == "Python" else param.type


@dataclass
class Graph:
    """Nodes and weights so far; `blobs` has the tensor that each blob now is."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[TensorProto] = field(default_factory=list)
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    blobs: dict[str, str] = field(default_factory=dict)
    fixed_by: str | None = None  # the layer for which the batch has to stay as it is
    _names: set[str] = field(default_factory=set)

    def name(self, wanted: str) -> str:
        """Return a name that no tensor has yet."""
        name, number = wanted, 1
        while name in self._names:
            number += 1
            name = f"{wanted}:{number}"
        self._names.add(name)
        return name

    def add_layer(self, layer: "Layer", last: Sequence[bool]) -> None:
        """Convert a layer; `last` tells of each top whether no layer writes it again.

        A blob's last tensor bears its name, those that in-place layers overwrite
        theirs, too: conv1/relu1.
        """
        first = len(self.nodes)
        results = CONVERTERS[layer_type(layer.param)](layer)
        results = [results] if isinstance(results, str) else list(results or [])
        if len(results) != len(layer.param.top):
            raise UserError(
                f"the converter of layer {layer.name} ({layer.param.type}) returns "
                f"{len(results)} tensors for its {len(layer.param.top)} tops"
            )
        tops = zip(results, layer.param.top, last, strict=True)
        for result, top, final in tops:
            tensor = top if final else self.name(f"{top}/{layer.name}")
            self._rename(result, tensor, first)
            self.blobs[top] = tensor

    def _rename(self, result: str, tensor: str, first: int) -> None:
        own = self.nodes[first:]
        if not any(result in node.output for node in own):  # a bottom, or a weight
            self.nodes.append(helper.make_node("Identity", [result], [tensor], tensor))
            return
        for node in own:
            node.input[:] = [tensor if name == result else name for name in node.input]
            node.output[:] = [tensor if n == result else n for n in node.output]

    def model(self, name: str, outputs: dict[str, tuple[int, ...]]) -> onnx.ModelProto:
        """Return the whole; outputs: blobs with their shapes in Caffe."""
        body = helper.make_graph(
            self.nodes,
            name or "caffe",
            [self._value(blob, shape) for blob, shape in self.inputs.items()],
            [self._value(blob, shape) for blob, shape in outputs.items()],
            self.weights,
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            body, producer_name="drml export", opset_imports=opset
        )
        model.ir_version = 8  # of the time of that opset
        return model

    def _value(self, blob: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
        free = self.fixed_by is None and shape
        axes = [BATCH, *shape[1:]] if free else shape
        return helper.make_tensor_value_info(blob, TensorProto.FLOAT, axes)


@dataclass
class Layer:
    """A Caffe layer whose bottoms are tensors already."""

    graph: Graph
    param: caffe_pb2.LayerParameter
    blobs: list[np.ndarray]  # its weights, float32, as Caffe holds them
    bottom_shapes: list[tuple[int, ...]]  # in Caffe, as are the tops'
    top_shapes: list[tuple[int, ...]]

    @property
    def name(self) -> str:
        return self.param.name

    @property
    def bottoms(self) -> list[str]:
        return [self.graph.blobs[bottom] for bottom in self.param.bottom]

    @property
    def x(self) -> str:
        """The first bottom."""
        return self.bottoms[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The first bottom's."""
        return self.bottom_shapes[0]

    def axis(self, number: int) -> int:
        """Count an axis of the first bottom from the front."""
        return number + len(self.shape) if number < 0 else number

    def op(
        self,
        kind: str,
        *inputs: str | np.ndarray | float,
        outputs: int = 1,
        **attributes,
    ):
        """Add a node; returns its output, or a list where it has several.

        Arrays and numbers among the inputs become constants (float32, or int64).
        """
        tensors = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        names = [self.graph.name(f"{self.name}/{kind}") for _ in range(outputs)]
        node = helper.make_node(kind, tensors, names, names[0], **attributes)
        self.graph.nodes.append(node)
        return names[0] if outputs == 1 else names

    def constant(self, values: np.ndarray | float) -> str:
        """Add a constant tensor: arrays of whole numbers as int64, others float32."""
        whole = isinstance(values, np.ndarray) and values.dtype.kind in "iu"
        values = np.ascontiguousarray(values, np.int64 if whole else np.float32)
        name = self.graph.name(f"{self.name}/weights")
        self.graph.weights.append(numpy_helper.from_array(values, name))
        return name

    def reshape(self, x: str, *axes: int) -> str:
        """Reshape; an axis is a size, 0 (as in x) or one -1 (what is left)."""
        return self.op("Reshape", x, np.array(axes))

    def shaped(self, x: str, before: tuple[int, ...], after: tuple[int, ...]) -> str:
        """Reshape a tensor from one of Caffe's shapes to another.

        A batch that is the first axis of both stays free.
        """
        if before == after:
            return x
        if not (before and after and before[0] == after[0] and prod(after)):
            self.fix_batch()
            return self.reshape(x, *after)
        return self.reshape(x, 0, *after[1:])

    def slice(self, x: str, starts: dict[int, int], ends: dict[int, int]) -> str:
        """Take `starts[axis]` to `ends[axis]` of some axes."""
        axes = list(starts)
        return self.op(
            "Slice",
            x,
            np.array([starts[axis] for axis in axes]),
            np.array([ends[axis] for axis in axes]),
            np.array(axes),
        )

    def fix_batch(self) -> None:
        """Say that the layer works with the batch that the prototxt has only."""
        self.graph.fixed_by = self.graph.fixed_by or self.name

    def refuse(self, why: str) -> UserError:
        """Return the error that this layer cannot be exported."""
        return UserError(
            f"layer {self.name} ({self.param.type}) cannot be exported: {why}"
        )
