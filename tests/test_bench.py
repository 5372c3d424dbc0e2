"""The benchmark on the CPU, but for PyTorch's side, which each run of it checks."""

import csv
import io
import sys

import numpy as np
import pytest

from bench import comparison, cpu, network_times, zoo, zoo_training
from bench.caffe_engine import CaffeEngine
from bench.measure import Measure, Result, as_csv, in_turn, markdown, summarise
from bench.network_times import Times
from bench.variants import Variant, variants
from bench.worker import Worker
from data_prep.base import UserError, run

ENGINE = "bench.caffe_engine"
SLOW = Variant("looped", False, "eager")
FAST = Variant("grouped", True, "compiled")


def test_engines_take_turns_after_a_warm_up():
    calls = []

    def engine(name, milliseconds):
        return lambda count: calls.append((name, count)) or [milliseconds] * count

    times = in_turn({"a": engine("a", 3.0), "b": engine("b", 4.0)}, rounds=2)
    assert calls == [("a", 2), ("b", 2), *[("a", 1), ("b", 1)] * 2]
    assert {name: m.median for name, m in times.items()} == {"a": 3, "b": 4}


def test_spread_is_the_middle_half():
    # Quarters of 1 to 5 end at 2 and 4.
    assert summarise([5.0, 1.0, 3.0, 2.0, 4.0]) == Measure(3, 2)
    assert summarise([8.0]).median == 8
    assert np.isnan(summarise([8.0]).spread)
    assert Measure(8, 4).per(16) == Measure(0.5, 0.25)


def test_a_missed_ratio_is_bold():
    result = Result("A", "ms", Measure(3, 0.1), "B", Measure(4), at_most=0.5)
    header, _, line, _ = markdown([result]).split("\n")
    assert header.startswith("| what | unit | Caffe |")
    assert line == "| A | ms | 3 | 0.1 | B | 4 |  | **0.75** | 0.5 |"
    reached = Result("A", "ms", Measure(3, 0.1), "B", Measure(4), at_most=0.75)
    assert "| 0.75 | 0.75 |" in markdown([reached])
    (row,) = csv.DictReader(io.StringIO(as_csv([result])))
    assert (row["ratio"], row["theirs_spread"]) == ("0.75", "")


def test_the_fastest_formulation_counts():
    tried = {SLOW: Measure(2, 0), FAST: Measure(1, 0)}
    times = Times("drml", "train", tried, ours=Measure(0.6, 0), theirs=Measure(1.2, 0))
    result = times.result()
    assert result.against == "PyTorch: grouped, channels last, compiled"
    assert (result.what, result.ratio) == ("DRML, training iteration", 0.5)
    assert result.at_most == 0.45


def test_only_drml_has_a_region_layer_to_formulate():
    assert len(variants("drml")) == 8
    assert {v.region for v in variants("drml")} == {"grouped", "looped"}
    assert [str(v) for v in variants("convnet")][-1] == "channels last, compiled"


def test_what_differs_is_named():
    ours = {"scores": np.array([3.0, 4.0]), "fc8, change": np.array([0.0, 1.0])}
    theirs = {"scores": np.array([3.0, 4.0004]), "fc8, change": np.array([0.0, 1.005])}
    errors = comparison.differences(ours, theirs)
    assert errors == pytest.approx({"scores": 8e-5, "fc8, change": 5e-3})  # 4e-4 / 5
    assert comparison.judge("drml", errors) == errors["scores"]
    assert comparison.judge("drml", errors | {"fc8, bias gradient": 3e-3}) == 3e-3
    for name, error in [
        ("scores", 2e-4),
        ("fc8, change", 0.03),
        ("fc8, gradient", 0.03),
        ("scores", np.nan),
    ]:
        with pytest.raises(UserError, match=f"drml.* in {name} by"):
            comparison.judge("drml", errors | {name: error})


def test_caffes_engine_trains_and_scores():
    engine = CaffeEngine()
    rng = np.random.default_rng(1)
    faces = rng.normal(0, 0.25, (2, 3, 170, 170)).astype(np.float32)
    start, result, end = engine.train("convnet", faces, np.float32([[1, -1] * 6] * 2))
    for name, (weight, bias) in start.items():
        assert np.array_equal(result[f"{name}, change"], end[name][0] - weight)
        assert np.array_equal(result[f"{name}, bias change"], end[name][1] - bias)
        assert result[f"{name}, gradient"].shape == weight.shape
        assert result[f"{name}, change"].any()
    # Its gradient goes on much as it began: the bias, at twice the rate of 0.001, is
    # moved by it once, and 1.9 times with the momentum.
    first = -0.002 * 2.9 * result["output, bias gradient"]
    assert result["output, bias change"] == pytest.approx(first, rel=0.3)
    scores = engine.score(faces)
    assert scores.shape == (2, 12)
    assert not np.allclose(scores, 1 / (1 + np.exp(-result["scores"])))  # it learned


def test_a_net_of_a_zoo_trains():
    engine = CaffeEngine()
    rng = np.random.default_rng(1)
    images = rng.normal(0, 1, (1, 3, 224, 224)).astype(np.float32)
    parameters, results = engine.prepare_zoo("mobilenet", images, np.float32([7]))
    described = {
        layer["name"]: layer["type"] for layer in zoo.described("mobilenet", 1)
    }
    learning = {"Convolution", "Scale", "InnerProduct"}
    assert parameters.keys() == {n for n, t in described.items() if t in learning}
    scores, one = results["scores"], zoo_training.joined(results)
    assert results["loss"] == pytest.approx(np.log(np.exp(scores).sum()) - scores[0, 7])
    assert one["gradient"].size == sum(p.size for ps in parameters.values() for p in ps)
    assert one["gradient"].any()
    engine.iteration()
    scores_after = engine.prepare_zoo("mobilenet", images, np.float32([7]))[1]["scores"]
    assert np.array_equal(scores_after, scores)  # it begins anew, from the same weights


def test_a_worker_returns_results_and_says_what_failed():
    with Worker(sys.executable, ENGINE) as engine:
        engine("prepare", network="convnet", phase="test", batch=1)
        times = engine("iterate", count=2)
        assert len(times) == 2
        assert min(times) > 0
        assert engine("peak_memory") > 50
        with pytest.raises(UserError, match="engine failed in prepare: KeyError"):
            engine("prepare", network="none", phase="test", batch=1)
        engine._process.kill()
        with pytest.raises(UserError, match="ended with status -9 in iterate"):
            engine("iterate", count=1)
        assert engine("peak_memory") > 50  # of a new process


def test_a_worker_that_takes_too_long_is_ended():
    with Worker(sys.executable, ENGINE, limit=0.01) as engine:
        with pytest.raises(UserError, match=r"took more than 0\.01 s in peak_memory"):
            engine("peak_memory")
        engine.limit = None
        assert engine("peak_memory") > 50


def interrupted(engine, started):
    engine("peak_memory")
    started.append(engine._process)
    raise KeyboardInterrupt


def test_an_interrupted_bench_leaves_no_worker():
    started = []
    with pytest.raises(KeyboardInterrupt), Worker(sys.executable, ENGINE) as engine:
        interrupted(engine, started)
    assert started[0].poll() is not None


def test_without_pytorch_it_says_how_to_get_it(tmp_path, monkeypatch, capsys):
    command = ["cpu.py", "--out", str(tmp_path), "--peer", str(tmp_path / "python")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as end:
        run(cpu.main)
    assert end.value.code == 1
    assert "`make bench` installs PyTorch" in capsys.readouterr().err


def test_tables_are_written(tmp_path, monkeypatch, capsys):
    times = [
        Times("convnet", phase, {FAST: Measure(2, 0)}, Measure(3, 0), Measure(2, 0))
        for phase in network_times.PHASES
    ]
    monkeypatch.setattr(cpu, "time_networks", lambda *_: iter(times))
    command = ["cpu.py", "--out", str(tmp_path / "out"), "--peer", sys.executable]
    monkeypatch.setattr(sys, "argv", [*command, "--networks", "convnet"])
    cpu.main()
    text = (tmp_path / "out" / "cpu.md").read_text()
    assert "| ConvNet, scoring | ms a face | 3 | 0 | PyTorch: grouped" in text
    assert "| ConvNet, scoring | grouped, channels last, compiled | 2.0 |" in text
    assert len((tmp_path / "out" / "cpu.csv").read_text().splitlines()) == 3
    assert text in capsys.readouterr().out
