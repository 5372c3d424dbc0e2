"""The benchmark on a GPU: what is kept, the tables, and where it cannot run."""

import csv
import io
import subprocess
import sys

import pytest

from bench import floors, gpu
from bench.gpu_measure import (
    COPY,
    NETWORKS,
    PRECISIONS,
    PRODUCT,
    WEIGHTS,
    Bench,
    Store,
    cases,
)
from bench.gpu_results import Table
from bench.measure import Measure
from bench.variants import HOW, variants
from data_prep.base import UserError, run

# 2 GiB are moved at 2 GB a millisecond, multiplied is at 10^12 operations.
RATES = {COPY: [1.073741824, 0], PRODUCT: [1.099511627776, 0]}


def plan(*networks: str, precisions=("FP32",)) -> list:
    return list(cases(precisions, networks, "cuda"))


def rates(precision: str = "FP32") -> dict:
    return {f"{precision}, {what}": value for what, value in RATES.items()}


def rows(table: Table) -> dict[str, dict]:
    return {row["against"]: row for row in csv.DictReader(io.StringIO(table.csv()))}


def test_what_matters_most_comes_first():
    first, second, *others = cases(list(PRECISIONS), NETWORKS, "cuda")
    assert str(first) == "FP32, DRML, training iteration"
    assert str(second) == "FP32, region layer alone, forward and backward"
    assert len(others) == 2 * 9 - 2
    assert [s.on.tf32 for s in [first, second, *others]] == [False] * 9 + [True] * 9


def test_every_formulation_is_tried_on_a_gpu_the_slow_to_compile_last():
    tried = variants("region", "cuda")
    assert len(set(tried)) == 16
    assert [v.how for v in tried[::4]] == list(HOW)
    assert {v.how for v in variants("drml")} == {"eager", "compiled"}
    assert [v.region for v in variants("lcn", "cuda")] == [""] * 8


def test_measurements_are_kept_and_not_taken_again(tmp_path):
    path, calls = tmp_path / "out" / "kept.json", []

    def measure():
        calls.append(1)
        return Measure(2.5, 0.5)

    Store(path, {"card": "A"}).once("x", measure)
    again = Store(path, {"card": "A"})
    again.once("x", measure)
    assert again.values == {"x": [2.5, 0.5]}
    assert len(calls) == 1
    with pytest.raises(UserError, match=r"another card \(A, now B\); give another"):
        Store(path, {"card": "B"})


def test_rows_stand_as_soon_as_both_sides_are_known():
    (case,) = plan("drml")[:1]
    eager, *_, autotuned = case.variants
    values = rates() | {case.key("Caffe"): [30, 1]}
    table = Table([case], values, 128)
    assert rows(table) == {}
    values[case.key(autotuned)] = "took more than 300 s in iterate | sorry"
    values[case.key(eager)] = [40, 2]
    (row,) = rows(table).values()
    assert row["what"] == "FP32: DRML, training iteration, batch 128"
    assert row["against"] == "PyTorch: grouped, channels first, eager"
    assert (row["ratio"], row["at_most"]) == ("0.75", "0.8")
    text = table.markdown()
    assert f"| {case} | {autotuned} | took more than 300 s in iterate / sorry |" in text
    assert f"| {case} | {eager} | 40 |" in text
    assert text.count("| not yet |") == 14


def test_drml_is_compared_with_convnet_at_the_same_precision():
    fp32, tf32 = (
        next(s for s in plan("drml", precisions=[p]) if s.phase == "test")
        for p in PRECISIONS
    )
    convnet = plan("convnet")[1]
    values = rates() | rates("TF32")
    values |= {fp32.key("Caffe"): [8, 0], tf32.key("Caffe"): [2, 0]}
    values |= {convnet.key("Caffe"): [4, 0]}
    (row,) = rows(Table([fp32, tf32], values, 128)).values()
    assert row["what"] == "FP32: DRML, scoring, batch 128"
    assert (row["against"], row["ratio"]) == ("Caffe: ConvNet", "2.0")
    assert "| **2** | 1.5 |" in Table([fp32, tf32], values, 128).markdown()


def test_floors():
    rates = floors.SIZES["cuda"].rates(Measure(4), Measure(2))
    # 2 x 1 GiB in 4 ms; 2 x 8192^3 operations in 2 ms.
    assert rates == (2**29, 8192**3)
    slow_memory = floors.Rates(bytes=1e6, operations=1e12)
    # 5 passes of 32 x 160 x 160 floats.
    assert floors.region(slow_memory, 2) == ("memory", Measure(2 * 16.384))
    slow_arithmetic = floors.Rates(bytes=1e12, operations=1e9)
    # 472 million operations forward, twice that backward.
    bound, floor = floors.region(slow_arithmetic, 2)
    assert (bound, floor.median) == ("arithmetic", pytest.approx(2 * 3 * 0.4718592))
    # 44 bytes a weight, or 4.5 GFLOP a face.
    assert floors.lcn(slow_memory, 1, 10**9) == ("memory", Measure(44_000))
    bound, floor = floors.lcn(slow_arithmetic, 128, 293_020_364)
    assert (bound, floor.median) == ("arithmetic", pytest.approx(576, abs=1))


def test_the_region_layer_and_lcn_stand_beside_their_floors():
    region, lcn = plan("region")[0], plan("lcn")[0]
    values = rates() | {WEIGHTS: 293_020_364}
    values |= {region.key("Caffe"): [1, 0], lcn.key("Caffe"): [4, 0]}
    found = rows(Table([region], values, 128))
    lcn_rows = rows(Table([lcn], values, 128))
    # 128 x 16.4 MB take longer than 128 x 1.4 GFLOP; 44 bytes a weight.
    memory = found["the least time, of memory"]
    assert float(memory["theirs"]) == pytest.approx(128 * 16.384e6 / 2e9)
    weights = lcn_rows["the least time, of memory"]
    assert float(weights["theirs"]) == pytest.approx(293_020_364 * 44 / 2e9)
    assert weights["at_most"] == "2"


def test_the_region_layer_s_floor_is_fp32_s_with_tf32_too():
    (region,) = plan("region", precisions=["TF32"])
    values = rates() | {region.key("Caffe"): [1, 0]}
    assert "the least time, of memory" in rows(Table([region], values, 128))


class FakePeer:
    """PyTorch that takes 10 ms for 5 iterations, and cannot compile."""

    stopped = 0

    def stop(self):
        self.stopped += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __call__(self, function, variant=None, **what):
        if variant and variant.how != "eager":
            raise UserError("no compiler")
        return {"iterate": [10.0], "weights": 7}.get(function)


def test_a_formulation_that_fails_ends_nothing(tmp_path, monkeypatch):
    peer = FakePeer()
    monkeypatch.setattr(Bench, "peer", lambda self: peer)
    monkeypatch.setattr("bench.gpu_measure.check", lambda *_, **__: 1e-6)
    monkeypatch.setattr(
        "bench.program.Program._run", lambda self, *options: "3\n2\n7\n"
    )
    (tmp_path / "convnet_train.prototxt").write_text("")
    bench = Bench(tmp_path, tmp_path, tmp_path, 128, iterations=5, rounds=3, limit=1)
    store = Store(tmp_path / "kept.json", {})
    case = plan("convnet")[0]
    assert len(list(bench.measure(case, store, "eager"))) == 1 + 2
    assert all(
        v.how == "eager" or case.key(v) not in store.values for v in case.variants
    )
    for how in list(HOW)[1:]:
        assert len(list(bench.measure(case, store, how))) == 1 + 2
    assert store.values[case.key("Caffe")] == (3, 2.5)
    eager, *_, compiled = case.variants
    assert store.values[case.key(eager)] == (2, 0)
    assert store.values[case.key(compiled)] == "no compiler"
    assert peer.stopped == 6


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ("program", "make portable builds it"),
        ("nets", "bench.make_nets writes it"),
        ("peer", "give a Python that has PyTorch"),
        (None, "has no PyTorch; name one that has: --peer"),
    ],
)
def test_what_is_missing_is_said(tmp_path, monkeypatch, capsys, missing, remedy):
    there = dict(program=tmp_path, nets=tmp_path, peer=sys.executable)
    if missing:
        there[missing] = tmp_path / "none"
    paths = [part for name, path in there.items() for part in (f"--{name}", str(path))]
    command = ["gpu.py", "--out", str(tmp_path / "out"), *paths]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as end:
        run(gpu.main)
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(remedy)


def test_a_python_without_numpy():
    command = [sys.executable, "-S", gpu.__file__, "--out", "out"]
    run = subprocess.run(command, capture_output=True, text=True)
    (line,) = run.stderr.splitlines()
    assert "has no numpy; call it by a Python that has numpy and PyTorch" in line
    assert run.returncode == 1
