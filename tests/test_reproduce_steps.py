"""make reproduce with stand-ins: nothing is done twice, what changed is named."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from reproducing import Project, is_gone

ALL = ["prototxt", "import", "train", "select", "evaluate", "best-fold", "report"]
OF_TRAINING = ALL[2:]
REMEDY = "put it back, or give REDO=1"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project whose steps have all been run; tests work on copies of it."""
    project = Project(tmp_path_factory.mktemp("project"))
    status, _, err = project.run()
    assert status == 0, err
    assert sorted(project.names) == sorted(ALL)
    steps = err.splitlines()
    assert [line.split(":")[0] for line in steps] == [
        f"step {number} of 7" for number in range(1, 8)
    ]
    assert "train (convnet/fold1)" in err
    return project


@pytest.fixture
def done(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True, symlinks=True)
    project = Project.__new__(Project)
    project.folder, project.out, project.env = tmp_path, tmp_path / "out", {}
    return project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def changes(project, *words, **options):
    """Run and expect a question; return what it said."""
    status, _, err = project.run(*words, **options)
    assert status == 1, err
    assert REMEDY in err
    assert project.calls == []
    return err


def redone(project, *words, **options):
    """Run with --redo; return the subcommands that were called."""
    status, out, err = project.run("--redo", *words, **options)
    assert status == 0, err
    return project.names


def test_what_is_done_is_not_done_again_wherever_the_dataset_lies(done):
    moved = done.folder / "elsewhere"
    shutil.copytree(done.folder / "dataset", moved, copy_function=shutil.copy)
    before = {p: p.stat().st_mtime_ns for p in done.out.glob("*/**/*.*")}
    status, out, err = done.run("--bp4d", moved)
    assert (status, done.calls) == (0, []), err
    assert "all                  7     7      0" in out
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())


@pytest.mark.parametrize("victim", ["driver", "job"])
def test_killed_anywhere_it_goes_on(project, victim):
    """Kill -9 leaves no process, redoes nothing, and a training goes on."""
    process, child = project.held("train")
    os.kill(process.pid if victim == "driver" else child, signal.SIGKILL)
    process.communicate(timeout=60)
    assert is_gone(child)
    assert process.returncode == (1 if victim == "job" else -signal.SIGKILL)
    reported = ["report"] * (victim == "job")  # of what there is
    assert sorted(project.names[:2]) == ["import", "prototxt"]
    assert project.names[2:] == ["train", *reported]
    project.release("train")
    status, _, err = project.run()
    assert status == 0, err
    assert sorted(project.names) == sorted(OF_TRAINING)
    log = (project.out / "convnet/fold1/train.log").read_text().split("\n")
    assert log[:2] == ["began", "went on"]


def test_ctrl_c_reaches_the_step_and_is_one_sentence(project):
    process, child = project.held("train")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().endswith("interrupted; run the same command again to go on")
    assert is_gone(child)


def test_a_second_run_at_the_same_time_is_refused(project):
    process, _ = project.held("train")
    status, _, err = project.run()
    assert status == 1
    assert f"another make reproduce is at work on {project.out}: wait for it" in err
    process.kill()
    process.communicate(timeout=60)


def test_another_option_is_named_and_starts_the_training_anew(done):
    about = (done.out / "run.json").read_text()
    assert "prototxts (convnet/fold1) was run with --max-iter 300, now it is 5" in (
        changes(done, "--iterations", 5)
    )
    assert (done.out / "run.json").read_text() == about
    file = done.out / "convnet/fold1/convnet_solver.prototxt"
    file.write_text("base_lr: 1")
    assert redone(done, "--iterations", 5)[:1] == ["prototxt"]
    assert "--max-iter 5" in file.read_text()
    assert Path(f"{file}.edited").read_text() == "base_lr: 1"
    assert (done.out / "convnet/fold1/train.log").read_text() == "began\n"
    assert done.run("--iterations", 5)[0] == 0
    assert done.calls == []


def test_an_edited_prototxt_is_kept_and_trained_with(done):
    file = done.out / "convnet/fold1/convnet_solver.prototxt"
    before = file.read_text()
    file.write_text("base_lr: 1")
    err = changes(done)
    assert "convnet/fold1/convnet_solver.prototxt has changed since it was made" in err
    assert "on it depend train (convnet/fold1)" in err
    file.write_text(before)
    assert done.run()[0] == 0  # it was put back
    assert done.calls == []
    file.write_text("base_lr: 1")
    assert redone(done) == OF_TRAINING
    assert file.read_text() == "base_lr: 1"
    assert done.run()[0] == 0
    assert done.calls == []


def test_a_changed_dataset_is_named(done):
    (done.folder / "dataset/labels.csv").write_text("1,1\n")  # of the same size
    assert "BP4D has changed since import_bp4d (178 pixels, fold 1) read it" in (
        changes(done)
    )
    assert redone(done)[0] == "import"
    (done.folder / "dataset/notes.doc").write_text("mine")
    assert done.run()[0] == 0
    assert done.calls == []


def test_a_lost_snapshot_is_named(done):
    chosen = done.out / "convnet/fold1/convnet_iter_2.caffemodel"
    content = chosen.read_text()
    chosen.unlink()
    err = changes(done)
    assert "convnet_iter_2.caffemodel, which was chosen, is missing" in err
    assert "select (convnet/fold1)" in err
    chosen.write_text("another")
    assert "convnet_iter_2.caffemodel has changed since it was scored" in changes(done)
    chosen.write_text(content)
    assert done.run()[0] == 0
    assert done.calls == []
    chosen.unlink()
    assert redone(done) == OF_TRAINING[:-1]  # it is as it was, and so is the report


def test_a_lost_result_is_made_again_and_an_edited_one_too(done):
    test = done.out / "convnet/fold1/test/evaluation.json"
    test.unlink()
    assert "evaluation.json, which test (convnet/fold1) made, is missing" in (
        changes(done)
    )
    assert redone(done) == ["evaluate"]  # it is as it was, and so is the report
    selection = done.out / "convnet/fold1/selection.json"
    selection.write_text(selection.read_text().replace("0.5", "0.9"))
    assert "convnet/fold1/selection.json has changed" in changes(done)
    assert redone(done)[0] == "select"
    assert "0.9" not in selection.read_text()


def test_a_lost_report_or_other_log_is_no_question(done):
    (done.out / "report/results.html").unlink()
    assert done.run()[0] == 0
    assert done.names == ["report"]
    (done.out / "convnet/fold1/train.log").write_text("edited")
    assert done.run()[0] == 0
    assert done.names == ["report"]


def test_folds_and_parts_join_without_a_question(done):
    status, out, err = done.run(folds="2", tables="2 fig4")
    assert status == 0, err
    assert "ConvNet, fold 1" in out
    trained = [call for call in done.calls if call.startswith("train")]
    assert len(trained) == 1
    assert "convnet/fold2/" in trained[0]
    (best,) = [call for call in done.calls if call.startswith("best-fold")]
    assert "convnet/fold1/selection.json convnet/fold2/selection.json" in best
    assert done.names[-2:] == ["figure", "report"]
    # What hangs on a training that is redone is redone, whatever is asked for.
    file = done.out / "convnet/fold1/convnet_solver.prototxt"
    file.write_text("base_lr: 1")
    names = redone(done, folds="1", tables="2")
    assert names[-1] == "report"
    assert sorted(names) == sorted([*OF_TRAINING, "figure"])


def test_a_failing_step_takes_with_it_what_hangs_on_it(project):
    fail = project.folder / "fail/convnet-fold2-convnet_solver.prototxt"
    fail.touch()
    status, _, err = project.run(folds="1 2", tables="2 features")
    assert status == 1
    assert err.count("train has no room") == 1
    assert "Error" not in err  # of Snakemake
    assert "train (convnet/fold2) failed (select (convnet/fold2)" in err
    assert (project.out / "convnet/fold1/test/evaluation.json").exists()
    assert not (project.out / "convnet/best.json").exists()
    assert project.names[-1] == "report"
    fail.unlink()
    assert project.run(folds="1 2", tables="2 features")[0] == 0
    assert [c.split()[1] for c in project.calls if c.startswith("train")] == [
        "convnet/fold2/convnet_solver.prototxt"
    ]


def test_old_results_are_not_reported_beside_new_ones(done):
    report = (done.out / "report/results.html").stat().st_mtime_ns
    (done.folder / "fail/train").touch()
    status, _, err = done.run("--redo", "--seed", 2)
    assert status == 1
    assert "the report waits" in err
    assert (done.out / "report/results.html").stat().st_mtime_ns == report
    (done.folder / "fail/train").unlink()
    status, _, err = done.run("--redo", "--seed", 2)
    assert status == 0, err


def test_several_trainings_at_once(project):
    """Both folds are in training before either is let go on."""
    process, first = project.held("train", "--jobs", 2, folds="1 2")
    holding = project.folder / "holding"
    while not (holding.exists() and holding.read_text() not in ("", str(first))):
        assert process.poll() is None
    project.release("train")
    process.communicate(timeout=200)
    assert process.returncode == 0


def test_classical_methods_are_trained_on_sift_and_jpml_from_apl(done):
    status, out, err = done.run(methods="jpml")
    assert status == 0, err
    assert done.names == ["features"] * 3 + ["classical"] * 2 + ["report"]
    methods = [call.split()[1] for call in done.calls if call.startswith("classical")]
    assert methods == ["apl", "jpml"]
    assert "--apl apl/fold1" in done.calls[-2]
    assert "JPML, fold 1" in out
    assert "SIFT features" in out
    assert done.run(methods="jpml")[0] == 0
    assert done.calls == []
