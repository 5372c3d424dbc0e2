"""A prepared dataset and a net of toy size, for the tests of evaluation and report."""

import json

import numpy as np

from caffe.proto import caffe_pb2
from data_prep.face_lmdb import Record, read_faces, write_faces
from data_prep.images import encode_jpeg
from data_prep.network_input import write_mean

AUS = (1, 12)
SIZE, CROP, FACES = 25, 16, 11  # odd margin: (25 - 16) // 2 = 4

DEPLOY = """
name: "tiny"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 16 dim: 16 } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "output"
  inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Sigmoid" bottom: "output" top: "prob" }
"""


def make_dataset(
    folder, generated=True, seed=0, split="test", aus=AUS, name="BP4D", subject="F00"
):
    """Write an LMDB, mean.binaryproto and dataset.json of random faces."""
    rng = np.random.default_rng(seed)
    records = [
        Record(
            f"{subject}{i % 3 + 1}_T1_{i}",
            encode_jpeg(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)),
            np.array([1 - 2 * (i % 2), (1, -1, 0)[i % 3]], np.int8),
        )
        for i in range(FACES)
    ]
    folder.mkdir(parents=True)
    write_faces(folder / f"{split}_lmdb", records, SIZE)
    images = (image for _, image, _ in read_faces(folder / f"{split}_lmdb"))
    write_mean(images, folder / "mean.binaryproto")
    summary = {"subjects": [f"{subject}{i}" for i in (1, 2, 3)], "faces": FACES}
    about = {"dataset": name, "generated": generated, "aus": aus, "size": SIZE}
    rest = {"fold": 1, "seed": 5, "version": 1, "splits": {split: summary}}
    (folder / "dataset.json").write_text(json.dumps(about | rest))
    return folder


def make_weights(file, shape=(2, 3 * CROP * CROP), layer="fc", seed=0):
    """Write a .caffemodel of one fc layer; returns its weights and bias."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 1e-3, shape).astype(np.float32)
    bias = rng.normal(0, 0.1, shape[:1]).astype(np.float32)
    store_weights(file, weight, bias, layer)
    return weight, bias


def store_weights(file, weight, bias, layer="fc"):
    """Write a .caffemodel of one fc layer."""
    net = caffe_pb2.NetParameter(name="tiny")
    stored = net.layer.add(name=layer, type="InnerProduct")
    for values in (weight, bias):
        blob = stored.blobs.add()
        blob.shape.dim.extend(values.shape)
        blob.data.extend(values.ravel().tolist())
    file.write_bytes(net.SerializeToString())
