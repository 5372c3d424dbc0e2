"""The authors' release: nets of its form load, train, snapshot and resume.

Small faces, but every layer, name and option of its prototxts; one thread, since the
nets are small.
"""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from caffe import layers as L
from caffe import params as P
from caffe.proto import caffe_pb2
from data_prep.face_lmdb import Record, read_faces, write_faces
from data_prep.images import encode_jpeg
from data_prep.network_input import write_mean
from drml.nets import networks, release
from drml.nets.pycaffe import caffe
from drml.nets.weights import stored_blobs

CAFFE = Path(__file__).parents[1] / "build/bin/caffe"
AUS, SIZE = 12, 76
# The smallest faces that the convolutions leave something of.
CROP = {"drml": 66, "convnet": 66, "alexnet": 67}
# The release's, made short and repeatable.
SOLVER = """
net: "models/net.prototxt"
test_iter: 1
test_interval: 3
base_lr: 0.001
lr_policy: "step"
gamma: 0.1
stepsize: 4000
display: 1
iter_size: 1
max_iter: 3
momentum: 0.9
weight_decay: 0.0005
snapshot: 500
snapshot_after_train: true
snapshot_prefix: "models/net"
solver_mode: GPU
random_seed: 1
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Seven images of noise with labels, in a list file and in an LMDB."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    records = [
        Record(
            f"F001_T1_{i}",
            encode_jpeg(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)),
            rng.choice(np.array([-1, 0, 1], np.int8), AUS),
        )
        for i in range(7)
    ]
    Path("models").mkdir()
    Path("faces").mkdir()
    lines = []
    for record in records:
        Path(f"faces/{record.name}.jpg").write_bytes(record.image)
        lines.append(f"faces/{record.name}.jpg {' '.join(map(str, record.labels))}\n")
    Path("faces.txt").write_text("".join(lines))
    write_faces(Path("faces_lmdb"), records, SIZE)
    images = (image for _, image, _ in read_faces(Path("faces_lmdb")))
    write_mean(images, Path("mean.binaryproto"))
    return tmp_path


def data(phase, batch, crop):
    """Our own data layer in the release's place."""
    return L.MultilabelData(
        ntop=2,
        include=dict(phase=phase),
        data_param=dict(source="faces_lmdb", batch_size=batch, backend=P.Data.LMDB),
        transform_param=dict(
            mirror=phase == caffe.TRAIN, crop_size=crop, mean_file="mean.binaryproto"
        ),
    )


def write_ours(network, batch):
    """The same training by our own layers: MultilabelData, Region and our loss."""
    test, net = caffe.NetSpec(), caffe.NetSpec()
    test.data, test.label = data(caffe.TEST, batch, CROP[network])
    net.data, net.label = data(caffe.TRAIN, batch, CROP[network])
    networks.NETWORKS[network](net, net.data, AUS, networks.FILLERS["release"])
    net.loss = L.MultilabelSigmoidCrossEntropyLoss(net.output, net.label)
    param = net.to_proto()
    param.layer.insert(1, test.to_proto().layer[0])
    for layer in param.layer:
        if layer.type == "Region":  # the release takes the batch's in TEST too
            layer.region_param.use_global_stats = False
    Path("models/net.prototxt").write_text(str(param))


def write_release(network, batch):
    faces = release.ImageLists(
        "faces.txt", "faces.txt", "mean.binaryproto", AUS, batch, batch
    )
    text = release.train_val(network, faces, CROP[network])
    Path("models/net.prototxt").write_text(text)


def train(*options, **solver):
    """Run `caffe train` with other solver fields than SOLVER's; returns its log."""
    text = SOLVER
    for field, value in solver.items():
        text = re.sub(f"(?m)^{field}: .*", f"{field}: {value}", text)
    Path("solver.prototxt").write_text(text)
    done = subprocess.run(
        [CAFFE, "train", "-solver", "solver.prototxt", *options],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def losses(log):
    """Each loss in order, of training iterations and of tests."""
    found = re.findall(r"T(?:rain|est) net output #0: loss = (\S+)", log)
    return [float(loss) for loss in found]


def edit(file, old, new):
    text = Path(file).read_text()
    assert old in text
    Path(file).write_text(text.replace(old, new))


def test_alexnets_second_dropout_has_the_releases_name():
    faces = release.ImageLists("train.txt", "test.txt", "mean.binaryproto")
    text = release.train_val("alexnet", faces)
    net = text_format.Parse(text, caffe_pb2.NetParameter())
    assert [layer.name for layer in net.layer[-8:]] == [
        "fc6", "relu6", "drop6", "fc7", "relu7", "drop7_k", "fc8", "loss",
    ]  # fmt: skip
    assert net.layer[-3].top == net.layer[-2].bottom == ["fc7"]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("network", CROP)
def test_trains_as_our_own_layers_do(project, network, batch):
    """The same seed gives the same weights, mirroring and dropout, and so losses."""
    write_release(network, batch)
    theirs = losses(train(snapshot_after_train="false"))
    write_ours(network, batch)
    ours = losses(train(snapshot_after_train="false"))
    assert len(theirs) == 5  # tests before and after, three iterations
    assert theirs == pytest.approx(ours, rel=1e-5)  # six digits are printed


def test_loss_weight_counts(project):
    """Four times the loss at a quarter of the learning rate is the same training."""
    write_release("convnet", 3)
    log = train(max_iter=2)
    once = stored_blobs(Path("models/net_iter_2.caffemodel"))
    edit("models/net.prototxt", 'top: "loss"', 'top: "loss" loss_weight: 4')
    weighted = train(max_iter=2, base_lr=0.001 / 4, weight_decay=0.0005 * 4)
    four_times = stored_blobs(Path("models/net_iter_2.caffemodel"))
    assert losses(weighted) == losses(log)
    found = re.findall(r"loss = (\S+) \(\* 4 = (\S+) loss\)", weighted)
    assert len(found) == 3
    for loss, times_four in found:
        assert float(times_four) == pytest.approx(4 * float(loss), rel=1e-5)
    for layer in ("conv1", "conv3", "fc8"):
        for blob, other in zip(once[layer], four_times[layer], strict=True):
            # Powers of two scale without rounding.
            assert blob.data == other.data, layer


def test_snapshots_and_resumes(project):
    write_release("drml", 3)
    train(max_iter=2)
    half = stored_blobs(Path("models/net_iter_2.caffemodel"))
    log = train("-snapshot", "models/net_iter_2.solverstate", max_iter=4)
    assert re.findall(r"Iteration (\d+).*, loss", log) == ["2", "3", "4"]
    whole = stored_blobs(Path("models/net_iter_4.caffemodel"))
    assert half.keys() == whole.keys()
    assert len(half["conv1_64"]) == 2
    assert half["conv1_64"][0].data != whole["conv1_64"][0].data
    # A moving average of four iterations and of the tests before the first and the
    # fourth, which in this form normalise by the batch and so are averaged too.
    assert whole["bn1_64"][2].data == pytest.approx([sum(0.999**i for i in range(6))])
