"""The deploy nets through OpenCV's own importer and layers, against pycaffe.

docs/decisions.md says what a user needs for that.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
from training_nets import batches, feed, training_net
from twin.region import Region

from drml.nets.pycaffe import caffe

PROTOTXT = Path(__file__).parents[1] / "prototxt"
BLOBS = ["output", "prob"]
pytestmark = pytest.mark.skipif(
    not hasattr(cv2.dnn, "readNetFromCaffe"),
    reason="OpenCV 5 has no importer of Caffe's nets",
)


class OpenCvRegion:
    """The region layer at test time, in the form that OpenCV asks of a Python layer."""

    def __init__(self, params, blobs):
        self.region = Region(int(params["grid"]))
        self.weight, self.bias, means, variances, count = blobs
        self.statistics = means / count, variances / count

    def getMemoryShapes(self, inputs):  # noqa: N802
        return inputs

    def forward(self, inputs):
        y = self.region.forward(inputs[0], self.weight, self.bias, self.statistics)
        return [y.astype(np.float32)]


@pytest.fixture
def region_layer():
    """Put our Region before OpenCV's own layer of that name (YOLO's)."""
    cv2.dnn_registerLayer("Region", OpenCvRegion)
    yield
    cv2.dnn_unregisterLayer("Region")


def forwarded(network, folder):
    """Save first weights and statistics of three passes; returns file and faces."""
    path = training_net(network, folder)
    caffe.set_random_seed(1)
    net = caffe.Net(str(path), caffe.TRAIN)
    for faces, labels in batches(network, 3):
        feed(net, faces, labels)
        net.forward()
    net.save(str(folder / "net.caffemodel"))
    return folder / "net.caffemodel", faces


def check(opencv, prototxt, weights, faces):
    """Compare scores and probabilities, in the largest's size (seen: 1e-6)."""
    net = caffe.Net(str(prototxt), caffe.TEST)
    net.copy_from(str(weights))
    net.blobs["data"].reshape(*faces.shape)
    net.blobs["data"].data[...] = faces
    net.forward()
    opencv.setInput(faces)
    for blob, actual in zip(BLOBS, opencv.forward(BLOBS), strict=True):
        expected = net.blobs[blob].data
        assert abs(actual - expected).max() < 1e-5 * abs(expected).max()


@pytest.mark.parametrize("network", ["alexnet", "convnet"])
def test_opencv_runs_the_deploy_net_as_it_is(network, tmp_path):
    weights, faces = forwarded(network, tmp_path)
    prototxt = PROTOTXT / f"{network}_deploy.prototxt"
    opencv = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))
    check(opencv, prototxt, weights, faces)


def test_opencv_runs_drml_with_a_region_layer(region_layer, tmp_path):
    weights, faces = forwarded("drml", tmp_path)
    prototxt = PROTOTXT / "drml_deploy.prototxt"
    opencv = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))
    check(opencv, prototxt, weights, faces)
