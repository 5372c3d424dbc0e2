"""Caffe's log: losses, learning rates, runs that were resumed, time left."""

from math import isnan

import pytest

from data_prep.base import UserError
from drml.caffe_log import parse, read_log, seconds_left

STAMP = "I1122 07:50:00.123456 4242 solver.cpp:239] "


def step(iteration, loss, rate="0.001"):
    return [
        f"{STAMP}Iteration {iteration} (2.5 iter/s, 4s/10 iters), loss = {loss}",
        f"{STAMP}    Train net output #0: loss = 99 (* 1 = 99 loss)",
        f"{STAMP}Iteration {iteration}, lr = {rate}",
    ]


def check_of(iteration, loss):
    return [
        f"{STAMP}Iteration {iteration}, Testing net (#0)",
        f"{STAMP}    Test net output #0: accuracy = 0.5",
        f"{STAMP}    Test net output #1: loss = {loss} (* 1 = {loss} loss)",
    ]


def test_one_run():
    lines = ['net: "x"', "random_seed: 7", *check_of(0, 8.5), *step(0, 8.25)]
    log = parse([*lines, *step(10, 6.5e-1, "1e-05"), *check_of(10, 5)])
    assert log.train_loss == {0: 8.25, 10: 0.65}
    assert log.test_loss == {0: 8.5, 10: 5.0}
    assert log.learning_rate == {0: 1e-3, 10: 1e-5}
    assert log.random_seed == 7
    assert log.last_iteration == 10


def test_resumed_run_replaces_what_it_does_again():
    first = [*check_of(0, 9), *step(0, 9), *step(10, 8), *check_of(20, 7), *step(20, 7)]
    first += step(30, 6)  # then killed; the newest snapshot is of iteration 20
    again = [*check_of(20, 5), *step(20, 4)]
    log = parse([*first, *again])
    assert log.train_loss == {0: 9, 10: 8, 20: 4}  # 30 is not reached again yet
    assert log.test_loss == {0: 9, 20: 5}


def test_resumed_where_the_log_ended():
    """The same iteration twice is tested anew, not added up."""
    log = parse([*step(0, 9), *check_of(10, 8), *check_of(10, 7)])
    assert log.test_loss == {10: 7.0}


def test_test_loss_is_the_weighted_sum():
    auxiliary = f"{STAMP}    Test net output #2: aux = 6 (* 0.5 = 3 loss)"
    assert parse([*check_of(0, 2), auxiliary]).test_loss == {0: 5.0}


def test_final_line_and_divergence():
    log = parse(
        [f"{STAMP}Iteration 30, loss = 1.5", *step(40, "nan"), *step(50, "-nan")]
    )
    assert log.train_loss[30] == 1.5
    assert isnan(log.train_loss[40])
    assert isnan(log.train_loss[50])


def test_read_log_names_a_file_that_is_no_log(tmp_path):
    file = tmp_path / "train.log"
    with pytest.raises(UserError, match=r"train\.log cannot be read"):
        read_log(file)
    file.write_text("hello\n")
    with pytest.raises(UserError, match=r"train\.log holds no loss"):
        read_log(file)
    file.write_text("\n".join(step(0, 1)))
    assert read_log(file).train_loss == {0: 1.0}


def test_seconds_left():
    line = step(40, 1)[0]
    assert seconds_left(line, 100) == pytest.approx(24)  # (100 - 40) / 2.5
    assert seconds_left(line, 40) == 0
    assert seconds_left(line.replace("2.5 iter", "0 iter"), 100) is None
    assert seconds_left(line.replace("2.5 iter", "7.01216e-31 iter"), 100) is None
    assert seconds_left(check_of(40, 1)[0], 100) is None
