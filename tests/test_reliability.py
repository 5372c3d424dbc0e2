"""The campaigns themselves: that they find what is wrong, and go on."""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "reliability"))
import kills
import soak
import stages

# Writes a file, by halves; where it is there already, it goes on or is done.
HALVES = """
import pathlib, sys, time
file, unfinished = pathlib.Path("whole"), pathlib.Path(sys.argv[1])
if not file.exists():
    with unfinished.open("w") as out:
        out.write("half")
        out.flush()
        time.sleep(0.5)
        out.write(" and half")
    unfinished.rename(file)
"""


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Of a campaign on one command; its word is where it writes to."""

    def of(unfinished):
        stage = stages.Stage("halves", (unfinished,))
        monkeypatch.setattr(kills, "STAGES", (stage,))
        work = {"work": tmp_path / unfinished, "csv": tmp_path / f"{unfinished}.csv"}
        return Namespace(how=["kill"], stage=["halves"], count=3, seed=1, **work)

    monkeypatch.setattr(stages, "DRML", (sys.executable, "-c", HALVES))
    monkeypatch.setattr(kills, "make_inputs", lambda work: None)
    return of


def test_a_result_that_stays_half_is_found(options, capsys):
    assert kills.campaign(options("whole")) == 1
    (row,) = [r for r in kills.rows(options("whole").csv) if r["fault"]][:1]
    assert row["fault"] == "differs: whole"
    assert row["status"] == "-9"


def test_a_campaign_goes_on_and_counts(options, capsys):
    chosen = options("part")
    assert kills.campaign(chosen) == 0
    before = chosen.csv.read_text()
    assert len(before.splitlines()) == 4
    chosen.count = 4
    assert kills.campaign(chosen) == 0
    assert chosen.csv.read_text().startswith(before)
    assert len(chosen.csv.read_text().splitlines()) == 5
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split() == ["kill", "halves", "4", "4", "0"]


@pytest.mark.parametrize(("a_minute", "flat"), [(0, True), (0.2, True), (3, False)])
def test_memory_that_rises_is_not_flat(a_minute, flat):
    rng = np.random.default_rng(0)
    warm = np.minimum(np.arange(1000), 150)  # rises at first, as caches fill
    mib = 100 + warm + a_minute * np.arange(1000) / 60 + rng.normal(0, 1, 1000)
    samples = [soak.Sample("train", 1, i, m, i) for i, m in enumerate(mib)]
    verdict = soak.judge(samples)
    assert verdict.flat == flat
    assert verdict.rise == pytest.approx(a_minute * 800 / 60, abs=1)
    assert soak.judge(samples[:20]).rise is None
    assert soak.draw([verdict]).startswith(b"\x89PNG")
