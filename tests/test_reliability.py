"""The campaigns themselves: that they find what is wrong, and go on."""

import os
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "reliability"))
import fuzz
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


# As libFuzzer's: finds an input that is new to its corpus, and merges corpora.
FUZZER = """#!{python}
import pathlib, sys
words = [word for word in sys.argv[1:] if word[0] == "-"]
folders = [pathlib.Path(word) for word in sys.argv[1:] if word[0] != "-"]
seen = {{file.name for folder in folders for file in folder.iterdir()}}
if "-merge=1" in words:
    for file in folders[1].iterdir():
        (folders[0] / file.name).write_bytes(file.read_bytes())
elif "-runs=0" not in words:
    (folders[0] / str(len(seen))).write_text("new")
    print("#1\\tNEW\\n#7\\tDONE")
    used = sum(i for i in range(5 * 10**6))
"""


def fuzzing(folder, program, **options):
    options = {"seconds": 1, "jobs": 1, "targets": ["list"], "keep": True} | options
    defaults = {"once": False, "program": program, "out": folder}
    return fuzz.campaign(Namespace(**defaults | options))


def test_fuzzing_goes_on_from_what_is_kept(tmp_path, monkeypatch, capsys):
    program, seeds = tmp_path / "fuzzer", tmp_path / "seeds"
    program.write_text(FUZZER.format(python=sys.executable))
    program.chmod(0o755)
    (seeds / "list").mkdir(parents=True)
    (seeds / "list" / "plain").touch()
    monkeypatch.setattr(fuzz, "SEEDS", seeds)
    monkeypatch.setattr(fuzz, "KEPT", seeds / "kept")
    assert fuzzing(tmp_path / "one", program) == 0
    kept = fuzz.kept_runs().iloc[0]
    assert kept["seconds"] >= 1
    assert kept["executions"] % 7 == 0
    corpus = {file.name for file in (tmp_path / "one/list/corpus").iterdir()}
    assert len(corpus) == kept["executions"] // 7
    # Elsewhere it knows what was done, and begins with that corpus.
    archive = (seeds / "kept/list.tar.xz").read_bytes()
    assert fuzzing(tmp_path / "two", program, keep=False) == 0
    assert {file.name for file in (tmp_path / "two/list/corpus").iterdir()} == corpus
    assert fuzzing(tmp_path / "two", program, seconds=kept["seconds"] + 0.5) == 0
    assert fuzz.kept_runs().iloc[0]["executions"] > kept["executions"]
    assert (seeds / "kept/list.tar.xz").read_bytes() != archive
    assert fuzzing(tmp_path / "three", program, once=True, keep=False) == 0
    program.write_text(f"#!{sys.executable}\nraise SystemExit('a crash')")
    with pytest.raises(SystemExit, match="list: a crash"):
        fuzzing(tmp_path / "three", program, once=True)


# Each part is a test; part 1's says more, and ends otherwise.
RUNNER = """#!/bin/bash
echo $GTEST_SHARD_INDEX >> {folder}/calls
echo '[       OK ] a test'
echo '[  PASSED  ] 1 test.'
[ $GTEST_SHARD_INDEX != 1 ] || {{ cat {folder}/more; exit $(cat {folder}/status); }}
"""
LEAK = """
Direct leak of 80 byte(s) in 1 object(s) allocated from:
    #0 0x1 in operator new(unsigned long) (/test.testbin+0x1)
    #1 0x2 in std::vector<int>::push_back(int const&) /usr/include/c++/vector:1
    #2 0x3 in SomeTest() /caffe/{file}.cpp:27:24

SUMMARY: AddressSanitizer: 80 byte(s) leaked in 1 allocation(s).
"""
UPSTREAMS = LEAK.format(file="src/caffe/test/test_net")


class SanitizedTests:
    """The script, on a program that says and does what it is told."""

    def __init__(self, folder):
        self.folder = folder
        runner = folder / "test/test.testbin"
        runner.parent.mkdir()
        (folder / "caffe").mkdir()
        runner.write_text(RUNNER.format(folder=folder))
        runner.chmod(0o755)
        time.sleep(0.01)  # the parts are newer than the program

    def run(self, more, status):
        (self.folder / "more").write_text(more)
        (self.folder / "status").write_text(str(status))
        (self.folder / "calls").unlink(missing_ok=True)
        script = Path(__file__).parent / "reliability/sanitized_tests.sh"
        done = subprocess.run(
            [script, self.folder, "*"], env=os.environ | {"PARTS": "3", "JOBS": "1"},
            capture_output=True, text=True,
        )  # fmt: skip
        return done, (self.folder / "calls").read_text().split()


@pytest.fixture
def sanitized_tests(tmp_path):
    return SanitizedTests(tmp_path)


def test_sanitized_tests_go_on(sanitized_tests):
    find = "ERROR: AddressSanitizer: a find"
    done, calls = sanitized_tests.run(f"{find}\nSUMMARY: AddressSanitizer: a find\n", 1)
    assert done.returncode != 0
    assert find in done.stderr
    assert calls == ["0", "1", "2"]
    done, calls = sanitized_tests.run("", 0)
    assert (done.returncode, calls) == (0, ["1"]), done.stderr
    assert done.stdout.splitlines()[-1] == "3 tests passed"


@pytest.mark.parametrize(
    ("more", "status", "passes"),
    [
        (UPSTREAMS, 1, True),
        (LEAK.format(file="src/caffe/net"), 1, False),
        (UPSTREAMS + LEAK.format(file="src/caffe/net"), 1, False),
        (UPSTREAMS + "SUMMARY: UndefinedBehaviorSanitizer: a find\n", 0, False),
        ("SUMMARY: ThreadSanitizer: data race\n", 66, False),
        ("[  FAILED  ] 1 test, listed below:\n", 1, False),
        ("", 139, False),
    ],
)
def test_a_report_is_a_failure_but_for_leaks_of_upstreams_tests(
    sanitized_tests, more, status, passes
):
    done, _ = sanitized_tests.run(more, status)
    assert (done.returncode == 0) == passes, done.stderr


def test_sanitized_tests_that_do_not_end_have_not_passed(sanitized_tests):
    runner = sanitized_tests.folder / "test/test.testbin"
    runner.write_text("#!/bin/bash\necho a >> ../calls; echo '[       OK ] a test'\n")
    done, _ = sanitized_tests.run("", 0)
    assert done.returncode != 0
