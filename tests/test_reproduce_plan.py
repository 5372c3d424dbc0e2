"""make reproduce: what is planned of a request."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from data_prep.base import UserError
from drml.pycaffe import engine
from drml.reproduce.figures import timed_networks
from drml.reproduce.ledger import Record
from drml.reproduce.plan import plan
from drml.reproduce.request import PARTS, Request
from drml.reproduce.step import dependents, resolve

ROOT = Path(__file__).parents[1]


def request(out="out/x", nets=("drml",), folds=(1,), parts=tuple(PARTS), **more):
    defaults = {
        "bp4d": None, "disfa": None, "grids": (), "seed": 1, "iterations": None,
        "patience": None, "caffe": Path("caffe"),
    }  # fmt: skip
    runs = tuple((net, fold) for net in nets for fold in folds)
    return Request(Path(out), runs=runs, parts=parts, **(defaults | more))


def planned(**options):
    return [step.name for step in plan(request(**options))]


def command(name, **options):
    (found,) = [s for s in plan(request(**options)) if s.name == name]
    return " ".join(found.command)


def test_steps_come_after_what_they_need_and_folds_in_turn():
    steps = plan(request(nets=("drml", "alexnet"), folds=(1, 2, 3), grids=(5,)))
    names = [step.name for step in steps]
    assert len(names) == len(set(names))
    for place, step in enumerate(steps):
        assert {need.name for need in step.needs} <= set(names[:place])
    tests = [n for n in names if n.endswith("/test") and not n.startswith("grids")]
    nets = ("drml", "alexnet")
    assert tests == [f"{net}/fold{fold}/test" for fold in (1, 2, 3) for net in nets]
    assert names[-1] == "report"
    assert "grids/5x5/fold3/test" in names


@pytest.mark.parametrize(
    ("part", "expected", "spared"),
    [
        ("2", ["drml/fold1/test"], ["drml/best", "table4", "faces/disfa"]),
        ("3", ["drml/disfa/read_out"], ["drml/fold1/test", "saliency"]),
        ("4", ["table4"], ["drml/fold1/train", "faces/bp4d"]),
        ("fig4", ["saliency"], ["drml/fold1/test", "faces/disfa"]),
        ("fig5", ["relations", "drml/fold1/test"], ["drml/features"]),
        ("features", ["drml/features"], ["drml/fold1/test"]),
        ("region", ["region"], ["convnet/fold1/train", "drml/fold1/test"]),
    ],
)
def test_only_what_a_part_needs_is_run(part, expected, spared):
    names = planned(nets=("drml", "convnet"), parts=(part,))
    assert set(expected) <= set(names)
    assert not set(spared) & set(names)


def finished(*names, **options):
    """Return what is planned of Fig. 4 where OUT holds these steps finished."""
    return planned(parts=("fig4",), finished=frozenset(names), **options)


@pytest.mark.parametrize(
    "name",
    ["drml/features", "relations", "region", "drml/disfa/direct", "drml/fold1/test"],
)
def test_what_is_finished_is_planned_whatever_is_asked(name):
    assert name not in finished("drml/fold1/train")
    assert name in finished("drml/fold1/train", name)


@pytest.mark.parametrize("kind", ["train", "select", "test"])
def test_a_training_is_known_by_any_step_that_is_left_of_it(kind):
    assert f"lcn/fold3/{kind}" in finished(f"lcn/fold3/{kind}")
    assert "grids/5x5/fold2/train" in finished(f"grids/5x5/fold2/{kind}")


def test_what_is_not_finished_is_not_planned():
    assert not any("lcn" in name for name in finished("lcn/fold1/prototxts"))
    there = finished("drml/fold1/train", nets=("lcn",), folds=(2,))
    assert not {"lcn/fold1/train", "drml/fold2/train"} & set(there)


def test_a_training_that_is_not_asked_for_gets_nothing_new():
    """Its snapshots may be such that none can be chosen."""
    both = ("drml/fold1/train", "drml/fold2/train", "grids/5x5/fold1/train")
    names = planned(nets=("convnet",), grids=(10,), finished=frozenset(both))
    assert {*both, "relations", "saliency", "grids/10x10/fold1/test"} <= set(names)
    places = ("drml", "grids/5x5")
    drmls = {n for n in names if n.startswith(places) and "prototxts" not in n}
    assert drmls == set(both)

    one = frozenset([*both, "drml/fold1/select", "drml/fold1/test"])
    steps = plan(request(nets=("convnet",), finished=one))
    relations, saliency = (
        next(s for s in steps if s.name == name) for name in ("relations", "saliency")
    )
    assert "drml/fold1/test" in [need.name for need in relations.needs]
    assert "drml/fold1/select" in [need.name for need in saliency.needs]
    assert "drml/fold2/select" not in [step.name for step in steps]


def test_the_folders_contents_are_what_is_asked_for_and_what_is_there():
    there = {"lcn/fold3/train", "lcn/fold3/test", "region", "grids/5x5/fold3/test"}
    asked = request(folds=(1,), parts=("fig4",), grids=(10,), finished=frozenset(there))
    assert asked.contents() == {
        "nets": ["drml", "lcn"],
        "folds": [1, 3],
        "parts": ["2", "fig4", "region"],
        "grids": [5, 10],
    }


def test_the_region_layer_is_drmls():
    without = request(nets=("convnet",), parts=("region", "4"))
    assert [step.name for step in plan(without)] == ["table4", "report"]
    assert without.left_out() == [
        "Region layer is left out: only DRML has one (NETS=drml)"
    ]
    assert request(nets=("drml",), parts=("region",)).left_out() == []


def test_table_3_that_is_there_wants_disfa(tmp_path):
    with pytest.raises(UserError, match="holds Table 3, .* give DISFA=DIR too"):
        planned(bp4d=tmp_path, finished=frozenset({"drml/disfa/direct"}))


def test_table_4_is_timed_as_in_the_paper_or_shortly(tmp_path):
    assert "--trials 20 --iterations 1000 " in command("table4", bp4d=tmp_path)
    assert "--trials 5 --iterations 5 " in command("table4")
    options = {"trial_count": 2, "trial_iterations": 3, "mode": "cpu"}
    timed = command("table4", **options)
    assert "--trials 2 --iterations 3 --batch 8 --mode cpu" in timed


def test_table_4_keeps_the_networks_that_it_has():
    (drmls,) = (s for s in plan(request(parts=("4",))) if s.name == "table4")
    record = Record(list(drmls.command), {}, {})
    timed = timed_networks({"table4": record})
    assert timed == ("drml",)
    assert timed_networks({}) == ()
    both = command("table4", nets=("convnet",), parts=("4",), timed=timed)
    assert "--networks drml convnet --out" in both


def test_another_length_than_the_protocols_is_known(tmp_path):
    assert request().departures == {}
    assert request(bp4d=tmp_path, iterations=16000).departures == {}
    shorter = request(bp4d=tmp_path, iterations=100, patience=3)
    assert shorter.departures == {"iterations": 100, "patience": 3}


def test_the_engine_of_trainings_and_times_is_known():
    steps = {s.name: s for s in plan(request(mode="gpu"))}
    assert steps["drml/fold1/train"].engine == engine()
    assert steps["table4"].engine == "CUDA"


def test_a_fold_hangs_on_its_own_data_only():
    steps = plan(request(folds=(1, 2), parts=("2",)))
    hang = {step.name for step in dependents(["data/bp4d_178/fold2"], steps)}
    kinds = ("train", "select", "test")
    assert hang == {f"drml/fold2/{kind}" for kind in kinds} | {"report"}


def test_real_faces_are_trained_on_as_in_the_paper(tmp_path):
    options = {"bp4d": tmp_path, "nets": ("drml", "alexnet")}
    solver = command("drml/fold1/prototxts", **options)
    assert "--max-iter 16000 --stepsize 8000 --snapshot 1000 --seed 1" in solver
    assert "--fillers" not in solver
    imported = command("data/bp4d_256/fold1", **options)
    assert f"{tmp_path} --out out/x/data/bp4d_256 --fold 1 --size 256" in imported
    assert "--sample" not in imported  # the importer's own, which is the paper's
    assert not any(n.startswith("faces") for n in planned(**options))


def test_generated_faces_are_trained_on_shortly():
    solver = command("lcn/fold1/prototxts", nets=("lcn",), iterations=10)
    assert "--max-iter 10 --stepsize 8 --snapshot 5" in solver
    assert "--fillers msra" in solver
    assert "--snapshot-format HDF5" in solver
    assert "--size 178 --crop 170" in command("data/bp4d_178/fold1")


def test_early_end_is_passed_on():
    assert "--patience 3 --net" in command("drml/fold1/train", patience=3)
    assert "--patience" not in command("drml/fold1/train")


def test_networks_are_compared_on_one_fold():
    nets = ("drml", "convnet", "alexnet")
    drawn = command("saliency", nets=nets, folds=(1, 2))
    fold = "fold{out/x/drml/best.json:fold}"
    folders = [f"out/x/{net}/{fold}" for net in nets]
    weights = " ".join(f"{{{folder}/selection.json:weights}}" for folder in folders)
    assert f"--weights {weights} --data out/x/data/bp4d_178/{fold} " in drawn
    assert f" out/x/data/bp4d_238/{fold} --out" in drawn
    for net, folder in zip(nets, folders, strict=True):
        assert f"{folder}/{net}_deploy.prototxt" in drawn
        assert f"{folder}/test/predictions.h5" in command(
            "relations", nets=nets, folds=(1, 2)
        )


def test_a_network_that_may_lack_the_fold_is_not_compared():
    runs = (("drml", 1), ("drml", 2), ("convnet", 1), ("alexnet", 1), ("alexnet", 2))
    steps = plan(replace(request(), runs=runs))
    for name in ("saliency", "relations"):
        (found,) = [step for step in steps if step.name == name]
        words = " ".join(found.command)
        assert "out/x/alexnet/fold" in words
        assert "convnet" not in words
        assert not any("convnet" in need.name for need in found.needs)


def test_a_value_may_name_the_file_of_another(tmp_path):
    (tmp_path / "best.json").write_text('{"fold": 2}')
    (tmp_path / "fold2.json").write_text('{"weights": "drml_iter_7"}')
    inner = f"{{{tmp_path}/best.json:fold}}"
    word = f"{tmp_path}/fold{inner}/{{{tmp_path}/fold{inner}.json:weights}}.caffemodel"
    assert resolve(word) == f"{tmp_path}/fold2/drml_iter_7.caffemodel"


def test_table_3_wants_disfa(tmp_path):
    real = request(bp4d=tmp_path)
    assert real.left_out() == ["Table 3 is left out: it wants DISFA (DISFA=DIR)"]
    assert not any("disfa" in step.name for step in plan(real))
    steps = planned(bp4d=tmp_path, parts=("3", "4"))
    assert steps == ["table4", "report"]  # nothing is trained for it
    assert request(bp4d=tmp_path, disfa=tmp_path).left_out() == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"disfa": ROOT}, "give BP4D=DIR too, or neither for generated faces"),
        ({"bp4d": ROOT, "parts": ("3",)}, "nothing to make: Table 3 .* wants DISFA"),
        ({"nets": ("lcn",), "parts": ("region",)}, "nothing to make: .* only DRML has"),
        ({"bp4d": Path("no/where")}, "BP4D=no/where is no folder"),
        ({"grids": (7,)}, "--grid 7 does not divide"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(options, sentence):
    with pytest.raises(UserError, match=sentence):
        request(**options)


def test_generated_faces_that_are_given_are_called_so(tmp_path):
    drawn, real = tmp_path / "drawn", tmp_path / "real"
    for folder in (drawn, real):
        folder.mkdir()
    (drawn / "generated.json").write_text("{}")
    assert request(bp4d=drawn).generated
    assert request(bp4d=drawn).protocol.name == "paper"
    with pytest.raises(UserError, match="one holds generated faces: give two of a"):
        request(bp4d=drawn, disfa=real)


def test_make_passes_options_on():
    words = ["BP4D=/b p", "DISFA=/d", "NETS=drml lcn", "FOLDS=1 2", "TABLES=2 fig4"]
    words += ["GRIDS=5 10", "OUT=o", "SEED=3", "ITERATIONS=4", "PATIENCE=2", "REDO=1"]
    words += ["TRIALS=6", "TRIAL_ITERATIONS=7", "MODE=cpu"]
    made = subprocess.run(
        ["make", "-n", "--no-print-directory", "-o", "all", "reproduce", *words],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert " ".join(made.stdout.split()).endswith(
        "python/reproduce.py --bp4d '/b p' --disfa '/d' --nets drml lcn --folds 1 2 "
        "--tables 2 fig4 --grids 5 10 --out 'o' --seed 3 --iterations 4 --patience 2 "
        "--trials 6 --trial-iterations 7 --mode cpu --redo"
    )
