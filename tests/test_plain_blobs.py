"""pycaffe sees plain N x C x H x W values at any time, whatever the engine's layouts.

Layers of the oneDNN engine hand blobs on in layouts of their own; an array that
pycaffe once gave out must stay true, for reading and for writing.
"""

import numpy as np
import pytest

import caffe

NET = """
force_backward: true
layer { name: "data" type: "Input" top: "data"
        input_param { shape { dim: 2 dim: 3 dim: 14 dim: 11 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 16 kernel_size: 3
                            weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
        convolution_param { num_output: 32 kernel_size: 3 bias_term: false
                            weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2"
        pooling_param { kernel_size: 2 stride: 2 } }
"""
BLOBS = ["conv1", "conv2", "pool2"]


@pytest.fixture
def make_net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)

    def make():
        caffe.set_random_seed(3)
        return caffe.Net(str(path), caffe.TEST)

    return make


def faces(seed):
    return np.random.default_rng(seed).normal(size=(2, 3, 14, 11))


def run(net, seed):
    net.blobs["data"].data[...] = faces(seed)
    net.forward()
    net.blobs["pool2"].diff[...] = 1
    net.backward()


def arrays(net):
    return {
        (name, kind): getattr(net.blobs[name], kind)
        for name in BLOBS
        for kind in ("data", "diff")
    }


def test_arrays_taken_before_stay_true(make_net):
    watched, untouched = make_net(), make_net()
    before = arrays(watched)
    for seed in (1, 2):
        run(watched, seed)
        run(untouched, seed)
    for key, expected in arrays(untouched).items():
        assert expected.any()
        np.testing.assert_allclose(before[key], expected, atol=1e-5, err_msg=str(key))


def test_array_order_is_that_of_the_shape(make_net):
    net = make_net()
    run(net, 1)
    weights = net.params["conv1"][0].data
    patch = faces(1)[1, :, 4:7, 5:8]
    for channel in range(16):
        expected = max(0, (weights[channel] * patch).sum())
        assert net.blobs["conv1"].data[1, channel, 4, 5] == pytest.approx(
            expected, abs=1e-5
        )


def test_weights_written_through_an_old_array(make_net):
    net = make_net()
    weights = net.params["conv2"][0].data
    run(net, 1)
    expected = 2 * net.blobs["pool2"].data
    weights *= 2
    net.forward()
    np.testing.assert_allclose(net.blobs["pool2"].data, expected, rtol=1e-5)


def test_blob_written_between_layers(make_net):
    net = make_net()
    run(net, 1)
    net.blobs["conv1"].data[...] = 0
    net.forward(start="conv2")
    assert not net.blobs["pool2"].data.any()


def test_weights_written_through_an_array_are_used(make_net):
    """A net for scoring keeps what it makes of its weights, until they are written."""
    net = make_net()
    run(net, 1)
    first = net.blobs["conv1"].data.copy()
    weights = net.params["conv1"][0].data
    for scale in (2, 3):
        weights *= scale
        run(net, 1)
    np.testing.assert_allclose(net.blobs["conv1"].data, 6 * first, rtol=1e-4, atol=1e-5)
    del weights
    run(net, 1)
    net.params["conv1"][0].data[0] = 0
    run(net, 1)
    assert not net.blobs["conv1"].data[:, 0].any()
    assert net.blobs["conv1"].data[:, 1].any()


def test_an_array_outlives_its_net_and_a_larger_shape(make_net):
    net = make_net()
    array = net.blobs["data"].data
    array[...] = 5
    net.blobs["data"].reshape(200, 3, 14, 11)
    net.reshape()
    net.blobs["data"].data[...] = 1
    assert (array == 5).all()
    del net
    assert (array == 5).all()
