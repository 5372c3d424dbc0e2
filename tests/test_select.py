"""drml select: which is chosen, going on, and what is not as it was."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import status_of
from tiny_dataset import DEPLOY
from training_left import make_training, snapshot

from drml.cli import select
from drml.evaluate.selection import Scored, best, ended_at

OUT = Path("out/selection.json")


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_training()


def selected(monkeypatch, *more):
    words = "--solver solver.prototxt --net net.prototxt --data data"
    return status_of("select", *words.split(), *more)


def recorded():
    return json.loads(OUT.read_text())


def scored(iteration, f1, auc=0.5):
    return Scored(iteration, f"{iteration}.caffemodel", "", f1, auc, 2)


def test_best_is_by_f1_then_auc_then_the_earlier():
    snapshots = [scored(30, 0.4, 0.9), scored(20, 0.5, 0.6), scored(10, 0.5, 0.7)]
    assert best(snapshots).iteration == 10
    assert best([*snapshots, scored(5, 0.5, 0.7)]).iteration == 5
    assert best([*snapshots, scored(40, 0.6, 0.1)]).iteration == 40


@pytest.mark.parametrize(
    ("f1", "patience", "end"),
    [
        ([0.5, 0.4, 0.4], 2, 30),
        ([0.5, 0.4, 0.4], 3, None),
        ([0.5, 0.4, 0.6, 0.6, 0.6], 2, 50),  # an equal one is no better
        ([0.5, 0.4, 0.4, 0.9], 2, 30),  # what came after does not count
        ([0.1, 0.2, 0.3], 1, None),
        ([], 1, None),
    ],
)
def test_patience(f1, patience, end):
    snapshots = [scored(10 * i, value) for i, value in enumerate(f1, 1)]
    assert ended_at(snapshots, patience) == end
    assert ended_at(snapshots[::-1], patience) == end


def test_scores_those_of_the_schedule_and_the_last(project, monkeypatch, capsys):
    snapshot(10, -1)  # calls nothing present: F1 is 0
    snapshot(17, 1)  # Ctrl-C's
    snapshot(20, 1)  # calls everything present
    snapshot(45, -2)
    assert selected(monkeypatch) == 0
    record = recorded()
    assert [s["iteration"] for s in record["snapshots"]] == [10, 20, 45]
    # AU 1: 6 of 11 present, AU 12: 4 of 8. All present: 2*6 / (6+11), 2*4 / (4+8).
    assert [s["f1"] for s in record["snapshots"]] == [
        0,
        pytest.approx((12 / 17 + 8 / 12) / 2),
        0,
    ]
    assert [s["auc"] for s in record["snapshots"]] == [0.5] * 3
    assert [s["aus"] for s in record["snapshots"]] == [2] * 3
    assert (record["chosen"], record["by"]) == (20, "f1")
    assert record["weights"] == "out/tiny_iter_20.caffemodel"
    table = capsys.readouterr().out
    assert "generated faces in BP4D's layout, fold 1, val split" in table
    assert table.splitlines()[5].split() == ["20", "68.6", "50.0", "chosen"]


def test_a_rerun_scores_only_what_is_new(project, monkeypatch, capsys):
    snapshot(10, 1)
    assert selected(monkeypatch) == 0
    first = capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setattr(select, "score", None)
        assert selected(monkeypatch) == 0
    assert capsys.readouterr().out == first

    snapshot(20, -1)
    counted = []
    score = select.score

    def counting(options, split, iteration, weights):
        counted.append(iteration)
        return score(options, split, iteration, weights)

    monkeypatch.setattr(select, "score", counting)
    assert selected(monkeypatch) == 0
    assert counted == [20]


def test_an_interrupted_run_keeps_what_it_scored(project, monkeypatch):
    snapshot(10, 1)
    snapshot(20, -1)
    score = select.score

    def stopping(options, split, iteration, weights):
        if iteration == 20:
            raise KeyboardInterrupt
        return score(options, split, iteration, weights)

    with monkeypatch.context() as patch:
        patch.setattr(select, "score", stopping)
        assert selected(monkeypatch) == 130
    assert [s["iteration"] for s in recorded()["snapshots"]] == [10]
    assert selected(monkeypatch) == 0
    assert [s["iteration"] for s in recorded()["snapshots"]] == [10, 20]


def test_a_changed_snapshot_is_named_and_scored_again(project, monkeypatch, capsys):
    snapshot(10, -1)
    snapshot(20, 1)
    assert selected(monkeypatch) == 0
    assert recorded()["chosen"] == 20
    snapshot(10, 1)
    snapshot(20, -1)
    assert selected(monkeypatch) == 0
    errors = capsys.readouterr().err
    assert "out/tiny_iter_10.caffemodel has changed since it was scored" in errors
    assert recorded()["chosen"] == 10


def test_a_snapshot_that_is_gone_is_named(project, monkeypatch, capsys):
    snapshot(10, -1)
    snapshot(20, 1)
    assert selected(monkeypatch) == 0
    before = recorded()
    Path("out/tiny_iter_10.caffemodel").unlink()
    assert selected(monkeypatch) == 0
    errors = capsys.readouterr().err
    assert "out/tiny_iter_10.caffemodel is gone; its score stands" in errors
    assert recorded() == before
    Path("out/tiny_iter_20.caffemodel").unlink()
    assert selected(monkeypatch) == 1
    assert "out/tiny_iter_20.caffemodel, the best of" in capsys.readouterr().err


def test_another_net_or_dataset_is_refused(project, monkeypatch, capsys):
    snapshot(10, 1)
    assert selected(monkeypatch) == 0
    Path("net.prototxt").write_text("# edited" + DEPLOY)
    assert selected(monkeypatch) == 1
    sentence = "out/selection.json was made with another fingerprint; choose another"
    assert sentence in capsys.readouterr().err
    assert selected(monkeypatch, "--limit", "6", "--out", "six.json") == 0
    assert selected(monkeypatch, "--out", "six.json") == 1
    assert "six.json was made with another dataset" in capsys.readouterr().err


def test_nothing_to_choose_from(project, monkeypatch, capsys):
    assert selected(monkeypatch) == 1
    assert "has left no snapshot (out/tiny_iter_45." in capsys.readouterr().err
    snapshot(10, 1)
    assert selected(monkeypatch, "--limit", "1") == 1  # its one face shows both AUs
    assert "there is no F1 to choose by" in capsys.readouterr().err
    assert not OUT.exists()


def test_a_diverged_snapshot_is_named_and_left_out(project, monkeypatch, capsys):
    snapshot(10, np.nan)
    assert selected(monkeypatch) == 1
    errors = capsys.readouterr().err
    assert "out/tiny_iter_10.caffemodel is left out: the net's prob of face" in errors
    assert "has left no snapshot to choose: all are named above" in errors
    assert not OUT.exists()
    snapshot(20, 1)
    assert selected(monkeypatch) == 0
    assert [s["iteration"] for s in recorded()["snapshots"]] == [20]
    snapshot(20, np.nan)
    snapshot(45, 1)
    assert selected(monkeypatch) == 0
    assert [s["iteration"] for s in recorded()["snapshots"]] == [45]


@pytest.mark.parametrize("content", ["[]", "{", '{"snapshots": [{"f1": 1}]}'])
def test_damaged_selection(project, monkeypatch, capsys, content):
    snapshot(10, 1)
    OUT.write_text(content)
    assert selected(monkeypatch) == 1
    assert "out/selection.json" in capsys.readouterr().err
