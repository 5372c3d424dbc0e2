"""Learning itself: a short seeded training against what it gave (expected.toml)."""

import json
import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from command import ROOT, drml

from drml.nets.deploy import load_net
from drml.nets.log import read_log
from drml.nets.pycaffe import caffe
from drml.reproduce.protocol import SHORT_TRAINING

EXPECTED = tomllib.loads(Path(__file__).with_name("expected.toml").read_text())
DISPLAYS = 5  # the last ones, whose mean is the final loss


class Trained(NamedTuple):
    net: caffe.Net
    losses: list[float]  # as displayed, each the mean since the one before
    evaluation: dict


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A fold of generated faces."""
    out = tmp_path_factory.mktemp("faces")
    drml("generate", out / "faces", *EXPECTED["faces"].split())
    drml("import", "bp4d", out / "faces", "--out", out, *EXPECTED["import"].split())
    return out / "fold1"


def train(data, out, seed=1, *more):
    """Train DRML; returns its last weights."""
    drml(
        "prototxt", "--network", "drml", "--data", data, "--out", out,
        "--snapshot-prefix", out / "drml", "--seed", seed,
        *SHORT_TRAINING.read_text().split(), *EXPECTED["training"].split(), *more,
    )  # fmt: skip
    drml(
        "train", out / "drml_solver.prototxt", "--log", out / "train.log",
        "--caffe", ROOT / "build/bin/caffe",
    )  # fmt: skip
    (weights,) = out.glob("drml_iter_*.caffemodel")
    for state in out.glob("*.solverstate"):  # 455 MB
        state.unlink()
    return weights


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("drml")
    weights = train(data, out)
    drml(
        "evaluate", "--net", out / "drml_deploy.prototxt", "--data", data,
        "--weights", weights, "--out", out,
    )  # fmt: skip
    return Trained(
        net=load_net(out / "drml_deploy.prototxt", weights),
        losses=list(read_log(out / "train.log").train_loss.values()),
        evaluation=json.loads((out / "evaluation.json").read_text()),
    )


def test_training_loss(trained):
    assert np.mean(trained.losses[-DISPLAYS:]) == pytest.approx(**bounds("loss"))


@pytest.mark.parametrize("measure", ["f1", "auc"])
def test_average_over_aus(trained, measure):
    assert trained.evaluation["average"]["aus"] == 12
    assert trained.evaluation["average"][measure] == pytest.approx(**bounds(measure))


@pytest.mark.parametrize("au", EXPECTED["least_auc"])
def test_aus_that_are_learned_first(trained, au):
    """An AU learned upside down has an AUC as far below 0.5 as it should be above."""
    auc = {str(row["au"]): row["auc"] for row in trained.evaluation["aus"]}
    assert auc[au] > EXPECTED["least_auc"][au]


@pytest.mark.parametrize("layer", EXPECTED["weights"])
def test_each_layer_learns(trained, layer):
    """Without a gradient weights only decay, and biases stay 0."""
    weights, biases = (blob.data for blob in list(trained.net.params[layer])[:2])
    size, relative = EXPECTED["weights"][layer], EXPECTED["weights_relative"]
    assert root_mean_square(weights) == pytest.approx(size, rel=relative)
    assert root_mean_square(biases) == pytest.approx(**bounds("biases"))


def root_mean_square(values):
    return np.sqrt(np.mean(np.square(values)))


def bounds(measure):
    """The keywords of pytest.approx."""
    return {"expected": EXPECTED[measure][0], "abs": EXPECTED[measure][1]}


def test_same_seed_same_weights(data, tmp_path):
    def bytes_of(name, seed):
        more = ("--max-iter", 3, "--batch", 2)
        return train(data, tmp_path / name, seed, *more).read_bytes()

    first = bytes_of("first", 1)
    assert bytes_of("again", 1) == first
    assert bytes_of("other", 2) != first
