"""`drml export`: ONNX models against Caffe, layer by layer and net by net."""

import re
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from command import ran, status_of
from zoo import V0, VGG, ZOO, new_net

from caffe import layers as L
from drml.export import CONVERTERS
from drml.export import net as export_net
from drml.nets import networks, release
from drml.nets.pycaffe import caffe

ROOT = Path(__file__).parents[1]


def with_weights(prototxt, seed=0):
    """Give a net random weights that keep signals' size, and statistics."""
    net, rng = caffe.Net(str(prototxt), caffe.TEST), np.random.default_rng(seed)
    for blobs in net.params.values():
        for number, blob in enumerate(blobs):
            shape = blob.data.shape
            if len(shape) > 1:
                deviation = np.sqrt(2 / np.prod(shape[1:]))
                blob.data[...] = rng.normal(0, deviation, shape)
            else:  # variances and their weight are positive
                blob.data[...] = rng.uniform(0.5, 1.5, shape) - (number == 0)
    file = prototxt.with_suffix(".caffemodel")
    net.save(str(file))
    return file


def exported(text, folder, *options, weights=None):
    """Export a net of random weights, with all blobs checked; returns what it said."""
    prototxt = folder / "net.prototxt"
    prototxt.write_text(text)
    weights = weights or with_weights(prototxt)
    out = folder / "net.onnx"
    result = ran("export", prototxt, weights, out, "--all-blobs", *options)
    assert result.returncode == 0, result.stderr
    onnx.checker.check_model(onnx.load(out), full_check=True)
    return result.stdout


# ---- Whole nets


@pytest.mark.parametrize("make", ZOO)
def test_nets_of_public_zoos(make, tmp_path):
    proto = make().to_proto()
    proto.name = make.__name__
    said = exported(str(proto), tmp_path)
    assert "batch: free" in said
    for layer in proto.layer[1:]:
        assert f"\n{layer.top[0]} " in said  # every blob was compared


def test_the_forms_of_2014_and_2013(tmp_path):
    for name, text in {"v1": VGG, "v0": V0}.items():
        (tmp_path / name).mkdir()
        said = exported(text, tmp_path / name)
        assert re.search(r"\nfc6 +1 x 8 ", said), said


def small(network, side, **more):
    """One of the paper's networks on a small face, its inner products of 16."""
    net, fill = new_net(1, 3, side, side), networks.FILLERS["preserving"]
    networks.NETWORKS[network](net, net.data, 4, fill, **more)
    net.prob = L.Sigmoid(net.output)
    proto = net.to_proto()
    for layer in proto.layer:
        if layer.name in ("fc6", "fc7", "fc8", "fc9"):
            layer.inner_product_param.num_output = 16
        if layer.name == "conv1" and network != "alexnet":
            layer.convolution_param.num_output = 4
        if layer.name == "local2":
            layer.locally_connected_param.num_output = 4
    return proto


@pytest.mark.parametrize(
    ("network", "side"),
    [("drml", 122), ("convnet", 122), ("lcn", 74), ("alexnet", 115)],
)
def test_the_papers_networks(network, side, tmp_path):
    said = exported(str(small(network, side)), tmp_path)
    assert "\nprob " in said
    assert "batch: free" in said


@pytest.mark.parametrize("known", [False, True])
def test_the_releases_branches(known, tmp_path):
    net = new_net(2, 4, 12, 12)
    grid = release.Grid(2, 3, 6, 4)
    release.branches(net, net.data, grid, networks.release, 4, known)
    exported(str(net.to_proto()), tmp_path)


# ---- Layers

# A layer's bottoms are data and, behind a +, more; of Scale and Bias: row.
INPUT = """layer { name: "in" type: "Input" top: "data" top: "more" top: "row"
  input_param { shape { dim: 2 dim: 12 dim: 7 dim: 9 }
    shape { dim: 2 dim: 12 dim: 7 dim: 9 } shape { dim: 2 dim: 12 } } }"""
OPTIONS = {  # of each layer; its bottoms are data and, behind a +, more
    "AbsVal": [""],
    "ArgMax": [
        "argmax_param { top_k: 2 }",
        "argmax_param { top_k: 2 out_max_val: true }",
        "argmax_param { axis: -2 top_k: 3 }",
    ],
    "BatchNorm": ["batch_norm_param { eps: 0.1 use_global_stats: false }"],
    "BNLL": [""],
    "Bias": ["bias_param { axis: 1 num_axes: 2 }", "+bias_param { axis: 0 }"],
    "Clip": ["clip_param { min: -3 max: 50 }"],
    "Concat": ["+concat_param { axis: -1 }"],
    "Convolution": [
        "convolution_param { num_output: 6 kernel_h: 3 kernel_w: 2 stride_h: 1 "
        "stride_w: 2 pad_h: 0 pad_w: 1 dilation: 2 bias_term: false }",
    ],
    "Deconvolution": [
        "convolution_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 group: 2 }"
    ],
    "Eltwise": [
        "+eltwise_param { operation: PROD }",
        "+eltwise_param { operation: MAX }",
        "+eltwise_param { coeff: 0.5 coeff: -2 }",
    ],
    "ELU": ["elu_param { alpha: 0.7 }"],
    "Exp": ["exp_param { scale: 0.03 shift: 1 }", "exp_param { base: 2 scale: 0.03 }"],
    "Flatten": ["flatten_param { axis: 2 }"],
    "Im2col": ["convolution_param { kernel_size: 3 stride: 2 pad: 1 }"],
    "InnerProduct": [
        "inner_product_param { num_output: 3 transpose: true }",
        "inner_product_param { num_output: 3 axis: -1 bias_term: false }",
    ],
    "Log": ["log_param { scale: 0.01 shift: 2 }", "log_param { base: 10 shift: 200 }"],
    "LRN": [
        "lrn_param { local_size: 3 alpha: 0.1 k: 2 }",
        "lrn_param { local_size: 3 alpha: 0.001 norm_region: WITHIN_CHANNEL }",
    ],
    "MVN": ["", "mvn_param { across_channels: true normalize_variance: false }"],
    "Pooling": [
        "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }",
        "pooling_param { pool: AVE kernel_size: 2 stride: 2 pad: 1 }",
        "pooling_param { pool: AVE kernel_size: 4 stride: 3 }",
        "pooling_param { kernel_size: 2 stride: 2 pad: 1 }",  # a window less
        "pooling_param { kernel_size: 1 stride: 2 }",
        "pooling_param { kernel_h: 3 kernel_w: 5 stride_h: 3 stride_w: 2 "
        "pad_h: 0 pad_w: 2 }",
        "pooling_param { kernel_size: 3 stride: 3 round_mode: FLOOR }",
        "pooling_param { global_pooling: true }",
    ],
    "Power": ["power_param { power: 3 scale: 0.1 shift: 2 }"],
    "PReLU": ["", "prelu_param { channel_shared: true }"],
    "Reduction": [
        f"reduction_param {{ operation: {kind} axis: 2 coeff: 3 }}"
        for kind in ("SUM", "ASUM", "SUMSQ", "MEAN")
    ],
    "ReLU": ["relu_param { negative_slope: 0.1 }"],
    "Reshape": [
        "reshape_param { shape { dim: 0 dim: 2 dim: -1 } }",
        "reshape_param { shape { dim: 6 dim: 2 } axis: 1 num_axes: 1 }",
    ],
    "Scale": [
        "scale_param { axis: 1 num_axes: 3 bias_term: true }",
        "+scale_param { axis: 0 }",
    ],
    "Sigmoid": [""],
    "Silence": ["+"],
    "Softmax": ["softmax_param { axis: 2 }"],
    "Split": [""],
    "SPP": ["spp_param { pyramid_height: 3 }", "spp_param { pyramid_height: 1 }"],
    "Swish": ["swish_param { beta: 0.1 }"],
    "TanH": [""],
    "Threshold": ["threshold_param { threshold: 10 }"],
    "Tile": ["tile_param { axis: 2 tiles: 3 }"],
    "Region": ["region_param { grid_h: 7 grid_w: 3 kernel_size: 5 bias_term: false }",
               "region_param { grid_h: 1 grid_w: 3 use_global_stats: false }"],
    "LocallyConnected": [
        "locally_connected_param { num_output: 3 kernel_size: 3 stride: 2 pad: 1 }",
        "locally_connected_param { num_output: 2 kernel_size: 2 bias_term: false }",
    ],
}  # fmt: skip
FIXED = {  # what works with one batch only
    "Concat": ["+concat_param { concat_dim: 0 }"],
    "Flatten": ["flatten_param { axis: 0 end_axis: 1 }"],
    "Reduction": [""],
    "Reshape": ["reshape_param { shape { dim: 1 dim: -1 } }"],
    "Softmax": ["softmax_param { axis: 0 }"],
    "Tile": ["tile_param { axis: 0 tiles: 2 }"],
}


def side_by_side(options):
    """Put all these layers into one net, each on the same inputs."""
    layers = [INPUT]
    for kind in options:
        for number, option in enumerate(options[kind]):
            other = "row" if kind in ("Scale", "Bias") else "more"
            bottoms = 'bottom: "data"' + f' bottom: "{other}"' * option.startswith("+")
            name = f"{kind}{number}"
            top = f'top: "{name}"' if kind != "Silence" else ""
            option = option.lstrip("+")
            layers.append(
                f'layer {{ name: "{name}" type: "{kind}" {bottoms} {top} {option} }}'
            )
    return "\n".join(layers)


def test_layers_whose_batch_is_free(tmp_path):
    said = exported(side_by_side(OPTIONS), tmp_path)
    assert "batch: free" in said
    tops = sum(map(len, OPTIONS.values())) - len(OPTIONS["Silence"])
    assert len(re.findall(r"\n\w+\d ", said)) == tops


@pytest.mark.parametrize("kind", FIXED)
def test_layers_that_keep_the_batch(kind, tmp_path):
    said = exported(side_by_side({kind: FIXED[kind]}), tmp_path)
    assert f"batch: 2, by {kind}0" in said


SEVERAL = {  # whole nets of layers that take something else than two images
    "slice": """
        layer { name: "in" type: "Input" top: "data"
          input_param { shape { dim: 2 dim: 6 dim: 3 } } }
        layer { name: "s" type: "Slice" bottom: "data" top: "a" top: "b" top: "c"
          slice_param { slice_point: 1 slice_point: 4 } }
        layer { name: "d" type: "Slice" bottom: "b" top: "d" top: "e"
          slice_param { slice_dim: 0 } }""",
    "embed": """
        layer { name: "in" type: "Input" top: "word"
          input_param { shape { dim: 3 dim: 2 } } }
        layer { name: "rows" type: "Embed" bottom: "word" top: "rows"
          embed_param { input_dim: 7 num_output: 4 } }""",
    "reindex": """
        layer { name: "in" type: "Input" top: "data" top: "numbers"
          input_param { shape { dim: 4 dim: 3 } shape { dim: 6 } } }
        layer { name: "r" type: "BatchReindex" bottom: "data" bottom: "numbers"
          top: "r" }""",
    "parameter": """
        layer { name: "in" type: "Input" top: "data"
          input_param { shape { dim: 4 dim: 3 } } }
        layer { name: "p" type: "Parameter" top: "p"
          parameter_param { shape { dim: 4 dim: 3 } } }
        layer { name: "sum" type: "Eltwise" bottom: "data" bottom: "p" top: "sum" }""",
    "lstm": """
        layer { name: "in" type: "Input" top: "x" top: "cont" top: "fixed"
          input_param { shape { dim: 5 dim: 2 dim: 3 } shape { dim: 5 dim: 2 }
            shape { dim: 2 dim: 4 } } }
        layer { name: "small" type: "Power" bottom: "x" top: "small"
          power_param { scale: 0.02 } }
        layer { name: "fixed_small" type: "Power" bottom: "fixed" top: "fixed_small"
          power_param { scale: 0.02 } }
        layer { name: "lstm" type: "LSTM" bottom: "small" bottom: "cont"
          bottom: "fixed_small" top: "h"
          recurrent_param { num_output: 4 weight_filler { type: "xavier" } } }""",
    "rnn": """
        layer { name: "in" type: "Input" top: "x" top: "cont"
          input_param { shape { dim: 5 dim: 2 dim: 3 } shape { dim: 5 dim: 2 } } }
        layer { name: "small" type: "Power" bottom: "x" top: "small"
          power_param { scale: 0.02 } }
        layer { name: "rnn" type: "RNN" bottom: "small" bottom: "cont" top: "o"
          recurrent_param { num_output: 4 weight_filler { type: "xavier" } } }""",
    "in place": """
        layer { name: "in" type: "Input" top: "data"
          input_param { shape { dim: 2 dim: 3 dim: 4 } } }
        layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }
        layer { name: "half" type: "Power" bottom: "flat" top: "flat"
          power_param { scale: 0.5 } }
        layer { name: "tanh" type: "TanH" bottom: "flat" top: "flat" }""",
}


@pytest.mark.parametrize("net", SEVERAL)
def test_layers_of_other_inputs(net, tmp_path):
    exported(SEVERAL[net], tmp_path)


def test_every_layer_of_caffe_is_known_or_no_part_of_a_deploy_net():
    left = set(caffe.layer_type_list()) - set(CONVERTERS) - set(OPTIONS)
    data = {name for name in left if name.endswith("Data")}
    losses = {name for name in left if name.endswith("Loss")} | {"Accuracy"}
    # Filter's batch hangs on values, HDF5Output writes, Python is the class's.
    assert left - data - losses == {"Input", "Filter", "HDF5Output", "Python"}


# ---- A layer type of one's own

SQUARE = """
import caffe

class Square(caffe.Layer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data ** 2
"""
SQUARE_NET = """
layer { name: "in" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 } } }
layer { name: "twice" type: "Power" bottom: "data" top: "twice"
  power_param { scale: 2 } }
layer { name: "mine" type: "Python" bottom: "twice" top: "mine"
  python_param { module: "square_layer" layer: "Square" } }
"""
HOOK = """
from drml.export import converter

@converter("Square")
def square(layer):
    return layer.op("Mul", layer.x, %s)
"""


@pytest.fixture
def square(tmp_path, monkeypatch):
    (tmp_path / "square_layer.py").write_text(SQUARE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    CONVERTERS.pop("Square", None)
    sys.modules.pop("square_layer", None)


def test_a_hook_exports_a_layer_of_ones_own(square):
    (square / "hook.py").write_text(HOOK % "layer.x")
    assert "\nmine " in exported(SQUARE_NET, square, "--layers", square / "hook.py")


def test_a_wrong_layer_is_named_and_nothing_is_written(square):
    (square / "hook.py").write_text(HOOK % "3.0")
    net, hook = square / "net.prototxt", ("--layers", square / "hook.py")
    net.write_text(SQUARE_NET)
    weights = with_weights(net)
    before = sorted(square.iterdir())
    result = ran("export", net, weights, square / "net.onnx", *hook)
    assert result.returncode == 1
    assert "layer mine (Python) differs from Caffe, blob mine" in result.stderr
    assert sorted(square.iterdir()) == before


# ---- Mistakes


def test_what_cannot_be_exported_is_named(tmp_path):
    prototxt = ROOT / "prototxt" / "drml_train_val.prototxt"
    result = ran("export", prototxt, "none.caffemodel", tmp_path / "net.onnx")
    assert result.returncode == 1
    wanted = "data (MultilabelData), loss (MultilabelSigmoidCrossEntropyLoss)"
    assert wanted in result.stderr
    assert "give that; for a layer type of your own" in result.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ('"TanH"', '"Tanh"'),
            "TanH0 has type Tanh, which this Caffe does not know",
        ),
        (("layer {", "layer ["), "is not a Caffe net"),
        (('"TanH"', '"Filter"'), "that cannot be exported: TanH0 (Filter)"),
    ],
)
def test_unusable_nets(change, said, tmp_path):
    net = tmp_path / "net.prototxt"
    net.write_text(side_by_side({"TanH": [""]}).replace(*change))
    result = ran("export", net, "none.caffemodel", tmp_path / "net.onnx")
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_weights_of_another_net(tmp_path):
    net = tmp_path / "net.prototxt"
    net.write_text(VGG)
    weights = with_weights(net)
    net.write_text(VGG.replace("num_output: 8", "num_output: 9"))
    result = ran("export", net, weights, tmp_path / "net.onnx")
    assert result.returncode == 1
    assert "does not fit the net: layer fc6" in result.stderr


def test_without_onnxruntime_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = ran("export", "a.prototxt", "a.caffemodel", tmp_path / "net.onnx")
    assert result.returncode == 1
    wanted = next(
        line
        for line in (ROOT / "python/pins/3.11.txt").read_text().splitlines()
        if line.startswith("onnxruntime")
    )
    assert f"run .venv/bin/pip install {wanted}" in result.stderr


def test_another_name_is_bad_usage(tmp_path):
    assert status_of("export", "a", "b", tmp_path / "net.pb") == 2


def test_missing_upgrade_tool(tmp_path, monkeypatch):
    net = tmp_path / "net.prototxt"
    net.write_text(VGG)
    monkeypatch.setattr(export_net, "_UPGRADE", "no_such_tool")
    result = ran("export", net, "b", tmp_path / "net.onnx")
    assert "no_such_tool is missing" in result.stderr
