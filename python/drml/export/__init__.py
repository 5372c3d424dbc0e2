"""Caffe nets as ONNX, checked against Caffe.

A layer type of one's own is a function of a `Layer` that returns the tensors of its
tops, in a file for `drml export --layers FILE`::

    from drml.export import converter

    @converter("Square")
    def square(layer):
        return layer.op("Mul", layer.x, layer.x)

A Python layer's type is the name of its class.
"""

from drml.export.graph import CONVERTERS, Graph, Layer, converter

__all__ = ["CONVERTERS", "Graph", "Layer", "converter"]
