"""Python's preprocessing against the C++ data layer's in TEST, to the last bit."""

from pathlib import Path

import numpy as np
import pytest
from tiny_dataset import CROP, FACES, make_dataset

import caffe
from data_prep.base import UserError
from data_prep.face_lmdb import read_faces
from drml.preprocess import load_mean, network_input

LAYER = f"""
layer {{ name: "data" type: "MultilabelData" top: "data" top: "label"
  data_param {{ source: "data/test_lmdb" batch_size: {FACES} backend: LMDB }}
  transform_param {{ mean_file: "data/mean.binaryproto" crop_size: {CROP} }} }}
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_dataset(tmp_path / "data")


def test_same_input_as_the_data_layer():
    Path("net.prototxt").write_text(LAYER)
    net = caffe.Net("net.prototxt", caffe.TEST)
    net.forward()
    _, faces, labels = zip(*read_faces(Path("data/test_lmdb")), strict=True)
    mean = load_mean(Path("data/mean.binaryproto"), 25)
    ours = np.array([network_input(face, mean, CROP, CROP) for face in faces])
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, net.blobs["data"].data)
    np.testing.assert_array_equal(np.array(labels), net.blobs["label"].data)


def test_crop_is_the_centre_minus_the_mean():
    face = np.zeros((6, 8, 3), np.uint8)
    face[2, 3] = (10, 20, 30)  # (6 - 3) // 2 = 1 and (8 - 3) // 2 = 2: lands on (1, 1)
    mean = np.full((3, 6, 8), 5, np.float32)
    crop = network_input(face, mean, 3, 3)
    assert crop.shape == (3, 3, 3)
    assert crop[:, 1, 1].tolist() == [5, 15, 25]
    assert crop[:, 0, 0].tolist() == [-5, -5, -5]


def test_mean_of_another_size_is_refused():
    with pytest.raises(
        UserError, match=r"shape \(3, 25, 25\) where .* \(3, 200, 200\)"
    ):
        load_mean(Path("data/mean.binaryproto"), 200)
