"""show_region_layer.py on a small net whose patches do what is known."""

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import show_region_layer
from tiny_dataset import make_dataset

from data_prep.base import run
from drml.deploy_net import read_deploy
from drml.faces import pick
from drml.pycaffe import caffe
from drml.region_patches import measure, region_layer
from drml.splits import open_split

GRID = (4, 2)  # patches of 4 x 8 pixels
NET = """
name: "tiny"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 16 dim: 16 } } }
layer { name: "scaled" type: "Power" bottom: "data" top: "scaled"
  power_param { scale: 0.5 } }
layer { name: "region2" type: "Region" bottom: "scaled" top: "region2"
  region_param { grid_h: 4 grid_w: 2 } }
layer { name: "relu2" type: "ReLU" bottom: "region2" top: "region2" }
layer { name: "fc" type: "InnerProduct" bottom: "region2" top: "output"
  inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Sigmoid" bottom: "output" top: "prob" }
"""


def make_net():
    """Patch p's weights are all p, and all but patch 3 see a constant: the bias."""
    net = caffe.Net("net.prototxt", caffe.TEST)
    weights, bias = (blob.data for blob in net.params["region2"][:2])
    weights[...] = np.repeat(np.arange(8), 3)[:, None, None, None]
    bias[...] = np.arange(8 * 3) * (-1) ** np.arange(8 * 3)
    means, variances, count = (blob.data for blob in net.params["region2"][2:])
    means[...], variances[...], count[...] = 1e6, 1, 1  # so that ReLU gives 0
    return net


@pytest.fixture(params=["region2", "scaled"], ids=["aside", "in place"])
def split(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_dataset(tmp_path / "data")
    head, tail = NET.split('bottom: "scaled" top: "region2"')
    tail = tail.replace('"region2"', f'"{request.param}"')
    text = f'{head}bottom: "scaled" top: "{request.param}"{tail}'
    Path("net.prototxt").write_text(
        text.replace('name: "scaled" type', 'name: "s" type')
    )
    make_net().save("tiny.caffemodel")
    return open_split(Path("data"), "test")


def inputs(faces, mean):
    images = np.array([face.image for face in faces]) - mean.transpose(1, 2, 0)
    return 0.5 * images[:, 4:-5, 4:-5]  # (N, 16, 16, 3), as the net scales


def test_patches_are_measured_in_their_places(split):
    faces, _ = pick(split, 5)
    layer, *grid = region_layer(Path("n"), read_deploy(Path("net.prototxt")))
    assert (layer, *grid) == ("region2", *GRID)
    patches = measure(make_net(), layer, GRID, faces, split.mean, batch=2)
    # Patch p has 3 x 3 x 3 x 3 weights of p: its norm is 9 p.
    assert np.allclose(patches.weight_norm, 9 * np.arange(8).reshape(GRID))
    # The convolutions see zeros, so they add the biases: of patch p -+3p, +-(3p + 1)
    # and -+(3p + 2), whose magnitude is 3p + 1 on average.
    assert np.allclose(
        patches.added, 3 * np.arange(8).reshape(GRID) + 1, rtol=0, atol=1e-4
    )
    x = np.abs(inputs(faces, split.mean))
    for row, column in np.ndindex(GRID):
        patch = x[:, 4 * row : 4 * row + 4, 8 * column : 8 * column + 8]
        assert patches.identity[row, column] == pytest.approx(patch.mean(), rel=1e-5)
    assert np.allclose(patches.ratio * patches.identity, patches.added)


def shown(monkeypatch):
    words = "--net net.prototxt --weights tiny.caffemodel --data data --out out"
    monkeypatch.setattr(sys, "argv", ["show_region_layer.py", *words.split()])
    with pytest.raises(SystemExit) as end:
        run(show_region_layer.main)
    return end.value.code


def test_script_writes_picture_and_numbers(split, monkeypatch, capsys):
    assert shown(monkeypatch) == 0
    with open("out/region.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert (rows[5]["row"], rows[5]["column"]) == ("3", "2")
    assert float(rows[5]["weight_norm"]) == pytest.approx(45)
    assert float(rows[5]["added"]) == pytest.approx(16, abs=1e-3)
    assert "generated faces" in rows[0]["dataset"]
    assert cv2.imread("out/region.png").std() > 20
    printed = capsys.readouterr().out
    assert "tiny's region2 on 11 faces, generated faces in BP4D's layout" in printed
    assert "in row 1, column 1, to" in printed
    assert "in row 4, column 2" in printed


def test_net_without_region_layer(split, monkeypatch, capsys):
    Path("net.prototxt").write_text(NET.replace('"Region"', '"TanH"'))
    assert shown(monkeypatch) == 1
    assert "net.prototxt has 0 Region layers" in capsys.readouterr().err
