"""Saliency against gradients worked out otherwise, AU regions, and the script."""

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import saliency
from tiny_dataset import AUS, CROP, DEPLOY, SIZE, make_dataset, make_weights

from data_prep.aus import BP4D_AUS, DISFA_AUS
from data_prep.base import run
from data_prep.registration import mean_shape
from drml.au_regions import region_mask
from drml.deploy_net import load_backward_net, load_net
from drml.faces import pick, showing
from drml.pycaffe import caffe
from drml.saliency import AuSaliency, saliency_maps
from drml.splits import open_split

SMOOTH = """
name: "smooth"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 16 dim: 16 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 5
                      weight_filler { type: "gaussian" std: 0.002 } } }
layer { name: "tanh" type: "TanH" bottom: "conv" top: "conv" }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "output"
  inner_product_param { num_output: 2 weight_filler { type: "msra" } } }
layer { name: "prob" type: "Sigmoid" bottom: "output" top: "prob" }
"""


DEAD = """
layer { name: "zero" type: "Power" bottom: "output" top: "output"
  power_param { scale: 0 } }
"""


@pytest.fixture
def split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_dataset(tmp_path / "data")
    Path("net.prototxt").write_text(DEPLOY)
    return open_split(Path("data"), "test")


def test_linear_net_has_its_weights_as_saliency(split):
    weight, _ = make_weights(Path("tiny.caffemodel"))
    net = load_backward_net(Path("net.prototxt"), Path("tiny.caffemodel"))
    faces, _ = pick(split, 5)
    for column in range(2):
        maps = saliency_maps(net, faces, split.mean, column, batch=2)
        expected = np.abs(weight[column].reshape(3, CROP, CROP)).max(axis=0)
        np.testing.assert_allclose(maps, np.broadcast_to(expected, maps.shape))


def test_curved_net_against_differences(split):
    Path("net.prototxt").write_text(SMOOTH)
    caffe.set_random_seed(1)
    caffe.Net("net.prototxt", caffe.TEST).save("smooth.caffemodel")
    files = Path("net.prototxt"), Path("smooth.caffemodel")
    faces, _ = pick(split, 2)
    saliency_map = saliency_maps(load_backward_net(*files), faces, split.mean, 1, 2)[1]

    net = load_net(*files)
    margin = (SIZE - CROP) // 2
    inside = slice(margin, margin + CROP)
    face = faces[1].image.transpose(2, 0, 1) - split.mean
    for y, x in [(0, 0), (7, 9), (15, 3)]:
        slopes = []
        for channel in range(3):
            scores = []
            for step in (1, -1):
                net.blobs["data"].data[0] = face[:, inside, inside]
                net.blobs["data"].data[0, channel, y, x] += step
                net.forward()
                scores.append(net.blobs["output"].data[0, 1])
            slopes.append((scores[0] - scores[1]) / 2)
        # A step of 1 moves tanh's argument by about 0.002, so its third derivative
        # counts for 1e-6; the scores, of size 1, are rounded to 1e-7.
        assert saliency_map[y, x] == pytest.approx(np.abs(slopes).max(), abs=2e-6)
        assert np.abs(slopes).max() > 1e-4


@pytest.mark.parametrize("au", {*BP4D_AUS, *DISFA_AUS, 5, 20})
def test_regions_are_symmetric_and_small(au):
    mask = region_mask(au, 200)
    assert np.array_equal(mask, mask[:, ::-1])
    assert 0.02 < mask.mean() < 0.15
    larger = cv2.resize(region_mask(au, 400).astype(np.float32), (200, 200)) > 0.5
    assert (mask != larger).mean() < 0.01


@pytest.mark.parametrize(
    ("au", "inside", "outside"),
    [
        (1, (3, 4, 5, 6), (0, 9, 19, 34)),  # inner brows
        (2, (0, 1, 8, 9), (4, 5, 13)),  # outer brows
        (7, (19, 21, 24, 28), (2, 13, 34)),  # lids
        (12, (31, 37), (4, 16, 34)),  # lip corners
        (17, (40,), (33, 16, 22)),  # chin and lower lip
        (24, (34, 40, 44), (16, 22)),  # lips
    ],
)
def test_regions_lie_where_facs_says(au, inside, outside):
    mask, points = region_mask(au, 200), mean_shape(200).round().astype(int)
    found = mask[points[:, 1], points[:, 0]]
    assert found[list(inside)].all()
    assert not found[list(outside)].any()


def test_concentration_of_an_even_map_is_the_area():
    region = np.zeros((4, 5), bool)
    region[1, 1:4] = True
    even = AuSaliency(1, None, None, 1, np.full((4, 5), 1 / 20), region)
    assert even.area == pytest.approx(3 / 20)
    assert even.concentration == pytest.approx(3 / 20)
    peak = np.zeros((4, 5))
    peak[1, 1], peak[0, 0] = 0.75, 0.25
    assert AuSaliency(1, None, None, 1, peak, region).concentration == 0.75


def test_an_au_without_region_is_left_out_of_the_average(split):
    region = region_mask(45, 200)
    assert not region.any()
    blink = AuSaliency(
        45, None, None, 3, np.full((4, 5), 1 / 20), np.zeros((4, 5), bool)
    )
    even = AuSaliency(1, None, None, 2, np.full((4, 5), 1 / 20), np.ones((4, 5), bool))
    lines = saliency.as_text("Title", {"DRML": [even, blink]}).splitlines()
    assert lines[5].split() == ["45", "blink", "3", "undefined", "undefined"]
    assert lines[-1].split() == [*"Avg. of 1 of 2 AUs 100.0 100.0".split()]


def test_faces_that_show_an_au_come_with_the_purest_first(split):
    faces, named = pick(split, 11, ["F002_T1_4"])
    assert len(faces) == 11
    assert named["F002_T1_4"].labels.tolist() == faces[4].labels.tolist() == [1, -1]
    # AU 12 is present in faces 0, 3, 6, 9; of these 0 and 6 show AU 1 too.
    assert [f.name[8:] for f in showing(faces, 1)] == ["3", "9", "0", "6"]


def drawn(monkeypatch, *more):
    words = "--net net.prototxt --weights tiny.caffemodel --data data --out out"
    monkeypatch.setattr(sys, "argv", ["saliency.py", *words.split(), *more])
    with pytest.raises(SystemExit) as end:
        run(saliency.main)
    return end.value.code


def test_script_writes_pictures_and_shares(split, monkeypatch, capsys):
    weight, _ = make_weights(Path("tiny.caffemodel"))
    assert drawn(monkeypatch, "--show", "12=F001_T1_0") == 0
    with open("out/saliency.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["au"]) for row in rows] == list(AUS)
    assert rows[0]["dataset"].startswith("generated faces")
    assert rows[1]["faces"] == "4"  # of the eleven show AU 12
    saliency_map = np.abs(weight[1].reshape(3, CROP, CROP)).max(axis=0)
    inside = region_mask(12, SIZE)[4 : 4 + CROP, 4 : 4 + CROP]
    share = saliency_map[inside].sum() / saliency_map.sum()
    assert float(rows[1]["concentration"]) == pytest.approx(share, rel=1e-5)
    assert "generated faces in BP4D's layout" in capsys.readouterr().out
    for name in ("saliency.png", "saliency_mean.png"):
        picture = cv2.imread(f"out/{name}")
        assert picture.std() > 20


TWO_NETS = "--net net.prototxt net.prototxt --weights tiny.caffemodel tiny.caffemodel"


def test_nets_look_at_the_same_faces(split, monkeypatch):
    make_weights(Path("tiny.caffemodel"))
    make_dataset(Path("again"), seed=1)  # other pixels, as another size would have
    assert drawn(monkeypatch, *TWO_NETS.split(), "--data", "data", "again") == 0
    with open("out/saliency.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["net"] for row in rows] == ["tiny"] * 2 + ["tiny (2)"] * 2
    assert [row["faces"] for row in rows[:2]] == [row["faces"] for row in rows[2:]]


def test_nets_on_different_faces_are_refused(split, monkeypatch, capsys):
    make_weights(Path("tiny.caffemodel"))
    monkeypatch.setattr("tiny_dataset.FACES", 8)
    make_dataset(Path("fewer"))
    assert drawn(monkeypatch, *TWO_NETS.split(), "--data", "data", "fewer") == 1
    sentence = "fewer and data hold different faces or labels; give one dataset and"
    assert sentence in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--show", "1=F009_T1_1"], "has no face F009_T1_1"),
        (["--show", "12=F002_T1_1"], "F002_T1_1 does not show AU 12"),
        (["--show", "4=F001_T1_0"], "AU 4 is not among the dataset's AUs (1, 12)"),
        (["--split", "val"], "data has no split val"),
    ],
)
def test_what_is_not_there(split, monkeypatch, capsys, more, sentence):
    make_weights(Path("tiny.caffemodel"))
    assert drawn(monkeypatch, *more) == 1
    assert sentence in capsys.readouterr().err


def test_dead_net_is_named(split, monkeypatch, capsys):
    Path("net.prototxt").write_text(
        DEPLOY.replace('\nlayer { name: "prob"', DEAD + 'layer { name: "prob"')
    )
    make_weights(Path("tiny.caffemodel"))
    assert drawn(monkeypatch) == 1
    assert "the score of AU 1 has no gradient" in capsys.readouterr().err


def test_net_that_ends_otherwise(split, monkeypatch, capsys):
    Path("net.prototxt").write_text(DEPLOY.replace('"Sigmoid"', '"TanH"'))
    make_weights(Path("tiny.caffemodel"))
    assert drawn(monkeypatch) == 1
    assert "must end in one Sigmoid layer" in capsys.readouterr().err
