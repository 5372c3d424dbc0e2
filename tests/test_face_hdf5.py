"""The HDF5 output: what it holds, and that Caffe reads the same as from the LMDB."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_bp4d as tiny

from data_prep import bp4d, face_hdf5, importer
from data_prep.base import UserError
from data_prep.face_lmdb import read_faces
from data_prep.network_input import network_input, read_mean
from drml.nets.pycaffe import caffe

SPLITS = ("train", "val", "test")
CROP = 88
MIB = 2**20
# A file of 2 MiB holds 21 such faces, so 40 faces make two.
FACES, A_FILE = 40, 21


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("bp4d")
    for subject in tiny.SUBJECTS:
        for task in (1, 2):
            tiny.write_sequence(root, subject, task, range(5, 15))
    return root


def run_import(root: Path, out: Path, *options: str) -> Path:
    plain = ("--fold=1", "--sample=none", "--size=100", f"--crop={CROP}")
    bp4d.main([str(root), f"--out={out}", "--file-mib=2", *plain, *options])
    return out / "fold1"


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out")
    return run_import(root, out, "--format=both", "--jobs=2")


def read_list(folder: Path, split: str) -> list[Path]:
    return [Path(line) for line in (folder / f"{split}.txt").read_text().splitlines()]


def read_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    data, labels = [], []
    for file in read_list(folder, split):
        with h5py.File(file) as content:
            data.append(content["data"][:])
            labels.append(content["label"][:])
    return np.concatenate(data), np.concatenate(labels)


@pytest.mark.parametrize("split", SPLITS)
def test_it_holds_the_lmdbs_faces_as_the_network_gets_them(folder, split):
    data, labels = read_split(folder, split)
    records = list(read_faces(folder / f"{split}_lmdb"))
    mean = read_mean(folder / "mean.binaryproto")
    assert data.dtype == labels.dtype == np.float32
    assert data.shape == (FACES, 3, CROP, CROP)
    assert np.array_equal(labels, [row for *_, row in records])
    expected = [network_input(image, mean, CROP, CROP) for _, image, _ in records]
    assert np.array_equal(data, expected)


def test_files_are_split_compressed_and_within_the_limit(folder):
    files = read_list(folder, "train")
    assert files == [folder / "train_0000.h5", folder / "train_0001.h5"]
    sizes = []
    for file in files:
        with h5py.File(file) as content:
            sizes.append(len(content["data"]))
            assert content["data"].chunks == (1, 3, CROP, CROP)
            assert content["data"].compression == "gzip"
            read = content["data"].nbytes + content["label"].nbytes
        assert file.stat().st_size < read <= 2 * MIB
    assert sizes == [A_FILE, FACES - A_FILE]


def test_noise_does_not_break_the_limit(tmp_path):
    """What can't be compressed takes no more than the limit either."""
    with h5py.File(tmp_path / "noise.h5", "w") as content:
        a_file = face_hdf5.faces_a_file(2, CROP, aus=12)
        data = face_hdf5.empty_data(content, a_file, CROP)
        noise = np.random.default_rng(0).integers(0, 2**32, data.shape, np.uint32)
        data[:] = noise.view(np.float32)
    assert (tmp_path / "noise.h5").stat().st_size <= 2 * MIB


def test_hdf5_alone_and_what_is_added_later(root, folder, tmp_path):
    alone = run_import(root, tmp_path, "--format=hdf5", "--jobs=1")
    assert not list(alone.glob("*_lmdb"))
    dataset = json.loads((alone / "dataset.json").read_text())
    assert dataset["formats"] == ["hdf5"]
    for split in SPLITS:
        for name in read_list(alone, split):
            assert name.read_bytes() == (folder / name.name).read_bytes()
    written = {file: file.stat().st_mtime_ns for file in alone.glob("*.h5")}
    run_import(root, tmp_path, "--format=lmdb", "--jobs=1")
    assert len(list(alone.glob("*_lmdb"))) == 3
    dataset = json.loads((alone / "dataset.json").read_text())
    assert dataset["formats"] == ["hdf5", "lmdb"]
    assert {f: f.stat().st_mtime_ns for f in alone.glob("*.h5")} == written
    with pytest.raises(UserError, match=r"with another crop \(88, now 80\)"):
        run_import(root, tmp_path, "--format=hdf5", "--crop=80")


def test_a_rerun_writes_only_the_files_that_are_missing(root, tmp_path, folder):
    own = run_import(root, tmp_path, "--format=hdf5", "--jobs=1")
    gone, kept = own / "val_0001.h5", own / "val_0000.h5"
    before = kept.stat().st_mtime_ns
    gone.unlink()
    (own / ".val_0001.h5.tmp").write_bytes(b"of a run that was killed")
    run_import(root, tmp_path, "--format=hdf5", "--jobs=1")
    assert gone.read_bytes() == (folder / gone.name).read_bytes()
    assert kept.stat().st_mtime_ns == before
    assert not list(own.glob(".*"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--crop=101"], "--crop 101 is larger than the faces, --size 100"),
        (["--out=my faces"], "--out 'my faces' has a space"),
        (["--size=500", "--crop=430"], "--file-mib 2 is less than a face of 430 x 430"),
        (["--file-mib=8192"], "--file-mib 8192 is more than a blob of Caffe's holds"),
    ],
)
def test_what_hdf5_cannot_hold_is_bad_usage(root, tmp_path, capsys, options, complaint):
    with pytest.raises(SystemExit) as error:
        run_import(root, tmp_path, "--format=hdf5", *options)
    assert error.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "crop"),
    [
        ([], 170),
        (["--size=256"], 227),
        (["--size=100"], 85),
        (["--size=256", "--crop=230"], 230),
    ],
)
def test_the_crop_is_the_networks_own(options, crop):
    parser = importer.parser("doc", "root", out="out", sample="none")
    args = importer.parse(parser, ["root", "--fold=1", *options])
    assert args.crop == crop


# In Caffe

LMDB_LAYER = """layer {{ name: "data" type: "MultilabelData" top: "data" top: "label"
  data_param {{ source: "{folder}/{split}_lmdb" batch_size: 8 backend: LMDB }}
  transform_param {{ crop_size: {crop} mean_file: "{folder}/mean.binaryproto" }} }}"""
HDF5_LAYER = """layer {{ name: "data" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param {{ source: "{folder}/{split}.txt" batch_size: 8 }} }}"""
NET = """layer {{ name: "output" type: "InnerProduct" bottom: "data" top: "output"
  inner_product_param {{ num_output: 12 }} }}
layer {{ name: "loss" type: "MultilabelSigmoidCrossEntropyLoss" bottom: "output"
  bottom: "label" top: "loss" }}"""
SOLVER = """net: "{net}" type: "SGD" base_lr: 1e-6 lr_policy: "fixed" momentum: 0.9
max_iter: 10 snapshot: 0 snapshot_after_train: false solver_mode: CPU random_seed: 3"""


def test_caffe_reads_the_same_blobs_from_both(folder, tmp_path):
    """41 faces on: over the end of a file and of the split."""
    nets = []
    for name, layer in (("lmdb", LMDB_LAYER), ("hdf5", HDF5_LAYER)):
        file = tmp_path / f"{name}.prototxt"
        file.write_text(layer.format(folder=folder, split="test", crop=CROP))
        nets.append(caffe.Net(str(file), caffe.TEST))
    for _ in range(FACES // 8 + 1):
        for net in nets:
            net.forward()
        for blob in ("data", "label"):
            first, second = (net.blobs[blob].data for net in nets)
            assert np.array_equal(first, second)


def test_training_gives_the_same_losses_as_the_lmdb(root, tmp_path):
    """Faces of the crop's size: training's random crop can only be the centre one.

    The weights are set, since drawing crops changes what the fillers draw.
    """
    own = run_import(root, tmp_path, "--format=both", f"--size={CROP}", "--jobs=1")
    weights = np.random.default_rng(1).normal(0, 1e-4, (12, 3 * CROP**2))
    losses = []
    for name, layer in (("lmdb", LMDB_LAYER), ("hdf5", HDF5_LAYER)):
        net, solver = tmp_path / f"{name}.prototxt", tmp_path / f"{name}_solver"
        net.write_text((layer + NET).format(folder=own, split="train", crop=CROP))
        solver.write_text(SOLVER.format(net=net))
        training = caffe.SGDSolver(str(solver))
        training.net.params["output"][0].data[:] = weights
        losses.append([])
        for _ in range(10):
            training.step(1)
            losses[-1].append(float(training.net.blobs["loss"].data))
    assert losses[0] == losses[1]
    assert len(set(losses[0])) == 10


def test_names_in_the_list_are_relative_where_the_folder_was(root, tmp_path):
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        run_import(root, Path("data"), "--format=hdf5", "--jobs=1")
    finally:
        os.chdir(before)
    names = (tmp_path / "data/fold1/val.txt").read_text().split()
    assert names == ["data/fold1/val_0000.h5", "data/fold1/val_0001.h5"]
