"""Weights moved from one region layer to the release's branches, and back."""

import re

import numpy as np
import pytest
from command import ran

from caffe import layers as L
from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.nets import networks, release
from drml.nets.pycaffe import caffe, load_net
from drml.nets.release import Grid, convert
from drml.nets.weights import stored_blobs


def convert_script(source, out, form):
    return ran("branches", "convert", source, out, "--to", form)


def small_drml(form):
    """The whole network on a face of 66 x 66: patches of 7 x 7 pixels, fc8's input 16.

    Normalised by the batch's statistics, as the release is in TEST too.
    """
    net = caffe.NetSpec()
    net.data = L.Input(shape=dict(dim=[3, 3, 66, 66]))
    if form == "region":
        networks.drml(net, net.data, 12, networks.FILLERS["msra"])
    else:
        release.drml(net, net.data, 12, networks.FILLERS["msra"], Grid(8, 8, 7, 7))
    param = net.to_proto()
    param.name = "drml"
    if form == "region":
        param.layer[2].region_param.use_global_stats = False
    else:
        release.rename(param)
    return load_net(param)


@pytest.fixture(scope="module")
def drml(tmp_path_factory):
    """A DRML in our form after two passes, and its weights and statistics in a file."""
    caffe.set_random_seed(1)
    net = small_drml("region")
    shape = net.blobs["data"].data.shape
    net.blobs["data"].data[...] = np.random.default_rng(1).normal(0, 30, shape)
    net.forward()
    net.forward()
    file = tmp_path_factory.mktemp("drml") / "drml.caffemodel"
    net.save(str(file))
    return net, file


@pytest.fixture(scope="module")
def branches_file(drml):
    file = drml[1].with_name("branches.caffemodel")
    file.write_bytes(convert(drml[1], "branches"))
    return file


def assert_same_blobs(a, b):
    assert a.keys() == b.keys()
    for layer in a:
        assert bits(a[layer]) == bits(b[layer]), layer


def bits(blobs):
    return [blob.SerializeToString(deterministic=True) for blob in blobs]


def test_converted_net_gives_the_same_scores(drml, branches_file):
    ours, theirs = drml[0], small_drml("branches")
    theirs.copy_from(str(branches_file))
    scores = ours.blobs["output"].data
    converted = theirs.forward(data=ours.blobs["data"].data)["fc8"]
    # Seven more layers round, in sums of up to 4096 products.
    assert abs(converted - scores).max() <= 1e-5 * abs(scores).max()
    assert np.ptp(scores, axis=0).max() > 0.1 * abs(scores).max()  # faces differ


def test_round_trip_is_bit_exact(drml, branches_file, tmp_path):
    back = tmp_path / "back.caffemodel"
    done = convert_script(branches_file, back, "region")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(stored_blobs(back)["region2"]) == 5
    assert_same_blobs(stored_blobs(back), stored_blobs(drml[1]))


def test_each_branch_gets_its_patch(drml, branches_file):
    stored = stored_blobs(branches_file)
    assert sum(name.startswith("bn1_") for name in stored) == 64
    *parts, steps = drml[0].params["region2"]
    eleventh = [*stored["conv1_11"], *stored["bn1_11"]]
    for blob, whole in zip(eleventh, parts, strict=False):
        assert blob.data == whole.data[320:352].ravel().tolist()  # 10 x 32 filters
    assert eleventh[4].data == steps.data.tolist()


def test_hdf5_snapshots_are_read_too(drml, branches_file, tmp_path):
    file = tmp_path / "drml.caffemodel.h5"
    drml[0].save_hdf5(str(file))
    (tmp_path / "branches").write_bytes(convert(file, "branches"))
    assert_same_blobs(stored_blobs(tmp_path / "branches"), stored_blobs(branches_file))


def caffemodel(**layers):
    """The .caffemodel of these layers, each with zeros of the given shapes."""
    net = caffe_pb2.NetParameter()
    for name, shapes in layers.items():
        layer = net.layer.add(name=name)
        for shape in shapes:
            blob = layer.blobs.add(data=[0.0] * int(np.prod(shape)))
            blob.shape.dim.extend(shape)
    return net


def branched_model():
    """Two branches over 3 channels."""
    conv, bn = [(3, 3, 3, 3), (3,)], [(3,), (3,), (1,)]
    return caffemodel(conv1_1=conv, conv1_2=conv, bn1_1=bn, bn1_2=bn)


def without_a_branch():
    net = branched_model()
    del net.layer[3]
    return net


def with_a_branch_of_its_own_pace():
    net = branched_model()
    net.layer[3].blobs[2].data[0] = 2
    return net


def with_double_precision():
    net = branched_model()
    blob = net.layer[0].blobs[0]
    blob.double_data.extend(blob.data)
    del blob.data[:]
    return net


STATISTICS = [(6,), (6,), (1,)]
MISTAKES = {
    "text": ("region", lambda: b"name: 'DRML'", "is not a whole .caffemodel"),
    "empty": ("region", lambda: b"", "holds neither a layer region2 nor the branches"),
    "another net": (
        "region",
        lambda: caffemodel(conv1=[(3, 3, 1, 1)]),
        "holds neither a layer region2 nor the branches bn1_1, conv1_1, ...; give",
    ),
    "that form already": (
        "branches", branched_model, "has the form 'branches' already; nothing to"
    ),
    "a missing branch": (
        "region",
        without_a_branch,
        "has no blob in layer bn1_2 where 3 + 3 + 1 would fit the rest; give",
    ),
    "one branch trained longer": (
        "region",
        with_a_branch_of_its_own_pace,
        "has averaged the statistics of bn1_2 over other iterations than those of",
    ),
    "double precision": (
        "region", with_double_precision, "in layer conv1_1 than its shape says; snap"
    ),
    "a layer of another net": (
        "branches",
        lambda: caffemodel(region2=[(6, 3, 3, 3), (6,), *STATISTICS], fc6=[(1, 1)]),
        "has weights of a layer fc6, which DRML lacks in that form; give",
    ),
    "filters of another count": (
        "branches",
        lambda: caffemodel(region2=[(7, 3, 3, 3), (7,), *STATISTICS]),
        "has a layer region2 with weights of shape 7x3x3x3; give",
    ),
    "statistics of another grid": (
        "branches",
        lambda: caffemodel(region2=[(3, 3, 3, 3), (3,), *STATISTICS]),
        "has 3x3x3x3 + 3 + 6 + 6 + 1 in layer region2 where 3x3x3x3 + 3 + 3 + 3 + 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake, tmp_path):
    form, make, sentence = MISTAKES[mistake]
    made, file = make(), tmp_path / "in.caffemodel"
    file.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    with pytest.raises(UserError, match=re.escape(f"{file} ")) as error:
        convert(file, form)
    assert sentence in str(error.value)


def test_a_mistake_ends_in_one_sentence_and_leaves_no_file(tmp_path):
    out = tmp_path / "out.caffemodel"
    done = convert_script(tmp_path / "none.caffemodel", out, "region")
    assert (done.returncode, done.stdout) == (1, "")
    assert "none.caffemodel does not exist" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
