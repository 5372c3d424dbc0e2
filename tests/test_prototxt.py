"""The committed prototxts: the paper's DRML, layer by layer, and its solver."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import text_format

from caffe.proto import caffe_pb2
from drml.pycaffe import caffe

ROOT = Path(__file__).parents[1]
PROTOTXT = ROOT / "prototxt"


def make_prototxt(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "python/make_prototxt.py", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def read(path: Path, message):
    return text_format.Parse(path.read_text(), message)


@pytest.fixture(scope="module")
def drml():
    return caffe.Net(str(PROTOTXT / "drml_deploy.prototxt"), caffe.TEST)


def test_committed_files_are_the_generators():
    result = make_prototxt("--check")
    assert result.returncode == 0, result.stderr


def test_a_changed_file_is_noticed(tmp_path):
    make_prototxt("--out", str(tmp_path))
    (tmp_path / "drml_solver.prototxt").open("a").write("iter_size: 2\n")
    result = make_prototxt("--check", "--out", str(tmp_path))
    assert result.returncode == 1
    assert "drml_solver.prototxt is not what" in result.stderr


def test_shapes_are_the_papers(drml):
    shapes = {name: tuple(blob.data.shape[1:]) for name, blob in drml.blobs.items()}
    assert shapes == {
        "data": (3, 170, 170),
        "conv1": (32, 160, 160),  # 170 - 11 + 1
        "region2": (32, 160, 160),
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


def test_parameters_are_the_papers_56_million(drml):
    learned = {
        name: sum(blob.data.size for blob in blobs[:2])
        for name, blobs in drml.params.items()
    }
    assert learned == {
        "conv1": 11_648,
        "region2": 591_872,  # 64 x 9,248
        "conv4": 32_784,
        "conv5": 16_400,
        "conv6": 9_232,
        "conv7": 6_416,
        "fc8": 47_779_840,
        "fc9": 8_390_656,
        "output": 24_588,
    }
    assert sum(learned.values()) == 56_863_436


def test_solver_is_the_papers():
    solver = read(PROTOTXT / "drml_solver.prototxt", caffe_pb2.SolverParameter())
    assert (solver.base_lr, solver.momentum, solver.weight_decay) == pytest.approx(
        (0.001, 0.9, 0.0005)
    )
    assert (solver.lr_policy, solver.stepsize) == ("step", 8000)
    assert solver.type == "SGD"
    assert (ROOT / solver.net).is_file()


def test_training_net_reads_faces_as_the_paper_does():
    net = read(PROTOTXT / "drml_train_val.prototxt", caffe_pb2.NetParameter())
    train, val = (layer for layer in net.layer if layer.type == "MultilabelData")
    assert train.include[0].phase == caffe_pb2.TRAIN
    assert train.data_param.batch_size == 128
    for layer, mirror in [(train, True), (val, False)]:
        assert layer.transform_param.crop_size == 170
        assert layer.transform_param.mirror == mirror
        assert layer.transform_param.mean_file == "data/bp4d/fold1/mean.binaryproto"


def test_fillers_and_multipliers_are_the_releases():
    net = read(PROTOTXT / "drml_train_val.prototxt", caffe_pb2.NetParameter())
    expected = {"conv1": (0.01, 0), "region2": (0.01, 1), "output": (0.01, 0)}
    expected |= {f"conv{i}": (0.01, 1) for i in range(4, 8)}
    expected |= {"fc8": (0.005, 1), "fc9": (0.005, 1)}
    found = {}
    for layer in net.layer:
        for field in ("convolution_param", "region_param", "inner_product_param"):
            if layer.HasField(field):
                param = getattr(layer, field)
                found[layer.name] = (
                    pytest.approx(param.weight_filler.std), param.bias_filler.value
                )  # fmt: skip
                assert [(p.lr_mult, p.decay_mult) for p in layer.param] == [
                    (1, 1),
                    (2, 0),
                ]
    assert found == expected


def test_deploy_net_scales_what_training_scales(tmp_path):
    make_prototxt("--out", str(tmp_path), "--scale", "0.25", "--fillers", "msra")
    net = caffe.Net(str(tmp_path / "drml_deploy.prototxt"), caffe.TEST)
    net.blobs["data"].data[...] = 12
    net.forward(end="scaled")
    assert (net.blobs["scaled"].data == 3).all()
    assert net.bottom_names["conv1"] == ["scaled"]


def test_options_change_what_they_name(tmp_path):
    result = make_prototxt(
        "--out", str(tmp_path), "--data", "elsewhere", "--batch", "7",
        "--base-lr", "0.01", "--max-iter", "30", "--aus", "8",
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
