"""One region layer and the release's branches are one: values, gradients, script."""

import math
import os
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import region_branches
from google.protobuf import text_format
from threadpoolctl import threadpool_limits

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml import region_pair
from drml.branches import Grid
from drml.pycaffe import caffe
from drml.region_pair import compare, copy_weights, load_pair

SCRIPT = Path(__file__).parents[1] / "python/region_branches.py"
# Of float32, whose rounding is 6e-8, in sums of up to 288 products (outputs) or 1200
# (gradients); seen: at most 6e-7. Double precision: test_region_branches.cpp.
TOLERANCE = 1e-5

GRIDS = {
    "2 x 3 of 4 x 5": (4, Grid(2, 3, 4, 5)),
    "3 x 2 of 6 x 3": (5, Grid(3, 2, 6, 3)),
    "one row": (3, Grid(1, 4, 7, 2)),
    "the paper's": (32, Grid(8, 8, 20, 20)),
}
MODES = {
    "training": (caffe.TRAIN, False),
    "test by the batch's statistics, as the release": (caffe.TEST, False),
    "test by the moving averages": (caffe.TEST, True),
}


def fill_statistics(region):
    """Means of -0.3 to 0.3 and variances of 0.5 to 1.5, weighed by 2."""
    mean, variance, steps = list(region.params["region2"])[2:]
    numbers = np.arange(mean.data.size)
    mean.data[:] = 0.6 * np.sin(numbers)
    variance.data[:] = 2 + np.cos(numbers)
    steps.data[:] = 2


@pytest.fixture(autouse=True)
def one_thread():
    """Where the machine is busy, OpenBLAS's threads mostly wait for one another."""
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("mode", MODES)
def test_equal(name, mode):
    (channels, grid), (phase, global_stats) = GRIDS[name], MODES[mode]
    caffe.set_random_seed(1)
    region, branched = load_pair(3, channels, grid, phase, global_stats)
    fill_statistics(region)
    copy_weights(region, branched)
    errors = compare(region, branched)
    assert set(errors) == {
        "output", "input gradient", "weight gradient", "bias gradient", "means",
        "variances",
    }  # fmt: skip
    assert all(error <= TOLERANCE for error in errors.values()), errors
    branched.params["conv1_2"][0].data[0, 0, 1, 1] += 0.01
    assert compare(region, branched)["output"] > TOLERANCE


def run(*options, cwd):
    return subprocess.run(
        [sys.executable, SCRIPT, *options],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_time_prints_a_table(tmp_path):
    done = run("time", "--batch", "1", "--iterations", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    title, agreement, header, branches, layer, ratio, rest = done.stdout.splitlines()
    assert title == (
        "One region layer and 64 branches, 1 x 32 x 160 x 160: median of 2, "
        "OpenMP threads: 1"
    )
    assert float(re.search(r"agree to (.*)\)", agreement)[1]) <= TOLERANCE
    assert header.split() == ["forward", "backward", "both", "[ms]", "peak", "[MiB]"]
    before, after, ratios = (
        np.array(line.split()[-4:], float) for line in (branches, layer, ratio)
    )
    assert (before > 0).all()
    # To the roundings of the table.
    np.testing.assert_allclose(ratios, after / before, rtol=0.1, atol=0.01)
    empty = int(re.search(r"peaks at (\d+) MiB", rest)[1])
    assert empty < after[3] < before[3]


def test_nothing_is_timed_after_a_nan(monkeypatch):
    errors = {"output": 0.0, "means": math.nan}
    monkeypatch.setattr(region_pair, "compare", lambda *_: errors)
    with pytest.raises(UserError, match="differ by nan; nothing was timed"):
        region_branches.time_forms(Namespace(batch=1))


def test_write_gives_the_releases_drml(tmp_path):
    done = run(
        "write", "out/net.prototxt", "--train-list", "train.txt",
        "--test-list", "test.txt", "--mean", "mean.binaryproto", "--batch", "5",
        cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "out/net.prototxt").read_text()
    net = text_format.Parse(text, caffe_pb2.NetParameter())
    train, test, _, box = net.layer[:4]
    assert (train.type, train.image_data_param.source) == (
        "MultilabelImageData", "train.txt",
    )  # fmt: skip
    assert train.image_data_param.batch_size == 5
    assert test.image_data_param.batch_size == 64
    assert (box.name, box.type, len(box.top)) == ("clipping", "Box", 64)
    assert list(box.box_param.xcoord)[6:10] == [120, 140, 0, 20]
    assert list(box.box_param.ycoord)[6:10] == [0, 0, 20, 20]
    patches = range(1, 65)
    assert [layer.name for layer in net.layer] == [
        "data", "data", "conv1", "clipping",
        *(f"{layer}1_{k}" for layer in ("bn", "relu", "conv") for k in patches),
        "Splice", "add", "relu_res", "pool1", "norm1", "conv2", "relu2", "conv3",
        "relu3", "conv4", "relu4", "conv5", "relu5", "fc6", "relu6", "drop6", "fc7",
        "relu7", "drop7", "fc8", "loss",
    ]  # fmt: skip
    assert [layer.top[0] for layer in net.layer[-21:-16]] == [
        "concat", "add", "add", "pool1", "norm1",
    ]  # fmt: skip


def test_bad_usage(tmp_path):
    assert run("time", "--batch", "0", cwd=tmp_path).returncode == 2
    assert run("convert", "in", "out", cwd=tmp_path).returncode == 2
    assert run(cwd=tmp_path).returncode == 2
