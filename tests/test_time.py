"""drml time: what a trial counts, and the table beside the paper's."""

import csv
from pathlib import Path

import numpy as np
import pytest
from command import status_of

from drml.nets import timing
from drml.report.paper import Time


def test_the_first_iteration_does_not_count(monkeypatch):
    clock, done = [0.0], []

    def iterate():
        done.append(1)
        clock[0] += 100 if len(done) == 1 else 0.002 * len(done)

    monkeypatch.setattr(timing, "perf_counter", lambda: clock[0])
    # Iterations 2 and 3 take 4 and 6 ms, 4 and 5 take 8 and 10.
    assert list(timing.time_trials(iterate, 2, 2)) == pytest.approx([5, 9])


def test_mean_and_deviation():
    # Deviations of -2, 0, 2: sqrt(8 / 2).
    assert timing.summarise([3.0, 5.0, 7.0]) == (5, 2)
    assert np.isnan(timing.summarise([3.0]).std)


def test_a_training_iteration_learns(monkeypatch):
    """It moves every layer's weights, so backward pass and update are in it."""
    made, make = [], timing.sgd_solver
    monkeypatch.setattr(
        timing, "sgd_solver", lambda net: made.append(make(net)) or made[0]
    )
    iterate = timing.training("convnet", 2)
    (solver,) = made
    before = {n: blobs[0].data.copy() for n, blobs in solver.net.params.items()}
    iterate()
    assert solver.iter == 1
    assert solver.net.blobs["data"].data.shape == (2, 3, 170, 170)
    for name, blobs in solver.net.params.items():
        assert not np.array_equal(blobs[0].data, before[name]), name


def test_a_test_iteration_scores_the_batch():
    prob = timing.scoring("convnet", 2)()
    assert prob.shape == (12,)
    assert ((prob > 0) & (prob < 1)).all()
    assert len(set(prob)) == 12  # of random weights


def timed(monkeypatch, *more):
    return status_of("time", "--out", "out", *more)


TIMES = {  # what the stand-in for measuring returns
    ("convnet", "train"): Time(100, 1),
    ("convnet", "test"): Time(40, 1),
    ("drml", "train"): Time(250, 2),
    ("drml", "test"): Time(60, np.nan),
}


@pytest.fixture
def measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "drml.cli.time.measure", lambda network, phase, _: TIMES[network, phase]
    )


def test_table_stands_beside_the_papers(measured, monkeypatch, capsys):
    options = ["--networks", "convnet", "drml", "--hardware", "an abacus"]
    assert timed(monkeypatch, *options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("train: ms an iteration, batch 8, on an abacus")
    assert "Tesla K40c" in lines[0]
    # 250 / 100; in the paper 19.1 / 6.4.
    assert lines[4].split() == ["ConvNet", *"100.0 1.0 1.00 6.4 0.003 1.00".split()]
    assert lines[5].split() == ["DRML", "250.0", "2.0", "2.50", "19.1", "0.001", "2.98"]
    assert lines[-2].split() == ["DRML", *"60.0 1.50 12.1 0.003 3.67".split()]
    rows = list(csv.DictReader(Path("out/running_time.csv").read_text().splitlines()))
    assert (rows[3]["network"], rows[3]["phase"]) == ("DRML", "test")
    assert float(rows[3]["ratio"]) == 1.5
    assert float(rows[3]["paper_ratio"]) == pytest.approx(12.1 / 3.3)
    assert rows[3]["std_ms"] == ""


def test_without_convnet_there_is_no_ratio(measured, monkeypatch, capsys):
    assert timed(monkeypatch, "--networks", "drml") == 0
    row = capsys.readouterr().out.splitlines()[4].split()
    assert row == ["DRML", "250.0", "2.0", "19.1", "0.001", "2.98"]
