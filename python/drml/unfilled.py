"""A net loaded for its shapes only: its weights are zero."""

from caffe.proto import caffe_pb2
from drml.pycaffe import caffe, load_net


def load_unfilled(deploy: caffe_pb2.NetParameter) -> caffe.Net:
    """Load a deploy net without its fillers.

    Drawing LCN's 237 million random weights would take seconds.
    """
    param = caffe_pb2.NetParameter()
    param.CopyFrom(deploy)
    for layer in param.layer:
        for _, options in layer.ListFields():
            for filler in ("weight_filler", "bias_filler"):
                if hasattr(options, filler):
                    options.ClearField(filler)
    return load_net(param)
