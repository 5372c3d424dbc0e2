"""Caffe's networks and training against the float64 twin, full size.

Caffe computes in float32, whose rounding is 6e-8 of a number. A sum of n products of
random sign errs by some sqrt(n) roundings of its typical product, the longest (fc8,
n = 11,664) by 1e-5 of the blob's typical size; layers add their errors up.
"""

import numpy as np
import pytest
from google.protobuf import text_format
from twin.loss import multilabel_loss
from twin.networks import NETWORKS
from twin.sgd import Sgd

from caffe.proto import caffe_pb2
from drml.networks import FACE_SIZE
from drml.prototxt import Training, solver, train_val
from drml.pycaffe import caffe

BATCH, AUS, ITERATIONS = 2, 12, 10
DROPPED = {"alexnet": ("fc6", "fc7")}  # blobs with dropout; the others: fc8, fc9
PIXELS = {"release": 60, "msra": 0.25}  # their deviation that suits the fillers


def training_net(network, fillers, folder):
    """Write the project's training net with inputs for its data; returns the path."""
    text = train_val(network, Training(fillers=fillers))
    net = text_format.Parse(text, caffe_pb2.NetParameter())
    layers = [layer for layer in net.layer if layer.type != "MultilabelData"]
    size = FACE_SIZE[network]
    inputs = caffe_pb2.LayerParameter(name="data", type="Input", top=["data", "label"])
    for shape in [(BATCH, 3, size, size), (BATCH, AUS)]:
        inputs.input_param.shape.add(dim=shape)
    del net.layer[:]
    net.layer.extend([inputs, *layers])
    net.force_backward = True  # down to the face, as saliency maps need it
    path = folder / "net.prototxt"
    path.write_text(text_format.MessageToString(net))
    return path


def batches(network, fillers, count, seed=1):
    """Random faces and labels, unknown ones among them."""
    rng = np.random.default_rng(seed)
    size = FACE_SIZE[network]
    for _ in range(count):
        faces = rng.normal(0, PIXELS[fillers], (BATCH, 3, size, size))
        yield faces.astype(np.float32), rng.choice([-1, 0, 1], (BATCH, AUS))


def feed(net, faces, labels):
    net.blobs["data"].data[...] = faces
    net.blobs["label"].data[...] = labels


def learned(net):
    """Copy the weights and biases; a region layer's statistics are not learned."""
    return {
        name: [blob.data.astype(np.float64) for blob in list(blobs)[:2]]
        for name, blobs in net.params.items()
    }


def masks(network, net):
    """Tell what dropout kept; where ReLU gave 0 it does not matter."""
    blobs = DROPPED.get(network, ("fc8", "fc9"))
    return {name: net.blobs[name].data != 0 for name in blobs}


def error(actual, expected):
    """The largest difference, in typical sizes (root mean squares) of the blob."""
    assert actual.shape == expected.shape
    difference = expected - actual
    largest = max(difference.max(), -difference.min())
    return largest / np.sqrt(np.vdot(expected, expected) / expected.size)
