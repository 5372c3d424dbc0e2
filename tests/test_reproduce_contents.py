"""make reproduce: which files a request comes to, and what cannot be done."""

import subprocess

import pytest
from reproducing import ROOT

from data_prep.base import UserError
from drml.cli import reproduce
from drml.cli.options import parser
from drml.nets.prototxt import Training
from drml.reproduce import fingerprints
from drml.reproduce.contents import Contents
from drml.reproduce.protocol import PAPER, PROTOCOLS, SHORT
from drml.reproduce.request import check_contents, config

TEST = "{}/fold{}/test/evaluation.json"


@pytest.fixture
def asked(tmp_path):
    """Return the contents that a command line asks for."""

    def ask(*words):
        words = ["--out", str(tmp_path / "out"), *map(str, words)]
        arguments = parser(None)
        reproduce.add_arguments(arguments)
        options = arguments.parse_args(words)
        return Contents(config(options), options.out)

    return ask


@pytest.fixture
def there(tmp_path):
    """Make files of OUT."""

    def make(*names):
        for name in names:
            file = tmp_path / "out" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()

    return make


@pytest.mark.parametrize(
    ("part", "expected", "spared"),
    [
        ("2", ["drml/fold1/test/predictions.h5"], ["drml/features.h5"]),
        ("3", ["drml/disfa/read_out/evaluation.json"], [TEST.format("drml", 1)]),
        ("4", ["table4/running_time.csv"], ["drml/fold1/selection.json"]),
        ("fig4", ["saliency/saliency_mean.png"], [TEST.format("drml", 1)]),
        ("fig5", ["relations/relations.csv", TEST.format("drml", 1)], []),
        ("features", ["drml/features.h5"], [TEST.format("drml", 1)]),
        ("region", ["region/region.png"], ["convnet/best.json"]),
    ],
)
def test_only_what_a_part_needs_is_made(asked, part, expected, spared):
    files = [*asked("--nets", "drml", "convnet", "--tables", part).targets()]
    assert {*expected} <= {*files}
    assert not {*spared} & {*files}


def test_folds_come_in_turn(asked):
    tests = [f for f in asked("--tables", 2).targets() if "evaluation.json" in f]
    systems = ("drml", "convnet", "lcn", "alexnet", "lsvm", "apl", "jpml")
    assert tests == [TEST.format(name, fold) for fold in (1, 2, 3) for name in systems]


def test_classical_methods_stand_in_tables_2_and_3(asked, there):
    files = [*asked("--methods", "apl", "jpml", "--tables", 3).targets()]
    assert "apl/disfa/read_out/evaluation.json" in files
    assert not any(f.startswith(("lsvm", "jpml")) for f in files)
    assert not any("apl" in f for f in asked("--methods", "none").targets())
    there(TEST.format("lsvm", 2))
    contents = asked("--methods", "none", "--tables", "2", "--folds", 1)
    assert TEST.format("lsvm", 2) in contents.targets()
    assert contents.about()["methods"] == ["lsvm"]
    demo = asked("--protocol", "demo", "--tables", 2)
    assert not any(f.startswith("apl") for f in demo.targets())


@pytest.mark.parametrize(
    "file", ["drml/features.h5", "relations/relations.csv", TEST.format("drml", 1)]
)
def test_what_is_there_is_planned_whatever_is_asked(asked, there, file):
    words = ("--nets", "drml", "--folds", 1, "--tables", "fig4")
    assert file not in asked(*words).targets()
    there(TEST.format("drml", 1), file)
    assert file in asked(*words).targets()


def test_a_training_that_is_not_asked_for_gets_nothing_new(asked, there):
    """Its snapshots may be such that none can be chosen."""
    there("drml/fold1/trained", "drml/fold2/trained", "grids/5x5/fold1/trained")
    words = ("--nets", "convnet", "--folds", 1, "--grids", 10)
    files = [*asked(*words).targets()]
    assert [f for f in files if f.startswith(("drml", "grids/5x5"))] == [
        "drml/fold1/trained",
        "drml/fold2/trained",
        "grids/5x5/fold1/trained",
    ]
    assert TEST.format("grids/10x10", 1) in files
    there("drml/fold1/selection.json", TEST.format("drml", 1))
    contents = asked(*words)
    assert contents.chosen == {"drml": [1], "convnet": [1]}
    assert "drml/best.json" in contents.targets()


def test_networks_are_compared_on_the_folds_of_the_first(asked, there):
    there("drml/fold2/selection.json", "alexnet/fold3/selection.json")
    contents = asked("--nets", "drml", "convnet", "--folds", 1)
    assert contents.chosen == {"drml": [1, 2], "convnet": [1], "alexnet": [3]}
    assert contents.compared(contents.chosen) == ["drml"]
    assert contents.tested == {"convnet": [1]}  # drml's second fold is not


def test_what_the_folder_holds(asked, there):
    there(TEST.format("lcn", 3), "region/region.csv", TEST.format("grids/5x5", 3))
    about = asked(
        "--nets", "drml", "--folds", 1, "--tables", "fig4", "--grids", 10
    ).about()
    assert about == {
        "nets": ["drml", "lcn"],
        "methods": [],
        "folds": [1, 3],
        "parts": ["2", "fig4", "region"],
        "grids": [5, 10],
    }


def test_what_cannot_be_made_of_what_was_given(asked, tmp_path):
    words = ("--bp4d", tmp_path, "--nets", "lcn")
    contents = asked(*words)
    assert contents.left_out() == [
        "Table 3 is left out: it wants DISFA (DISFA=DIR)",
        "Region layer is left out: only DRML has one (NETS=drml)",
    ]
    assert not any("disfa" in file or "region" in file for file in contents.targets())
    with pytest.raises(UserError, match="nothing to make: Table 3 .* wants DISFA"):
        check_contents(asked(*words, "--tables", 3), False, {})


def test_table_3_that_is_there_wants_disfa(asked, there, tmp_path):
    there("drml/disfa/direct/evaluation.json", "drml/disfa/read_out/evaluation.json")
    with pytest.raises(UserError, match="holds Table 3, .* give DISFA=DIR too"):
        check_contents(asked("--bp4d", tmp_path), False, {})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--disfa", ROOT), "give BP4D=DIR too, or neither for generated faces"),
        (("--bp4d", "/no/where"), "BP4D=/no/where is no folder"),
        (("--grids", 7), "--grid 7 does not divide"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(asked, words, sentence):
    with pytest.raises(UserError, match=sentence):
        asked(*words)


def test_generated_and_real_faces_are_not_taken_together(asked, tmp_path):
    drawn, real = tmp_path / "drawn", tmp_path / "real"
    for folder in (drawn, real):
        folder.mkdir()
    (drawn / "generated.json").write_text("{}")
    with pytest.raises(UserError, match="one holds generated faces: give two of a"):
        asked("--bp4d", drawn, "--disfa", real)


def test_options_of_the_importers_reach_them(asked, tmp_path):
    words = ("--bp4d", tmp_path, "--disfa", tmp_path, "--on-damaged", "skip")
    words += ("--frame-offset", -1, "--sample-splits", "train", "test")
    words += ("--labels", "all", "--threshold", 2, "--fold-lists", tmp_path)
    common = ["--on-damaged", "skip", "--sample-splits", "train", "test"]
    common += ["--labels", "all"]
    importer = asked(*words).config["importer"]
    assert sorted(importer["disfa"]) == sorted([*common, "--threshold", "2"])
    assert sorted(importer["bp4d"]) == sorted(
        [*common, "--frame-offset", "-1", "--folds", str(tmp_path)]
    )


def test_the_papers_protocol_is_the_solvers_own():
    length = PAPER.lengths["drml"]
    of_paper = (length.iterations, length.interval, PAPER.batch)
    assert of_paper == (Training.max_iter, Training.snapshot, Training.batch)
    words = ["--max-iter", "16000", "--stepsize", "8000", "--snapshot", "1000"]
    assert PAPER.solver_options("lcn") == words
    assert PAPER.trials == (20, 1000)


def test_the_short_protocol_lasts_as_asked():
    options = SHORT.lasting(10).solver_options("lcn")
    assert options[:6] == ["--max-iter", "10", "--stepsize", "8", "--snapshot", "5"]
    assert options[-2:] == ["--snapshot-format", "HDF5"]
    assert PROTOCOLS["demo"].size("alexnet") == 238


def test_make_passes_options_on():
    words = ["BP4D=/b p", "DISFA=/d", "NETS=drml lcn", "FOLDS=1 2", "TABLES=2 fig4"]
    words += ["GRIDS=5 10", "OUT=o", "SEED=3", "ITERATIONS=4", "PATIENCE=2", "REDO=1"]
    words += ["TRIALS=6", "TRIAL_ITERATIONS=7", "MODE=cpu", "JOBS=2", "PROFILE=slurm"]
    words += ["ON_DAMAGED=skip"]
    made = subprocess.run(
        ["make", "-n", "--no-print-directory", "-o", "all", "reproduce", *words],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    given = set(made.stdout.replace("'", "").split(" --"))
    expected = "bp4d /b p,disfa /d,nets drml lcn,folds 1 2,tables 2 fig4,grids 5 10,"
    expected += "out o,seed 3,iterations 4,patience 2,trials 6,trial-iterations 7,"
    expected += "mode cpu,jobs 2,profile slurm,on-damaged skip"
    assert {*expected.split(",")} <= given
    assert "--redo" in made.stdout


def test_folders_that_are_links_are_watched(tmp_path):
    elsewhere, dataset = tmp_path / "disk2", tmp_path / "BP4D"
    elsewhere.mkdir()
    dataset.mkdir()
    labels = elsewhere / "F001_T1.csv"
    labels.write_text("0,1\n")
    (dataset / "AUCoding").symlink_to(elsewhere)
    before = fingerprints.content(dataset)
    assert fingerprints.content(dataset) == before
    labels.write_text("0,1\n1,0\n")
    assert fingerprints.content(dataset) != before
