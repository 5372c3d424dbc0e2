"""The table of the networks in docs/: up to date, and right by hand."""

from pathlib import Path

import pytest
from command import ran
from google.protobuf import text_format

from caffe.proto import caffe_pb2
from drml.cli import networks
from drml.nets.pycaffe import load_net

ROOT = Path(__file__).parents[1]

# One layer of each kind that has weights, small enough to count by hand.
NET = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 4 dim: 6 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 group: 2 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "region" type: "Region" bottom: "conv" top: "region"
  region_param { grid: 2 } }
layer { name: "local" type: "LocallyConnected" bottom: "region" top: "local"
  locally_connected_param { num_output: 3 kernel_size: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "local" top: "fc"
  inner_product_param { num_output: 5 } }
"""


def test_page_is_up_to_date():
    result = ran("networks", "--check")
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def layers():
    net = load_net(text_format.Parse(NET, caffe_pb2.NetParameter()))
    return {layer.name: layer for layer in networks.read_layers(net)}


def test_in_place_layers_join_the_one_whose_blob_they_change(layers):
    assert list(layers) == ["data", "conv", "region", "local", "fc"]
    assert layers["conv"].types == ["Convolution", "ReLU"]


def test_parameters(layers):
    assert {name: layer.parameters for name, layer in layers.items()} == {
        "data": 0,
        "conv": 2 * (2 * 9 + 1),
        "region": 4 * 2 * (2 * 9 + 1),  # its statistics are not learned
        "local": 9 * 3 * (2 * 4 + 1),  # 3 x 3 positions
        "fc": 5 * (27 + 1),
    }


def test_arithmetic(layers):
    assert {name: layer.flop for name, layer in layers.items()} == {
        "data": 0,
        "conv": 2 * (2 * 16) * (2 * 9),  # 4 x 4 positions, 2 channels a group
        "region": 2 * (2 * 16) * (2 * 9),
        "local": 2 * (3 * 9) * (2 * 4),
        "fc": 2 * 5 * 27,
    }


def test_another_page_is_noticed(tmp_path):
    page = tmp_path / "networks.md"
    assert ran("networks", "--out", page).returncode == 0
    assert "| DRML | 3 x 170 x 170 | 56,863,436 |" in page.read_text()
    page.write_text(page.read_text().replace("56,863,436", "56,863,435"))
    result = ran("networks", "--check", "--out", page)
    assert result.returncode == 1
    assert "networks.md is not what drml networks" in result.stderr
