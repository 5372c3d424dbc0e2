"""Load a deploy net and its weights.

Caffe aborts the process on a net or weights that it can't use; everything a user can
get wrong is therefore checked before Caffe sees it.
"""

from collections.abc import Sequence
from pathlib import Path

from google.protobuf import text_format

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.nets import pycaffe
from drml.nets.names import TITLES
from drml.nets.pycaffe import caffe
from drml.nets.weights import check_weights

INPUT, OUTPUT = "data", "prob"


def load_net(prototxt: Path, weights: Path) -> caffe.Net:
    """Load a deploy net: blob "data" (N, 3, H, W) in, "prob" (N, C) out."""
    return _filled(read_deploy(prototxt), weights)


def load_backward_net(prototxt: Path, weights: Path) -> caffe.Net:
    """Load a deploy net that can run backwards from scores to the face.

    Its one output is what "prob" is the sigmoid of, (N, C).
    """
    param = read_deploy(prototxt)
    for i, layer in enumerate(param.layer):
        if OUTPUT in layer.top and layer.type == "Sigmoid":
            del param.layer[i]
    param.force_backward = True
    net = _filled(param, weights)
    if len(net.outputs) != 1 or OUTPUT in net.outputs:
        raise UserError(
            f'{prototxt} must end in one Sigmoid layer that makes "{OUTPUT}"; '
            f"without it the outputs are {', '.join(net.outputs)}"
        )
    return net


def _filled(param: caffe_pb2.NetParameter, weights: Path) -> caffe.Net:
    pycaffe.choose_mode()
    net = pycaffe.load_net(param)
    check_weights(weights, net)
    net.copy_from(str(weights))
    return net


def check_outputs(prototxt: Path, outputs: int, aus: Sequence[int]) -> None:
    """Raise UserError unless a net has an output for each AU of the dataset."""
    if outputs != len(aus):
        raise UserError(
            f"{prototxt} has {outputs} outputs, the dataset {len(aus)} AUs "
            f"({listed(aus)}); give a net trained on this dataset, or drml "
            "evaluate --trained-on the net's own"
        )


def listed(aus: Sequence[int]) -> str:
    return ", ".join(map(str, aus))


def net_title(prototxt: Path) -> str:
    """Name a net as the paper does, or else as its own file does."""
    name = read_prototxt(prototxt).name
    return TITLES.get(name, name) or prototxt.stem


def read_deploy(path: Path) -> caffe_pb2.NetParameter:
    """Read a deploy prototxt; UserError unless Caffe can make scores with it."""
    param = read_prototxt(path)
    _check_deploy(path, param)
    return param


def read_prototxt(path: Path, wanted: str = "deploy") -> caffe_pb2.NetParameter:
    """Read a net; UserError, which asks for a `wanted` prototxt, if it is none."""
    param = caffe_pb2.NetParameter()
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), param)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give a {wanted} prototxt") from None
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise UserError(f"{path} is not a Caffe net: {error}") from None


def _check_deploy(path: Path, param: caffe_pb2.NetParameter) -> None:
    tops = {top for layer in param.layer for top in layer.top}
    fed = {top for layer in param.layer if layer.type == "Input" for top in layer.top}
    if INPUT not in fed | set(param.input) or OUTPUT not in tops:
        raise UserError(
            f'{path} needs an input "{INPUT}" and a blob "{OUTPUT}"; '
            "give the deploy net, not the one for training"
        )
    known = set(caffe.layer_type_list())
    for layer in param.layer:
        if layer.type not in known:
            raise UserError(
                f"{path}: layer {layer.name} has type {layer.type}, which this Caffe "
                "does not know; correct it or build the project's Caffe (make)"
            )
