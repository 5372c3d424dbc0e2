"""The committed prototxts: the paper's networks, layer by layer, and their solver."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from google.protobuf import text_format

from caffe.proto import caffe_pb2
from drml.networks import FILLERS, NETWORKS
from drml.pycaffe import caffe
from drml.unfilled import load_unfilled

ROOT = Path(__file__).parents[1]
PROTOTXT = ROOT / "prototxt"


def make_prototxt(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "python/make_prototxt.py", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def read(path: Path, message):
    return text_format.Parse(path.read_text(), message)


@cache
def sizes(network: str) -> tuple[dict, dict]:
    """The shape of each blob without the batch, and what each layer learns."""
    deploy = read(PROTOTXT / f"{network}_deploy.prototxt", caffe_pb2.NetParameter())
    net = load_unfilled(deploy)
    shapes = {name: tuple(blob.data.shape[1:]) for name, blob in net.blobs.items()}
    learned = {
        name: sum(blob.data.size for blob in blobs[:2])
        for name, blobs in net.params.items()
    }
    return shapes, learned


def test_committed_files_are_the_generators():
    result = make_prototxt("--check")
    assert result.returncode == 0, result.stderr


def test_a_changed_file_is_noticed(tmp_path):
    make_prototxt("--network", "drml", "--out", str(tmp_path))
    (tmp_path / "drml_solver.prototxt").open("a").write("iter_size: 2\n")
    result = make_prototxt("--network", "drml", "--check", "--out", str(tmp_path))
    assert result.returncode == 1
    assert "drml_solver.prototxt is not what" in result.stderr


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
CONV1 = {"data": (3, 170, 170), "conv1": (32, 160, 160)}  # 170 - 11 + 1
SHAPES = {
    "drml": CONV1 | {"region2": (32, 160, 160)} | FROM_POOL3,
    "convnet": CONV1 | FROM_POOL3,
    "lcn": CONV1 | {"local2": (32, 160, 160)} | FROM_POOL3,
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
    net = read(PROTOTXT / "alexnet_deploy.prototxt", caffe_pb2.NetParameter())
    assert [layer.name for layer in net.layer] == [
        "data",
        "conv1", "relu1", "pool1", "norm1",
        "conv2", "relu2", "pool2", "norm2",
        "conv3", "relu3", "conv4", "relu4", "conv5", "relu5", "pool5",
        "fc6", "relu6", "drop6", "fc7", "relu7", "drop7",
        "output", "prob",
    ]  # fmt: skip


@pytest.mark.parametrize("network", NETWORKS)
def test_solver_is_the_papers(network):
    solver = read(PROTOTXT / f"{network}_solver.prototxt", caffe_pb2.SolverParameter())
    assert (solver.base_lr, solver.momentum, solver.weight_decay) == pytest.approx(
        (0.001, 0.9, 0.0005)
    )
    assert (solver.lr_policy, solver.stepsize) == ("step", 8000)
    assert solver.type == "SGD"
    assert solver.net == f"prototxt/{network}_train_val.prototxt"
    assert (ROOT / solver.net).is_file()
    assert solver.snapshot_prefix == f"out/{network}"


@pytest.mark.parametrize("network", NETWORKS)
def test_training_net_reads_faces_as_the_paper_does(network):
    crop, data = (170, "data/bp4d") if network != "alexnet" else (227, "data/bp4d_256")
    net = read(PROTOTXT / f"{network}_train_val.prototxt", caffe_pb2.NetParameter())
    train, val = (layer for layer in net.layer if layer.type == "MultilabelData")
    assert train.include[0].phase == caffe_pb2.TRAIN
    assert train.data_param.batch_size == 128
    for layer, mirror in [(train, True), (val, False)]:
        assert layer.transform_param.crop_size == crop
        assert layer.transform_param.mirror == mirror
        assert layer.transform_param.mean_file == f"{data}/fold1/mean.binaryproto"
    assert train.data_param.source == f"{data}/fold1/train_lmdb"
    assert val.data_param.source == f"{data}/fold1/val_lmdb"


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


@pytest.mark.parametrize("network", NETWORKS)
def test_fillers_and_multipliers_are_the_releases(network):
    net = read(PROTOTXT / f"{network}_train_val.prototxt", caffe_pb2.NetParameter())
    found = {}
    for layer in net.layer:
        for _, param in layer.ListFields():
            if hasattr(param, "weight_filler"):
                found[layer.name] = (
                    pytest.approx(param.weight_filler.std), param.bias_filler.value
                )  # fmt: skip
                assert [(p.lr_mult, p.decay_mult) for p in layer.param] == [
                    (1, 1),
                    (2, 0),
                ]
    assert found == FILLED[network]


def test_all_of_a_kind_are_filled_alike():
    """The msra fillers reach every layer but the output."""
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


def test_deploy_net_scales_what_training_scales(tmp_path):
    make_prototxt(
        "--network",
        "drml",
        "--out",
        str(tmp_path),
        "--scale",
        "0.25",
        "--fillers",
        "msra",
    )
    net = caffe.Net(str(tmp_path / "drml_deploy.prototxt"), caffe.TEST)
    net.blobs["data"].data[...] = 12
    net.forward(end="scaled")
    assert (net.blobs["scaled"].data == 3).all()
    assert net.bottom_names["conv1"] == ["scaled"]


def test_options_change_what_they_name(tmp_path):
    result = make_prototxt(
        "--network", "drml", "--out", str(tmp_path), "--data", "elsewhere",
        "--batch", "7", "--base-lr", "0.01", "--max-iter", "30", "--aus", "8",
        "--fillers", "msra", "--scale", "0.5", "--solver-type", "Adam",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    net = read(tmp_path / "drml_train_val.prototxt", caffe_pb2.NetParameter())
    assert net.layer[0].data_param.source == "elsewhere/train_lmdb"
    assert net.layer[0].data_param.batch_size == 7
    assert net.layer[0].transform_param.scale == 0.5
    assert {x.convolution_param.weight_filler.type for x in net.layer} >= {"msra"}
    assert net.layer[-2].inner_product_param.num_output == 8
    solver = read(tmp_path / "drml_solver.prototxt", caffe_pb2.SolverParameter())
    assert (solver.base_lr, solver.max_iter) == (pytest.approx(0.01), 30)
    assert solver.type == "Adam"
    assert solver.net == str(tmp_path / "drml_train_val.prototxt")
