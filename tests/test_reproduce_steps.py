"""make reproduce with toy steps: nothing is done twice, what changed is named."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ALL = ["data", "prototxt", "train", "test", "prototxt2", "train2", "test2", "report"]
HANG = {"data": ["train", "test", "train2", "test2"], "train": ["test"]}
REMEDY = "put it back, or give REDO=1"


class Project:
    """A folder with a dataset, in which the toy plan is run."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("dataset", "hold", "fail", "silent"):
            (folder / name).mkdir()
        (folder / "dataset/labels.csv").write_text("1,0\n")
        (folder / "dataset/1.jpg").write_bytes(b"face")
        self.calls_file = folder / "calls"

    def start(self, *words, seed=1, tests=2):
        self.calls_file.write_text("")
        command = [sys.executable, TESTS / "fake_steps.py", str(seed), str(tests)]
        return subprocess.Popen(
            [*command, *words], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words, **options):
        """Return status, stdout and stderr."""
        with self.start(*words, **options) as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    @property
    def calls(self):
        """The steps that the last run ran."""
        return self.calls_file.read_text().split()

    def text(self, name):
        return (self.folder / f"out/{name}.txt").read_text()

    def held(self, name, **options):
        """Start a run, and wait until it has come to a step; returns both processes."""
        (self.folder / "hold" / name).touch()
        process = self.start(**options)
        holding = self.folder / "holding"
        deadline = time.monotonic() + 60
        while not (holding.exists() and holding.read_text()):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        child = int(holding.read_text())
        holding.unlink()
        return process, child

    def release(self, name):
        (self.folder / "hold" / name).unlink()


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def done(project):
    """A project whose steps have all been run."""
    status, _, err = project.run()
    assert (status, err) == (0, "")
    assert project.calls == ALL
    return project


def is_gone(process: int) -> bool:
    """Wait for a process that is no child of ours to end."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().split(") ")[1][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_what_is_done_is_not_done_again(done):
    status, out, err = done.run()
    assert (status, err, done.calls) == (0, "", [])
    assert "8     8      0" in out


@pytest.mark.parametrize("name", ["data", "train", "test2"])
def test_a_failing_step_leaves_out_what_hangs_on_it_until_it_is_mended(project, name):
    (project.folder / "fail" / name).touch()
    status, _, err = project.run()
    assert status == 1
    assert f"{name} has no room" in err
    assert f"the step {name} failed with status 1, for the reason above" in err
    hang = HANG.get(name, [])
    left_out = f" ({', '.join(hang)} left out)" if hang else ""
    assert f"fake_steps.py: error: {name} failed{left_out}: mend" in err
    assert project.calls == [step for step in ALL if step not in hang]
    (project.folder / "fail" / name).unlink()
    assert project.run()[0] == 0
    assert project.calls == [name, *hang, "report"]


def test_a_redo_that_fails_loses_and_mixes_nothing(done):
    (done.folder / "fail/train").touch()
    (done.folder / "out/train.txt").unlink()
    status, out, err = done.run("redo")
    assert (status, done.calls) == (1, ["train"])
    assert "train failed (test, report left out)" in err
    assert (done.folder / "out/test.txt").exists()
    (done.folder / "fail/train").unlink()
    assert done.run()[::2] == (0, "")  # and nobody is asked again
    assert done.calls == ["train", "test", "report"]  # a toy's second try differs


def test_old_results_are_not_reported_beside_new_ones(done):
    before = done.text("report")
    (done.folder / "fail/train").touch()
    assert done.run("redo", seed=2)[0] == 1
    assert "test2" in done.calls
    assert done.text("report") == before
    (done.folder / "fail/train").unlink()
    assert done.run("redo", seed=2)[0] == 0
    assert "--seed 1" not in done.text("report")


def test_a_step_that_makes_nothing_is_not_done(project):
    (project.folder / "silent/train").touch()
    status, _, err = project.run()
    assert status == 1
    assert "the step train has ended without making out/train.txt" in err
    (project.folder / "silent/train").unlink()
    project.run()
    assert project.calls == ["train", "test", "report"]


@pytest.mark.parametrize("name", ["data", "train", "report"])
@pytest.mark.parametrize("victim", ["driver", "child"])
def test_killed_anywhere_it_goes_on(project, name, victim):
    process, child = project.held(name)
    os.kill(process.pid if victim == "driver" else child, signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert is_gone(child)  # no orphan that goes on writing
    if victim == "child":
        assert process.returncode == 1
        assert f"the step {name} was killed (SIGKILL)" in err
    before = project.calls
    project.release(name)
    status, _, err = project.run()
    assert (status, err) == (0, "")
    if victim == "driver":
        assert before[:-1] + project.calls == ALL
    assert {*before, *project.calls} == set(ALL)
    assert f"{name} " in project.text(name)
    assert " True (" in project.text(name)  # it found its own unfinished work


def test_ctrl_c_reaches_the_step_and_is_one_sentence(project):
    process, child = project.held("train")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == "interrupted; run the same command again to go on"
    assert is_gone(child)
    project.release("train")
    assert project.run()[0] == 0
    assert project.calls == ALL[2:]


def test_a_second_run_at_the_same_time_is_refused(project):
    process, _ = project.held("train")
    calls = project.calls
    status, _, err = project.run()
    assert status == 1
    assert "another make reproduce is writing out: wait for it" in err
    assert project.calls == []
    project.calls_file.write_text("\n".join(calls) + "\n")
    project.release("train")
    process.communicate(timeout=60)
    assert (process.returncode, project.calls) == (0, ALL)


def test_a_missing_result_is_named_and_redone_when_asked(done):
    (done.folder / "out/train.txt").unlink()
    status, _, err = done.run()
    assert (status, done.calls) == (1, [])
    named, remedy = err.splitlines()
    assert named == (
        "out/train.txt, which the step train made, is missing; on it depend test, "
        "report"
    )
    assert REMEDY in remedy
    status, out, _ = done.run("redo")
    assert (status, done.calls) == (0, ["train"])  # made anew, it is as it was
    assert out.count("what it needs is as it was: nothing to do") == 2
    assert done.run()[1:] == done.run()[1:]


def test_a_changed_result_is_made_anew(done):
    (done.folder / "out/train2.txt").write_text("tampered with")
    status, _, err = done.run()
    assert (status, done.calls) == (1, [])
    assert "out/train2.txt has changed since the step train2 made it" in err
    assert done.run("redo")[0] == 0
    assert done.calls == ["train2"]
    assert "tampered" not in done.text("train2")


def test_an_edited_prototxt_is_kept_and_used(done):
    file = done.folder / "out/prototxt.txt"
    file.write_text("base_lr: 1")
    status, _, err = done.run()
    assert (status, done.calls) == (1, [])
    assert "out/prototxt.txt has changed since the step prototxt made it" in err
    assert "on it depend train, test, report" in err
    assert done.run("redo")[0] == 0
    assert done.calls == ["train", "test", "report"]
    assert file.read_text() == "base_lr: 1"
    assert "base_lr: 1" in done.text("report")
    assert done.run()[0] == 0
    assert done.calls == []
    status, out, _ = done.run("redo", seed=2)
    assert status == 0
    assert "what was edited is kept as out/prototxt.txt.edited" in out
    assert (done.folder / "out/prototxt.txt.edited").read_text() == "base_lr: 1"
    assert "--seed 2" in file.read_text()
    assert not (done.folder / "out/prototxt2.txt.edited").exists()


def test_what_was_put_back_needs_nothing(done):
    file = done.folder / "out/prototxt.txt"
    before = file.read_text()
    file.write_text("edited")
    assert done.run()[0] == 1
    file.write_text(before)
    assert done.run()[0] == 0
    assert done.calls == []


def test_an_unfinished_step_does_not_mix_two_prototxts(project):
    process, _ = project.held("train")
    process.kill()
    process.communicate(timeout=30)
    project.release("train")
    (project.folder / "out/prototxt.txt").write_text("edited")
    assert project.run()[0] == 1
    assert project.run("redo")[0] == 0
    assert project.text("train").startswith("train  False")  # from the start


@pytest.mark.parametrize("change", ["label", "new image", "larger image"])
def test_a_changed_dataset_is_named(done, change):
    dataset = done.folder / "dataset"
    if change == "label":
        (dataset / "labels.csv").write_text("1,1\n")  # of the same size
    else:
        image = "1.jpg" if change == "larger image" else "2.jpg"
        (dataset / image).write_bytes(b"another face")
    status, _, err = done.run()
    assert (status, done.calls) == (1, [])
    assert f"BP4D={dataset} has changed since the step data read it" in err
    assert "on it depend train, test, train2 and 2 more" in err
    assert done.run("redo")[0] == 0
    assert done.calls[0] == "data"


@pytest.mark.parametrize("how", ["touched", "copied", "unrelated file"])
def test_the_same_dataset_is_the_same(done, how):
    dataset = done.folder / "dataset"
    if how == "touched":
        os.utime(dataset / "1.jpg", (1, 1))
        os.utime(dataset / "labels.csv", (1, 1))
    elif how == "copied":
        shutil.move(dataset, done.folder / "old")
        shutil.copytree(done.folder / "old", dataset, copy_function=shutil.copy)
    else:
        (dataset / "notes.doc").write_text("mine")
    assert done.run()[0] == 0
    assert done.calls == []


def test_a_missing_dataset_is_named(done):
    shutil.rmtree(done.folder / "dataset")
    status, _, err = done.run()
    assert status == 1
    assert "which the step data read, is missing" in err


def test_another_option_is_named(done):
    status, _, err = done.run(seed=2)
    assert (status, done.calls) == (1, [])
    assert "the step prototxt was run with --seed 1, now it is 2; on it depend" in err
    assert done.run("redo", seed=2)[0] == 0
    assert done.calls == [name for name in ALL if name != "data"]
    assert done.run(seed=2)[0] == 0
    assert done.calls == []


def test_a_killed_redo_goes_on(done):
    (done.folder / "hold/train2").touch()
    process = done.start("redo", seed=2)
    deadline = time.monotonic() + 60
    while not (done.folder / "holding").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=30)
    before = done.calls
    done.release("train2")
    assert done.run("redo", seed=2)[0] == 0
    assert before[:-1] + done.calls == [name for name in ALL if name != "data"]


def test_more_results_join_the_report_without_a_question(project):
    assert project.run(tests=1)[0] == 0
    assert project.calls == ["data", "prototxt", "train", "test", "report"]
    assert project.run(tests=2)[0] == 0
    assert project.calls == ["prototxt2", "train2", "test2", "report"]


def test_a_lost_report_is_written_again_without_a_question(done):
    (done.folder / "out/report.txt").unlink()
    assert done.run()[0] == 0
    assert done.calls == ["report"]


def test_a_damaged_record_is_one_sentence(done):
    (done.folder / "out/steps/train.json").write_text("{}")
    status, _, err = done.run()
    assert status == 1
    assert "out/steps/train.json is no step's record; delete it" in err
    assert len(err.splitlines()) == 1
