"""Faults of stock Caffe that users meet, mended here (docs/stock_faults.md)."""

from pathlib import Path

import numpy as np
import pytest
from tiny_dataset import FACES, make_dataset

from drml.nets.pycaffe import caffe

ENGINES = ("CAFFE", "ONEDNN")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def net(layers, shape=(2, 3, 8, 8), backward=False, phase=caffe.TEST):
    """A net of that input."""
    dims = " ".join(f"dim: {size}" for size in shape)
    Path("net.prototxt").write_text(
        f"force_backward: {'true' if backward else 'false'} "
        f'layer {{ name: "data" type: "Input" top: "data" '
        f"input_param {{ shape {{ {dims} }} }} }} {layers}"
    )
    return caffe.Net("net.prototxt", phase)


def layer(kind, options):
    return f'layer {{ name: "x" type: "{kind}" bottom: "data" top: "x" {options} }}'


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "Im2col"])
@pytest.mark.parametrize(("given", "other"), ["wh", "hw"])
def test_one_stride_without_the_other(kind, given, other):
    """SIGFPE."""
    options = f"num_output: 3 kernel_size: 3 stride_{given}: 2"
    with pytest.raises(caffe.Error, match=rf"stride_{other} (is )?0\b.*; give both"):
        net(layer(kind, f"convolution_param {{ {options} }}"))


@pytest.mark.parametrize("options", ["stride: 0", "stride_h: 1 stride_w: 0"])
def test_a_pooling_stride_of_0(options):
    with pytest.raises(caffe.Error, match="Stride dimensions must be nonzero"):
        net(layer("Pooling", f"pooling_param {{ kernel_size: 2 {options} }}"))


def test_no_groups():
    """SIGFPE."""
    options = "num_output: 3 kernel_size: 3 group: 0"
    with pytest.raises(caffe.Error, match="Number of groups must be nonzero"):
        net(layer("Convolution", f"convolution_param {{ {options} }}"))


@pytest.mark.parametrize(
    ("engine", "region"),
    [(engine, "ACROSS_CHANNELS") for engine in ENGINES] + [("CAFFE", "WITHIN_CHANNEL")],
)
def test_lrn_of_no_images(engine, region):
    """Check failed: n > 0"""
    options = f"norm_region: {region} local_size: 3 engine: {engine}"
    empty = net(layer("LRN", f"lrn_param {{ {options} }}"), backward=True)
    empty.forward()
    empty.blobs["data"].reshape(0, 3, 8, 8)
    assert empty.forward()["x"].shape == (0, 3, 8, 8)
    assert empty.backward()["data"].shape == (0, 3, 8, 8)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_a_pooling_window_outside_the_image(engine, pool):
    """Of 5 pixels, windows of 1 and a stride of 3 take 0, 3 and the sixth."""
    options = f"pool: {pool} kernel_size: 1 stride: 3 engine: {engine}"
    pooled = net(layer("Pooling", f"pooling_param {{ {options} }}"), (2, 3, 5, 5), True)
    data = np.random.default_rng(0).normal(size=(2, 3, 5, 5)).astype(np.float32)
    pooled.blobs["data"].data[...] = data
    expected = np.zeros((2, 3, 3, 3), np.float32)
    expected[:, :, :2, :2] = data[:, :, ::3, ::3]
    np.testing.assert_array_equal(pooled.forward()["x"], expected)
    gradient = np.arange(54, dtype=np.float32).reshape(expected.shape) + 1
    pooled.blobs["x"].diff[...] = gradient
    expected = np.zeros_like(data)
    expected[:, :, ::3, ::3] = gradient[:, :, :2, :2]
    np.testing.assert_array_equal(pooled.backward()["data"], expected)


def test_a_pooling_window_without_a_maximum():
    """As one of NaN: its gradient has no place, and had one before the memory."""
    options = "pool: MAX kernel_size: 2 stride: 2 engine: CAFFE"
    pooled = net(layer("Pooling", f"pooling_param {{ {options} }}"), (1, 1, 2, 2), True)
    pooled.blobs["data"].data[...] = np.nan
    pooled.forward()
    pooled.blobs["x"].diff[...] = 7
    assert not pooled.backward()["data"].any()


def test_contrastive_loss_of_more_pairs_than_at_first():
    """Memory of the first number was written beyond."""
    twice = "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" '
        f"input_param {{ shape {{ dim: 2 dim: {size} }} }} }} "
        for name, size in (("one", 3), ("other", 3), ("same", 1))
    )
    loss = (
        'layer { name: "loss" type: "ContrastiveLoss" top: "loss" '
        'bottom: "one" bottom: "other" bottom: "same" }'
    )
    Path("net.prototxt").write_text(twice + loss)
    pairs = caffe.Net("net.prototxt", caffe.TEST)
    for blob in pairs.blobs.values():
        if blob.data.ndim:
            blob.reshape(5000, blob.shape[1])
    pairs.blobs["one"].data[...] = 1
    pairs.blobs["other"].data[...] = 0
    pairs.blobs["same"].data[...] = 1
    # Half of the mean squared distance.
    assert pairs.forward()["loss"] == pytest.approx(1.5)


def region(grid):
    return net(layer("Region", f"region_param {{ grid: {grid} kernel_size: 3 }}"))


@pytest.mark.parametrize("file", ["weights.caffemodel", "weights.caffemodel.h5"])
def test_region_weights_of_another_grid(file):
    """Source param shape is 192 3 3 3, target param shape is 48 3 3 3."""
    trained = region(8)
    trained.save_hdf5(file) if file.endswith("h5") else trained.save(file)
    sentence = (
        r"^Region layer 'x': the weights are of a grid of 64 patches \(8 x 8\?\), the "
        r"layer's is 4 x 4: give the grid that they were trained with, region_param"
    )
    with pytest.raises(caffe.Error, match=sentence):
        region(4).copy_from(file)
    region(8).copy_from(file)


@pytest.mark.parametrize(
    "options", ["normalization: VALID", "normalize: true", "ignore_label: -1"]
)
def test_loss_options_that_would_do_nothing(options):
    labels = 'layer { name: "l" type: "DummyData" top: "l" dummy_data_param {'
    labels += " shape { dim: 2 dim: 3 } } }"

    def loss(options):
        return net(
            f"""{labels} layer {{ name: "x" type: "MultilabelSigmoidCrossEntropyLoss"
            bottom: "data" bottom: "l" top: "x" loss_param {{ {options} }} }}""",
            (2, 3),
        )

    with pytest.raises(caffe.Error, match=rf"loss_param {{ {options} }} asks for; rem"):
        loss(options)
    loss("normalization: BATCH_SIZE ignore_label: 0")


def orders(seed, epochs):
    """The faces' order in each epoch, by their pixels' sums."""
    Path("data.prototxt").write_text(f"""
    layer {{ name: "data" type: "MultilabelData" top: "data"
      data_param {{ source: "data/test_lmdb" batch_size: {FACES} backend: LMDB }}
      multilabel_data_param {{ shuffle: true seed: {seed} }} }}""")
    data = caffe.Net("data.prototxt", caffe.TEST)
    return [
        tuple(data.forward()["data"].sum(axis=(1, 2, 3)).tolist())
        for _ in range(epochs)
    ]


def test_neighbouring_seeds_share_no_order():
    """Seed 2's first epoch was seed 1's second one, and so on."""
    make_dataset(Path("data"))
    first, second = orders(1, 4), orders(2, 4)
    assert len({*first, *second}) == 8
    assert orders(1, 4) == first


def test_pixels_become_a_datum_and_back():
    """AttributeError: numpy 2.3 has no tostring any more."""
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    back = caffe.io.datum_to_array(caffe.io.array_to_datum(pixels, 1))
    assert back.dtype == np.uint8
    assert np.array_equal(back, pixels)
    back[0] = 0  # not a view of bytes, which can't be written to


FILLERS = (
    'weight_filler { type: "gaussian" std: 0.3 } '
    'bias_filler { type: "uniform" min: -1 max: 1 }'
)
WEIGHTS = f"num_output: 4 kernel_size: 3 pad: 1 {FILLERS}"
IN_PLACE = [
    ("BatchNorm", ""),
    ("Bias", 'bias_param { filler { type: "uniform" } }'),
    ("Dropout", ""),
    ("ELU", ""),
    ("Exp", ""),
    ("MVN", "mvn_param { normalize_variance: false }"),
    ("PReLU", ""),
    ("Power", "power_param { power: 1 scale: 2 shift: 1 }"),
    ("ReLU", "relu_param { negative_slope: 0.2 }"),
    ("Region", f"region_param {{ grid: 2 {FILLERS} }}"),
    ("Scale", 'scale_param { filler { type: "uniform" } bias_term: true }'),
    ("Sigmoid", ""),
    ("Softmax", ""),
    ("Swish", ""),
    ("TanH", ""),
]
NOT_IN_PLACE = [
    ("BNLL", ""),
    ("Box", "box_param { width: 6 height: 6 xcoord: 0 ycoord: 0 }"),
    ("ELU", "elu_param { alpha: -1 }"),
    ("Clip", "clip_param { min: -0.5 max: 0.5 }"),
    ("Convolution", f"convolution_param {{ {WEIGHTS} }}"),
    ("Crop", "crop_param { offset: 0 }"),
    ("Deconvolution", f"convolution_param {{ {WEIGHTS} }}"),
    ("Eltwise", "eltwise_param { operation: MAX }"),
    ("Eltwise", "eltwise_param { operation: PROD }"),
    ("Eltwise", "eltwise_param { operation: SUM }"),
    ("InnerProduct", f"inner_product_param {{ num_output: 6 axis: 3 {FILLERS} }}"),
    ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 }"),
    ("LRN", ""),
    ("LocallyConnected", f"locally_connected_param {{ {WEIGHTS} }}"),
    ("Log", "log_param { shift: 9 }"),
    ("MVN", ""),
    ("Power", "power_param { power: 2 scale: 0.5 shift: 3 }"),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 3 pad: 1 }"),
    ("Pooling", "pooling_param { pool: MAX kernel_size: 3 pad: 1 }"),
    ("ReLU", "relu_param { negative_slope: -0.2 }"),
    ("Splice", "splice_param { xcoord: 0 ycoord: 0 }"),
    ("SPP", "spp_param { pyramid_height: 1 }"),
]


def power(name, bottom, top, options="scale: 3"):
    return (
        f'layer {{ name: "{name}" type: "Power" bottom: "{bottom}" top: "{top}" '
        f"power_param {{ {options} }} }}"
    )


NEXT = ("Power", "power_param { scale: 1.5 }", "y")


def passes(kind, options, top, following=NEXT) -> list[np.ndarray]:
    """Output and gradients of a layer, another one (kind, options, top) behind it."""
    next_kind, next_options, next_top = following
    second = 'bottom: "e"' if kind in ("Crop", "Eltwise") else ""
    values = np.random.default_rng(0)
    caffe.set_random_seed(1)
    made = net(
        power("d", "data", "d", "scale: 1.5")
        + power("e", "data", "e", "scale: 1.5")
        + f'layer {{ name: "x" type: "{kind}" bottom: "d" {second} top: "{top}" '
        f"phase: TRAIN {options} }}"
        f'layer {{ name: "y" type: "{next_kind}" bottom: "{top}" top: "{next_top}" '
        f"phase: TRAIN {next_options} }}" + power("z", next_top, "z", "scale: 1.5"),
        (3, 4, 6, 6),
        backward=True,
    )
    made.blobs["data"].data[...] = values.normal(size=(3, 4, 6, 6))
    made.forward()
    made.blobs["z"].diff[...] = values.normal(size=made.blobs["z"].shape)
    made.backward()
    weights = [blob.diff for blobs in made.params.values() for blob in blobs]
    results = [made.blobs["z"].data, made.blobs["data"].diff, *weights]
    return [result.copy() for result in results]


@pytest.mark.parametrize(("kind", "options"), IN_PLACE)
def test_in_place_is_the_same(kind, options):
    expected = passes(kind, options, "x")
    for result, value in zip(passes(kind, options, "d"), expected, strict=True):
        np.testing.assert_allclose(result, value, atol=1e-5)


@pytest.mark.parametrize(("kind", "options"), NOT_IN_PLACE)
def test_not_in_place(kind, options):
    """Wrong values or gradients, without a word."""
    passes(kind, options, "x")
    with pytest.raises(caffe.Error, match="cannot run in place"):
        passes(kind, options, "d")


BEHIND = [
    ("BatchNorm", ""),
    ("Dropout", ""),
    ("PReLU", ""),
    ("Power", "power_param { scale: -2 shift: 1 }"),
    ("ReLU", ""),
    ("Scale", 'scale_param { filler { type: "uniform" min: -1 } bias_term: true }'),
    ("Sigmoid", ""),
]
READ_THEIR_OUTPUT = [
    ("ELU", ""),
    ("ELU", "elu_param { alpha: -1 }"),
    ("Eltwise", "eltwise_param { operation: PROD stable_prod_grad: false }"),
    ("Exp", ""),
    ("LRN", ""),
    ("MVN", ""),
    ("Power", "power_param { power: 0.5 shift: 9 }"),
    ("Sigmoid", ""),
    ("Softmax", ""),
    ("Swish", ""),
    ("TanH", ""),
]
OTHERS = [each for each in IN_PLACE + NOT_IN_PLACE if each not in READ_THEIR_OUTPUT]


def check_in_place(kind, options, behind, top="x"):
    """Both in place, or the second, are as with tops of their own."""
    expected = passes(kind, options, "x", (*behind, "y"))
    results = passes(kind, options, top, (*behind, top))
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, atol=1e-5, err_msg=behind[0])


@pytest.mark.parametrize(("kind", "options"), READ_THEIR_OUTPUT)
def test_in_place_behind_a_layer_that_reads_its_output(kind, options):
    """Sigmoid's gradients were wrong where Dropout followed in place."""
    for behind in BEHIND:
        if behind[0] == "ReLU" and kind != "MVN":  # where it gives 0 the gradient is 0
            check_in_place(kind, options, behind)
            continue
        passes(kind, options, "x", (*behind, "y"))
        with pytest.raises(caffe.Error, match=f"place: {kind} layer 'x' passes grad"):
            passes(kind, options, "x", (*behind, "x"))


@pytest.mark.parametrize(("kind", "options"), OTHERS)
def test_in_place_behind_others(kind, options):
    for behind in BEHIND:
        check_in_place(kind, options, behind)


@pytest.mark.parametrize("behind", BEHIND, ids=lambda layer: layer[0])
def test_in_place_behind_relu_in_place(behind):
    """It reads of its output what is positive."""
    if behind[0] in ("Dropout", "ReLU"):
        check_in_place("ReLU", "", behind, "d")
    else:
        with pytest.raises(caffe.Error, match="place: ReLU layer 'x' passes gradients"):
            passes("ReLU", "", "d", (*behind, "d"))


POWER_2 = (
    'layer { name: "x" type: "Power" power_param { power: 2 } '
    'bottom: "data" top: "data" }'
)


def test_in_place_where_nothing_is_trained():
    """A deploy net's Power may: its output is right."""
    made = net(POWER_2, backward=True)
    made.blobs["data"].data[...] = 2
    assert (made.forward()["data"] == 4).all()
    with pytest.raises(caffe.Error, match="in place where it passes gradients on"):
        made.backward()


def test_in_place_where_something_is_trained():
    with pytest.raises(caffe.Error, match="in place where it passes gradients on"):
        net(POWER_2, backward=True, phase=caffe.TRAIN)


FLAT = 'layer { name: "f" type: "Flatten" bottom: "data" top: "f" }'
SHARED = FLAT + power("r", "f", "f")
ABOVE = power("s", "data", "s", "power: 2")


def test_in_place_behind_flatten():
    """It shares its input's memory, which was overwritten under others' hands."""
    with pytest.raises(caffe.Error, match="'r' .* place: Power layer 's' reads what"):
        net(SHARED + ABOVE)
    made = net(ABOVE + SHARED, backward=True)
    made.blobs["data"].data[...] = 1
    results = made.forward()
    assert (results["s"] == 1).all()
    assert (results["f"] == 3).all()
    with pytest.raises(caffe.Error, match="'r' .* place: Power layer 's' passes grad"):
        made.backward()
    made = net(SHARED, backward=True)
    made.forward()
    made.blobs["f"].diff[...] = 1
    assert (made.backward()["data"] == 3).all()


def test_in_place_behind_flatten_beside_a_layer_that_reads_nothing_backward():
    pooled = (
        'layer { name: "p" type: "Pooling" bottom: "data" top: "p" '
        "pooling_param { kernel_size: 2 } }"
    )
    made = net(pooled + SHARED, backward=True)
    made.forward()
    for blob, gradient in (("p", 4), ("f", 1)):
        made.blobs[blob].diff[...] = gradient
    made.backward()
    diff = made.blobs["data"].diff  # 3 by Power, and 4 where p has its maximum: at 0
    assert np.unique(diff).tolist() == [3, 7]


def test_in_place_where_an_output_is_overwritten():
    reshaped = (
        'layer { name: "v" type: "Reshape" bottom: "data" top: "v" '
        "reshape_param { shape { dim: 6 dim: -1 } } }"
    )
    with pytest.raises(caffe.Error, match="place: the net's output 'f' is what it"):
        net(FLAT + reshaped + power("r", "v", "v"))


def test_in_place_beside_what_is_trained():
    """A layer that gets no gradient spoilt those of others."""
    trained = (
        'layer { name: "i" type: "InnerProduct" bottom: "data" top: "i" '
        f"inner_product_param {{ num_output: 6 {FILLERS} }} }}"
        'layer { name: "l" type: "Reduction" bottom: "i" top: "l" loss_weight: 1 }'
    )
    with pytest.raises(caffe.Error, match="place: InnerProduct layer 'i' passes grad"):
        net(trained + SHARED, phase=caffe.TRAIN)


def test_dropout_in_place_where_nothing_is_dropped():
    dropped = 'layer { name: "r" type: "Dropout" bottom: "f" top: "f" }'
    made = net(FLAT + dropped + ABOVE, backward=True)
    made.blobs["data"].data[...] = 3
    made.forward()
    for blob in ("f", "s"):
        made.blobs[blob].diff[...] = 1
    assert (made.backward()["data"] == 1 + 2 * 3).all()


def test_in_place_of_a_pooling_mask():
    """SIGSEGV: the backward pass finds its places there."""
    pooling = "pooling_param { pool: MAX kernel_size: 2 stride: 2 engine: CAFFE }"
    pooled = (
        'layer { name: "p" type: "Pooling" bottom: "data" top: "p" top: "m" '
        f"{pooling} }}"
    )
    with pytest.raises(caffe.Error, match="place: Pooling layer 'p' passes gradients"):
        net(
            pooled + power("s", "p", "s") + power("r", "m", "m", "scale: 1e6"),
            backward=True,
            phase=caffe.TRAIN,
        )


def test_in_place_of_a_loss():
    """From the second iteration on its weight was what the first had written there."""
    summed = 'layer { name: "q" type: "Reduction" bottom: "data" top: "q" }'
    halved = power("r", "q", "q", "scale: 0.5").replace(" top", " loss_weight: 1 top")
    with pytest.raises(caffe.Error, match="'r' cannot run in place where it passes"):
        net(summed + halved, backward=True, phase=caffe.TRAIN)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("DummyData", "dummy_data_param { shape { dim: 2 } }"),
        ("Parameter", "parameter_param { shape { dim: 2 } }"),
        (
            "MemoryData",
            "memory_data_param { batch_size: 1 channels: 1 height: 1 width: 1 }",
        ),
    ],
)
def test_in_place_of_what_is_written_once(kind, options):
    """Every forward pass changed it further (BVLC issue 4031)."""
    more = 'top: "l"' if kind == "MemoryData" else ""
    made = f'layer {{ name: "k" type: "{kind}" top: "k" {more} {options} }}'
    with pytest.raises(caffe.Error, match=f"{kind} layer 'k' writes only once what"):
        net(made + power("r", "k", "k"))
    net(made + power("r", "k", "r"))


def test_flatten_behind_reshape():
    """All gradients below were 0."""
    reshaped = (
        'layer { name: "v" type: "Reshape" bottom: "d" top: "v" '
        "reshape_param { shape { dim: 2 dim: 6 dim: 32 } } }"
        'layer { name: "f" type: "Flatten" bottom: "v" top: "f" }'
    )
    made = net(power("d", "data", "d") + reshaped + power("y", "f", "y"), backward=True)
    for gradient in (1, 2):
        made.forward()
        made.blobs["y"].diff[...] = gradient
        assert (made.backward()["data"] == 9 * gradient).all()


def test_forward_backward_all():
    """generator raised StopIteration"""
    more = 'layer { name: "s" type: "Slice" bottom: "y" top: "a" top: "b" }'
    made = net(power("y", "data", "y", "scale: 3") + more, (2, 4), backward=True)
    made.blobs["a"].diff[...] = 1
    made.blobs["b"].diff[...] = 1
    images = np.arange(20, dtype=np.float32).reshape(5, 4)
    outputs, diffs = made.forward_backward_all(data=images)
    np.testing.assert_array_equal(np.hstack([outputs["a"], outputs["b"]]), 3 * images)
    assert diffs["data"].shape == (5, 4)
    assert (diffs["data"] == 3).all()


def recurrent(kind, top):
    """Values and gradients of two forward passes of one time step, a layer behind."""
    filler = 'weight_filler { type: "gaussian" std: 1 }'
    caffe.set_random_seed(1)
    made = net(
        'layer { name: "on" type: "Input" top: "on" '
        "input_param { shape { dim: 1 dim: 3 } } }"
        f'layer {{ name: "x" type: "{kind}" bottom: "data" bottom: "on" top: "x" '
        f"recurrent_param {{ num_output: 5 {filler} }} }}"
        + power("y", "x", top, "scale: -2"),
        (1, 3, 4),
        backward=True,
        phase=caffe.TRAIN,
    )
    values = np.random.default_rng(0)
    made.blobs["on"].data[...] = 1
    results = []
    for _ in range(2):
        made.blobs["data"].data[...] = values.normal(size=(1, 3, 4))
        results.append(made.forward()[top].copy())
        made.blobs[top].diff[...] = values.normal(size=(1, 3, 5))
        results.append(made.backward()["data"].copy())
    return results


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_in_place_behind_one_time_step(kind):
    """The second step began with what the layer behind had written."""
    expected = recurrent(kind, "y")
    assert min(np.abs(value).max() for value in expected) > 0.1
    for result, value in zip(recurrent(kind, "x"), expected, strict=True):
        np.testing.assert_allclose(result, value, rtol=1e-5)


def test_in_place_of_another_shape():
    """Wrote beyond its memory."""
    tiles = 'bottom: "data" top: "data" tile_param { tiles: 2 }'
    with pytest.raises(caffe.Error, match="its top has another shape"):
        net(f'layer {{ name: "x" type: "Tile" {tiles} }}')


def with_probabilities(kind, weights, second_top=True):
    """Ten scores, their loss and, as a second top, their probabilities."""
    top = 'top: "p" ' if second_top else ""
    return net(
        'layer { name: "label" type: "Input" top: "label" '
        "input_param { shape { dim: 4 } } } "
        f'layer {{ name: "loss" type: "{kind}" bottom: "data" bottom: "label" '
        f'top: "loss" {top} {weights} '
        'infogain_loss_param { source: "eye.binaryproto" } }',
        (4, 10),
        backward=True,
    )


@pytest.fixture
def eye():
    matrix = caffe.io.array_to_blobproto(np.eye(10).reshape(1, 1, 10, 10))
    Path("eye.binaryproto").write_bytes(matrix.SerializeToString())


@pytest.mark.usefixtures("eye")
@pytest.mark.parametrize("weights", ["", "loss_weight: 2 loss_weight: 0"])
@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "InfogainLoss"])
def test_a_loss_and_its_probabilities(kind, weights):
    """loss_weight must be unspecified or specified once per top blob."""
    both = with_probabilities(kind, weights)
    alone = with_probabilities(kind, weights.removesuffix("loss_weight: 0"), False)
    scores = np.random.default_rng(0).normal(size=(4, 10)).astype(np.float32)
    for each in both, alone:
        each.blobs["data"].data[...] = scores
        each.blobs["label"].data[...] = [0, 3, 3, 9]
        each.forward()
        each.backward()
    powers = np.exp(scores)
    np.testing.assert_allclose(
        both.blobs["p"].data, powers / powers.sum(1, keepdims=True), rtol=1e-5
    )
    for blob, part in (("loss", "data"), ("data", "diff")):
        np.testing.assert_array_equal(
            getattr(both.blobs[blob], part), getattr(alone.blobs[blob], part)
        )
    assert np.abs(both.blobs["data"].diff).max() > 0.1


@pytest.mark.usefixtures("eye")
@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "InfogainLoss"])
def test_a_loss_weight_of_probabilities(kind):
    with pytest.raises(caffe.Error, match=f"second top of {kind} .*loss_weight 0"):
        with_probabilities(kind, "loss_weight: 1 loss_weight: 1")
