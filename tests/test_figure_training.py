"""drml figure training and drml figure signal: curves, and why a plateau."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import status_of
from tiny_dataset import SIZE, make_dataset, make_weights

from data_prep.face_lmdb import read_faces
from data_prep.network_input import read_mean

LOG = """\
I] Iteration 0 (0 iter/s, 0s/20 iters), loss = 8.3
I] Iteration 0, lr = 0.001
I] Iteration 20 (2 iter/s, 10s/20 iters), loss = 7.5
I] Iteration 20, Testing net (#0)
I]     Test net output #0: loss = 6.9 (* 1 = 6.9 loss)
"""
NET = f"""
layer {{ name: "data" type: "MultilabelData" top: "data" top: "label"
  data_param {{ source: "data/train_lmdb" batch_size: 2 backend: LMDB }}
  transform_param {{ scale: 0.02 crop_size: {SIZE} mean_file: "data/mean.binaryproto" }}
}}
layer {{ name: "output" type: "InnerProduct" bottom: "data" top: "output"
  inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "MultilabelSigmoidCrossEntropyLoss"
  bottom: "output" bottom: "label" top: "loss" }}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_dataset(Path("data"), split="train")
    return tmp_path


def rows(file: str) -> list[dict]:
    return list(csv.DictReader(Path(file).open()))


def test_curves_are_the_logs(project):
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "train.log").write_text(LOG)
    assert status_of("figure", "training", "A=one/train.log", "two/train.log",
                     "--out", "figures") == 0  # fmt: skip
    written = rows("figures/training.csv")
    assert [row["training"] for row in written] == ["A", "A", "two", "two"]
    assert written[1] == {
        "training": "A",
        "iteration": "20",
        "train_loss": "7.5",
        "test_loss": "6.9",
        "learning_rate": "",
    }
    assert cv2.imread("figures/training.png").std() > 0


def test_two_trainings_of_one_name_are_refused(project, capsys):
    Path("train.log").write_text(LOG)
    assert status_of("figure", "training", "A=train.log", "A=train.log",
                     "--out", "figures") == 1  # fmt: skip
    assert "two trainings are called A; name them" in capsys.readouterr().err
    assert not Path("figures").exists()


def half_of(x, y, weight) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and weight gradient, each AU's bias found by bisection."""
    scores, known = x @ weight.T, y != 0
    for au in range(2):
        rate, low, high = (y[:, au] > 0).sum() / known[:, au].sum(), -50, 50
        for _ in range(60):
            bias = (low + high) / 2
            said = 1 / (1 + np.exp(-scores[:, au] - bias))
            low, high = (
                (bias, high) if said[known[:, au]].mean() < rate else (low, bias)
            )
        scores[:, au] += bias
    error = (1 / (1 + np.exp(-scores)) - (y > 0)) * known
    return scores, error.T @ x / len(x)


def test_signal_of_a_linear_net(project, capsys):
    """Two halves of 4 faces: every other batch of 2, as numpy computes them."""
    Path("net.prototxt").write_text(NET)
    weight, _ = make_weights(Path("w.caffemodel"), (2, 3 * SIZE * SIZE), "output")
    words = ("figure", "signal", "tiny=net.prototxt,w.caffemodel", "--out", "figures")
    assert status_of(*words, "--batch", "2", "--batches", "4") == 0
    (row,) = rows("figures/signal.csv")

    found = list(read_faces(Path("data/train_lmdb")))[:8]
    mean = read_mean(Path("data/mean.binaryproto"))
    faces = np.stack([face.transpose(2, 0, 1) - mean for _, face, _ in found])
    x = 0.02 * faces.reshape(8, -1).astype(float)
    y = np.stack([labels for _, _, labels in found])
    halves = [np.array([0, 1, 4, 5]), np.array([2, 3, 6, 7])]
    (scores, a), (_, b) = (half_of(x[half], y[half], weight) for half in halves)
    assert float(row["saved"]) == pytest.approx(0.01 * (a * b).sum(), rel=1e-3)
    size = np.sqrt(((a + b) ** 2).mean()) / 2
    assert float(row["gradient"]) == pytest.approx(size, rel=1e-3)
    assert float(row["between_faces"]) == pytest.approx(  # of the first half
        np.sqrt(scores.var(0, ddof=1).mean()), rel=1e-3
    )
    assert row["faces"] == "8"
    assert "(the base rates'); at that pace the loss is 5% lower" in (
        capsys.readouterr().out
    )
    assert cv2.imread("figures/signal.png").std() > 0


def test_a_net_without_scores_is_refused(project, capsys):
    Path("net.prototxt").write_text(NET.replace('"output"', '"fc"'))
    assert status_of("figure", "signal", "net.prototxt", "--out", "figures") == 1
    assert "net.prototxt must have the blobs data, label and output" in (
        capsys.readouterr().err
    )
