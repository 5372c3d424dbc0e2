"""The four networks in the committed prototxts, layer by layer."""

from functools import cache
from pathlib import Path

import pytest
from google.protobuf import text_format

from caffe.proto import caffe_pb2
from drml.nets.networks import FILLERS, NETWORKS
from drml.nets.prototxt import Training, train_val
from drml.nets.pycaffe import caffe, load_net

PROTOTXT = Path(__file__).parents[1] / "prototxt"


def read(network: str, kind: str) -> caffe_pb2.NetParameter:
    text = (PROTOTXT / f"{network}_{kind}.prototxt").read_text()
    return text_format.Parse(text, caffe_pb2.NetParameter())


@cache
def sizes(network: str) -> tuple[dict, dict]:
    """The shape of each blob without the batch, and what each layer learns."""
    net = load_net(read(network, "deploy"))
    shapes = {name: tuple(blob.data.shape[1:]) for name, blob in net.blobs.items()}
    learned = {
        name: sum(blob.data.size for blob in blobs[:2])
        for name, blobs in net.params.items()
    }
    return shapes, learned


FROM_POOL3 = {
    "pool3": (32, 80, 80),
    "norm3": (32, 80, 80),
    "conv4": (16, 73, 73),
    "conv5": (16, 66, 66),
    "conv6": (16, 31, 31),  # (66 - 6) / 2 + 1
    "conv7": (16, 27, 27),
    "fc8": (4096,),
    "fc9": (2048,),
    "output": (12,),
    "prob": (12,),
}
FACE = (3, 170, 170)
CONV1 = {"data": FACE, "conv1": (32, 160, 160)}  # 170 - 11 + 1
SHAPES = {
    "drml": CONV1 | {"region2": (32, 160, 160)} | FROM_POOL3,
    "convnet": CONV1 | FROM_POOL3,
    "lcn": CONV1 | {"scaled": FACE, "local2": (32, 160, 160)} | FROM_POOL3,
    "alexnet": {
        "data": (3, 227, 227),
        "conv1": (96, 55, 55),  # (227 - 11) / 4 + 1
        "pool1": (96, 27, 27),
        "norm1": (96, 27, 27),
        "conv2": (256, 27, 27),
        "pool2": (256, 13, 13),
        "norm2": (256, 13, 13),
        "conv3": (384, 13, 13),
        "conv4": (384, 13, 13),
        "conv5": (256, 13, 13),
        "pool5": (256, 6, 6),
        "fc6": (4096,),
        "fc7": (4096,),
        "output": (12,),
        "prob": (12,),
    },
}

FROM_CONV4 = {
    "conv4": 32_784,
    "conv5": 16_400,
    "conv6": 9_232,
    "conv7": 6_416,
    "fc8": 47_779_840,
    "fc9": 8_390_656,
    "output": 24_588,
}
LEARNED = {
    "drml": {"conv1": 11_648, "region2": 591_872} | FROM_CONV4,  # 64 x 9,248
    "convnet": {"conv1": 11_648} | FROM_CONV4,
    "lcn": {"conv1": 11_648, "local2": 236_748_800} | FROM_CONV4,  # 25,600 x 9,248
    "alexnet": {
        "conv1": 34_944,
        "conv2": 307_456,  # 256 x (96 / 2 x 25 + 1)
        "conv3": 885_120,
        "conv4": 663_936,
        "conv5": 442_624,
        "fc6": 37_752_832,
        "fc7": 16_781_312,
        "output": 49_164,
    },
}


@pytest.mark.parametrize("network", NETWORKS)
def test_shapes_are_the_designs(network):
    assert sizes(network)[0] == SHAPES[network]


@pytest.mark.parametrize("network", NETWORKS)
def test_parameters_are_the_designs(network):
    assert sizes(network)[1] == LEARNED[network]


def test_drml_has_the_papers_56_million_parameters():
    assert sum(sizes("drml")[1].values()) == 56_863_436


def test_alexnet_is_in_the_order_of_caffes_reference_model():
    """ReLU, pooling, LRN: Krizhevsky's paper normalises before it pools."""
    net = read("alexnet", "deploy")
    assert [layer.name for layer in net.layer] == [
        "data",
        "conv1", "relu1", "pool1", "norm1",
        "conv2", "relu2", "pool2", "norm2",
        "conv3", "relu3", "conv4", "relu4", "conv5", "relu5", "pool5",
        "fc6", "relu6", "drop6", "fc7", "relu7", "drop7",
        "output", "prob",
    ]  # fmt: skip


FC = {"fc8": (0.005, 1), "fc9": (0.005, 1), "output": (0.01, 0)}
CONVS = {"conv1": (0.01, 0)} | {f"conv{i}": (0.01, 1) for i in range(4, 8)}
FILLED = {
    "drml": CONVS | {"region2": (0.01, 1)} | FC,
    "convnet": CONVS | FC,
    "lcn": CONVS | {"local2": (0.01, 1)} | FC,
    "alexnet": {
        **{f"conv{i}": (0.01, bias) for i, bias in enumerate((0, 1, 0, 1, 1), 1)},
        **{"fc6": (0.005, 1), "fc7": (0.005, 1), "output": (0.01, 0)},
    },
}


def filled(net: caffe_pb2.NetParameter) -> dict:
    """The layers that learn, with their options and those that have the fillers."""
    return {
        layer.name: (layer, options)
        for layer in net.layer
        for _, options in layer.ListFields()
        if hasattr(options, "weight_filler")
    }


def written(network: str, training: Training) -> caffe_pb2.NetParameter:
    return text_format.Parse(train_val(network, training), caffe_pb2.NetParameter())


@pytest.mark.parametrize("network", NETWORKS)
def test_committed_are_the_releases_fillers_but_lcns(network):
    fillers = "preserving" if network == "lcn" else "release"
    assert read(network, "train_val") == written(network, Training(fillers=fillers))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_releases_fillers(network):
    net = written(network, Training(fillers="release"))
    found = {
        name: (pytest.approx(options.weight_filler.std), options.bias_filler.value)
        for name, (_, options) in filled(net).items()
    }
    assert found == FILLED[network]
    assert not any(layer.transform_param.scale != 1 for layer in net.layer)


BEHIND_POOLING = {net: {"conv4"} for net in ("drml", "convnet", "lcn")}
BEHIND_POOLING["alexnet"] = {"conv2", "conv3"}


@pytest.mark.parametrize("network", NETWORKS)
def test_convolutions_keep_signals_size_and_the_rest_is_the_releases(network):
    net = written(network, Training(fillers="preserving"))
    assert [x.transform_param.scale for x in net.layer[:2]] == pytest.approx([0.02] * 2)
    for name, (layer, own) in filled(net).items():
        filler = own.weight_filler
        multipliers = [(p.lr_mult, p.decay_mult) for p in layer.param]
        if layer.type == "InnerProduct":
            std, _ = FILLED[network][name]
            assert (filler.type, filler.std) == ("gaussian", pytest.approx(std))
        else:
            behind_pooling = name in BEHIND_POOLING[network]
            assert filler.type == ("xavier" if behind_pooling else "msra")
        assert multipliers == [(1, 1), (2, 0)]  # the release's
        assert not own.HasField("bias_filler")


def test_msra_fills_every_layer_but_the_output():
    net = caffe.NetSpec()
    face = net.data = caffe.layers.Input(shape=dict(dim=[1, 3, 170, 170]))
    NETWORKS["lcn"](net, face, 12, FILLERS["msra"])
    types = {
        layer.name: param.weight_filler.type
        for layer in net.to_proto().layer
        for _, param in layer.ListFields()
        if hasattr(param, "weight_filler")
    }
    assert types.pop("output") == "gaussian"
    assert types == dict.fromkeys(LEARNED["lcn"].keys() - {"output"}, "msra")
