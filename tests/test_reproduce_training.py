"""make reproduce: which files of a training are wanted, and what it was computed by."""

import json
import os
from pathlib import Path

import pytest

from drml.reproduce.estimate import Estimate
from drml.reproduce.ledger import Ledger, finished_steps
from drml.reproduce.step import Step, Work
from drml.reproduce.verdict import State, judge, judge_all

OUT = Path("out")


def training(**more):
    return Step(
        "train", "", ("train.py",), ("out/i_*.model",), leaves=("out/train.log",),
        scrap=("out/i_*.state",), kept="{out/selection.json:weights}", **more,
    )  # fmt: skip


def report():
    return Step("report", "", ("r",), ("out/r.html",), joins=True,
                reads=(OUT / "train.log",))  # fmt: skip


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """A finished training of two snapshots, the second chosen, and its report."""
    monkeypatch.chdir(tmp_path)
    ledger = Ledger(OUT, {})
    ledger.start(training(engine="oneDNN"))
    for age, number in enumerate((9, 10)):
        (OUT / f"i_{number}.model").write_text(f"{number}")
        state = OUT / f"i_{number}.state"
        state.touch()
        os.utime(state, (age, age))
    (OUT / "train.log").write_text("loss = 1")
    ledger.finish(training(engine="oneDNN"))
    (OUT / "selection.json").write_text(json.dumps({"weights": "out/i_10.model"}))
    ledger.start(report())
    (OUT / "r.html").touch()
    ledger.finish(report())
    return ledger


def faults(ledger, **more):
    return judge(training(**({"engine": "oneDNN"} | more)), ledger).faults


def test_the_newest_solver_state_is_kept(ledger):
    assert [state.name for state in OUT.glob("*.state")] == ["i_10.state"]


def test_a_snapshot_that_was_not_chosen_may_be_deleted(ledger):
    (OUT / "i_9.model").unlink()
    assert faults(ledger) == []


def test_a_snapshot_that_changed_is_named_whether_chosen_or_not(ledger):
    (OUT / "i_9.model").write_text("other")
    (fault,) = faults(ledger)
    assert fault == "out/i_9.model has changed since the step train made it"


@pytest.mark.parametrize(("lost", "known"), [("10", True), ("9", False)])
def test_a_snapshot_that_may_be_chosen_is_missed(ledger, lost, known):
    (OUT / f"i_{lost}.model").unlink()
    if not known:
        (OUT / "selection.json").unlink()
    (fault,) = faults(ledger)
    assert fault == f"out/i_{lost}.model, which the step train made, is missing"


@pytest.mark.parametrize("how", ["edited", "deleted", "put back"])
def test_a_log_concerns_the_report_only(ledger, how):
    log = OUT / "train.log"
    log.write_text("loss = 2") if how == "edited" else log.unlink()
    if how == "put back":
        ledger.start(report())
        ledger.finish(report())
        assert judge(report(), ledger).state is State.DONE
        log.write_text("loss = 1")
    judged = judge(report(), Ledger(OUT, {}))
    assert (judged.state, judged.faults) == (State.STALE, [])
    assert judge(training(engine="oneDNN"), ledger).state is State.DONE


def test_another_engine_is_named(ledger):
    assert faults(ledger, engine="CUDA") == [
        "the step train was computed by oneDNN, now it is CUDA"
    ]
    times = {"joins": True, "engine": "CUDA"}  # of Table 4
    assert faults(ledger, **times) == faults(ledger, engine="CUDA")


def test_what_a_redo_removed_is_not_missed(ledger):
    select = Step(
        "select", "", ("s",), ("out/selection.json",), (training(),)
    )  # fmt: skip
    steps = [training(engine="oneDNN"), select]
    ledger.start(select)
    ledger.finish(select)
    states = {"wiped": State.STALE, "begun": State.OPEN}
    ledger.wipe(steps[0])
    for how, state in states.items():
        if how == "begun":
            ledger.start(steps[0])
        verdicts = judge_all(steps, ledger)
        assert verdicts["train"].state is state
        assert verdicts["select"].state is State.STALE
        assert verdicts["train"].faults + verdicts["select"].faults == []
        assert {"train", "select"} <= finished_steps(OUT).keys()


def test_an_interrupted_removal_is_taken_up_again(ledger):
    """A training must not go on from the snapshots of an older one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", None)
        with pytest.raises(TypeError):
            ledger.wipe(training())
    assert (OUT / "i_10.state").exists()
    assert judge(training(), ledger).state is State.STALE


def test_joint_results_made_with_another_setting_are_a_question(ledger):
    def times(*words):
        command = ("t", "--networks", *words)
        fixed = ("--trials",)
        return Step("t", "", command, ("out/r.html",), joins=True, fixed=fixed)

    ledger.start(times("drml", "--trials", "5"))
    ledger.finish(times())
    judged = judge(times("drml", "lcn", "--trials", "5"), ledger)
    assert (judged.state, judged.faults) == (State.STALE, [])
    judged = judge(times("drml", "lcn", "--trials", "6"), ledger)
    assert judged.faults == ["the step t was run with --trials 5, now it is 6"]


def lasting(ledger, **more):
    step = training(**({"engine": "oneDNN", "work": (Work("drml", 80),)} | more))
    return Estimate(ledger, [step], 8, "a K40c").seconds(step)


def test_a_training_takes_as_long_as_all_the_runs_it_was_done_in(ledger):
    step = training(engine="oneDNN", work=(Work("drml", 80),), resumes=True)
    ledger.wipe(step)
    for seconds in (100, 20):
        ledger.start(step)
        ledger.spend(step, seconds)
    (OUT / "i_10.model").touch()
    ledger.finish(step)
    assert lasting(ledger) == 120
    assert lasting(ledger, engine="CUDA") is None
    assert lasting(ledger, work=(Work("drml", 88),)) is None


def estimated(ledger, hardware="a K40c", batch=8):
    return Estimate(ledger, [], batch, hardware).seconds(
        Step("new", "", (), (), work=(Work("drml", trained=1000),))
    )


GOOD = {"batch": 8, "hardware": "a K40c", "train": 2.0, "test": 1.0}


def test_a_first_iteration_is_of_its_hardware_and_batch(ledger):
    (OUT / "first_iteration.json").write_text(json.dumps({"drml": GOOD}))
    assert estimated(ledger) == 2
    assert estimated(ledger, hardware="an H200") is None
    assert estimated(ledger, batch=16) is None


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"drml": 7}', '{"drml": {"batch": 8}}', "\xff",
     json.dumps({"drml": GOOD | {"train": "2"}})],
)  # fmt: skip
def test_a_damaged_first_iteration_counts_for_nothing(ledger, text):
    (OUT / "first_iteration.json").write_text(text, encoding="latin-1")
    assert estimated(ledger) is None
