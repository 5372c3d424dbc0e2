"""DRML trained from HDF5 and from LMDB, with the same faces in the same order."""

from pathlib import Path

import pytest
import tiny_bp4d as tiny

from data_prep import bp4d
from drml.nets.prototxt import Training, train_val
from drml.nets.pycaffe import caffe

STEPS = 3
SOLVER = """net: "{net}" type: "SGD" base_lr: 0.001 lr_policy: "fixed" momentum: 0.9
weight_decay: 0.0005 test_iter: 1 test_interval: 1000 test_initialization: false
snapshot: 0 snapshot_after_train: false solver_mode: CPU random_seed: 3"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Faces of the crop's size: the LMDB's random crop can only be the centre one."""
    root = tiny.write_dataset(tmp_path_factory.mktemp("bp4d"))
    out = tmp_path_factory.mktemp("out")
    plain = ("--fold=1", "--jobs=1", "--sample=none", "--size=170", "--format=both")
    bp4d.main([str(root), f"--out={out}", *plain, "--crop=170", "--file-mib=3"])
    return out / "fold1"


def train(folder: Path, source: str, tmp_path: Path, weights: Path | None) -> tuple:
    """Return some losses, and the weights before the first."""
    training = Training(
        data=str(folder), source=source, batch=3, test_batch=2, scale=1 / 256,
        fillers="msra",
    )  # fmt: skip
    text = train_val("drml", training)
    for augmentation in ("shuffle", "mirror"):
        text = text.replace(f"{augmentation}: true", f"{augmentation}: false")
    (tmp_path / "net.prototxt").write_text(text)
    (tmp_path / "solver").write_text(SOLVER.format(net=tmp_path / "net.prototxt"))
    solver = caffe.SGDSolver(str(tmp_path / "solver"))
    if weights:
        solver.net.copy_from(str(weights))
    else:
        weights = tmp_path / "begin.caffemodel"
        solver.net.save(str(weights))
    caffe.set_random_seed(5)  # of dropout
    losses = []
    for _ in range(STEPS):
        solver.step(1)
        losses.append(float(solver.net.blobs["loss"].data))
    return losses, weights


def test_losses_are_the_same(folder, tmp_path):
    lmdb, weights = train(folder, "lmdb", tmp_path, None)
    hdf5, _ = train(folder, "hdf5", tmp_path, weights)
    assert len(set(lmdb)) == STEPS
    # The scale is a layer here and in the data layer there: both multiply float32 by
    # a power of 2, so nothing is rounded differently.
    assert hdf5 == lmdb
