"""The committed prototxts and the options of their generator."""

from pathlib import Path

import pytest
from command import ran
from google.protobuf import text_format

from caffe.proto import caffe_pb2
from drml.nets.networks import NETWORKS
from drml.nets.pycaffe import caffe

ROOT = Path(__file__).parents[1]
PROTOTXT = ROOT / "prototxt"


def read(path: Path, message):
    return text_format.Parse(path.read_text(), message)


def test_committed_files_are_the_generators():
    result = ran("prototxt", "--check")
    assert result.returncode == 0, result.stderr


def test_a_changed_file_is_noticed(tmp_path):
    ran("prototxt", "--network", "drml", "--out", str(tmp_path))
    (tmp_path / "drml_solver.prototxt").open("a").write("iter_size: 2\n")
    result = ran("prototxt", "--network", "drml", "--check", "--out", str(tmp_path))
    assert result.returncode == 1
    assert "drml_solver.prototxt is not what" in result.stderr


def test_the_order_of_options_is_free_and_that_of_layers_is_not(tmp_path):
    def status():
        words = ("--network", "drml", "--check", "--out", str(tmp_path))
        return ran("prototxt", *words).returncode

    ran("prototxt", "--network", "drml", "--out", str(tmp_path))
    file = tmp_path / "drml_deploy.prototxt"
    text = file.read_text()
    relu, prob = (f"layer {{\n{part}" for part in text.split("layer {\n")[-2:])
    assert "Sigmoid" in prob
    file.write_text(text.removesuffix(relu + prob) + prob + relu)
    assert status() == 1
    options = [line for line in text.splitlines(True) if line.startswith("    ")]
    first = next(i for i, line in enumerate(options) if "num_output" in line)
    pair = "".join(options[first : first + 2])
    file.write_text(text.replace(pair, options[first + 1] + options[first], 1))
    assert status() == 0


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


def test_deploy_net_scales_what_training_scales(tmp_path):
    ran(
        "prototxt",
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
    result = ran("prototxt",
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


@pytest.mark.parametrize(("grid", "patch"), [(5, 32), (10, 16)])
def test_grid_is_the_region_layers(tmp_path, grid, patch):
    options = ("--network", "drml", "--out", str(tmp_path), "--grid", str(grid))
    assert ran("prototxt", *options).returncode == 0
    for kind in ("train_val", "deploy"):
        net = read(tmp_path / f"drml_{kind}.prototxt", caffe_pb2.NetParameter())
        (region,) = (layer for layer in net.layer if layer.type == "Region")
        assert region.region_param.grid == grid
    net = caffe.Net(str(tmp_path / "drml_deploy.prototxt"), caffe.TEST)
    weights = net.params["region2"][0].data
    assert weights.shape == (grid * grid * 32, 32, 3, 3)
    assert grid * patch == net.blobs["region2"].data.shape[2]


@pytest.mark.parametrize("grid", ["7", "0", "-5", "320"])
def test_grid_that_does_not_divide_is_one_sentence(tmp_path, grid):
    result = ran(
        "prototxt", "--network", "drml", "--out", str(tmp_path), "--grid", grid
    )
    assert result.returncode == 1
    assert f"--grid {grid} does not divide the 160 x 160 pixels" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_grid_is_refused_where_there_is_no_region_layer(tmp_path):
    result = ran("prototxt", "--network", "lcn", "--grid", "5", "--out", str(tmp_path))
    assert result.returncode == 2
    assert "--grid is of DRML's region layer" in result.stderr
