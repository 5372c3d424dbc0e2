"""drml report paper where OUT is incomplete, lopsided, damaged or of real faces."""

import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import status_of
from results_reader import (
    markdown,
    measure,
    of_folds,
    page,
    read,
    report,
    table,
)
from tiny_results import FACES, NETS, make_out, make_predictions, make_run

from data_prep.aus import BP4D_AUS, DISFA_AUS
from drml.evaluate.predictions import measure as measure_all
from drml.evaluate.predictions import read_predictions, with_aus, write_evaluation
from drml.nets.names import TITLES
from drml.report.paper import percent_of


def test_direct_outputs_alone_have_no_average_to_compare(out):
    for net in NETS:
        shutil.rmtree(out / net / "disfa/read_out")
    assert report() == 0
    row = table("table3_f1")["Avg."]
    assert row["AlexNet direct"]
    assert row["AlexNet direct diff."] == row["AlexNet read-out"] == ""
    assert "Table 3: DRML has no read-out results yet" in page()


def test_without_intensities_there_is_one_threshold(out):
    for file in out.glob("*/disfa/*/predictions.h5"):
        with h5py.File(file, "r+") as found:
            del found["intensities"]
    assert status_of("report", "paper", "out", "--resamples", "0") == 0
    assert not Path("out/report/protocol_table3_2_f1.csv").exists()
    assert table("protocol_table3_labels_f1")["Avg."]["all frames DRML"]
    assert "Protocol: DISFA's other threshold (it was imported before" in page()
    assert "Intervals: not asked for (--resamples 0)" in page()


def test_another_tool_is_one_more_system(out):
    """It lacks AU 24, and one fold; the faces and labels must be the same."""
    folder = out / "tools/openface/fold1"
    found = read_predictions(out / "drml/fold1/test/predictions.h5")
    found = with_aus(found, [au for au in found.aus if au != 24])
    about = found.about | {"title": "OpenFace", "tool": "OpenFace"}
    found = found._replace(about=about)
    write_evaluation(folder, found, measure_all(found))
    disfa = read_predictions(out / "drml/disfa/direct/predictions.h5")
    disfa = disfa._replace(about=disfa.about | about)
    write_evaluation(out / "tools/openface/disfa", disfa, measure_all(disfa))
    assert report() == 0
    row = table("table2_f1")
    expected = of_folds("drml", 12, "f1")[0]
    assert float(row["12"]["OpenFace ours"]) == pytest.approx(expected)
    assert row["24"]["OpenFace ours"] == ""
    assert "OpenFace ours: 11 of 12 AUs" in row["Avg."]["remarks"]
    gap = table("table2_differences")["OpenFace less DRML"]
    assert float(gap["F1-frame ours"]) == pytest.approx(0, abs=1e-9)  # on fold 1 alone
    assert gap["F1-frame is"] == "noise"
    drml = table("table3_f1")["6"]["DRML direct"]
    assert table("table3_f1")["6"]["OpenFace direct"] == drml

    with h5py.File(folder / "predictions.h5", "r+") as file:
        file["labels"][0] = 0
    assert report() == 1


def test_classical_methods_stand_beside_the_networks(out):
    """In Table 2 with the paper's JPML; in Table 3 read out, JPML's absence told."""
    rng = np.random.default_rng(5)
    for fold in (1, 2):
        for method in ("apl", "jpml"):
            folder = out / method / f"fold{fold}/test"
            about = {"title": method.upper(), "weights": f"{method}/model.h5"}
            make_predictions(folder, "drml", rng, first=fold * FACES, **about)
    about = {"title": "APL", "layout": "DISFA", "aus": DISFA_AUS}
    make_predictions(out / "apl/disfa/read_out", "drml", rng, **about)
    assert report() == 0
    row = table("table2_f1")["12"]
    expected = np.mean(of_folds("jpml", 12, "f1"))
    assert float(row["JPML ours"]) == pytest.approx(expected)
    assert float(row["JPML paper"]) == percent_of(2, "f1", "JPML", 12)
    assert float(row["APL ours"]) == pytest.approx(np.mean(of_folds("apl", 12, "f1")))
    assert row["APL paper"] == ""  # has none in Table 2
    row = table("table3_auc")["12"]
    assert float(row["APL paper"]) == percent_of(3, "auc", "APL", 12)
    assert row["APL read-out"]
    assert "APL direct" not in row
    assert "the lack of reported AU correlations" in page()
    assert "APL: trained as the read-out is, on SIFT features" in page()
    assert "Table 3: APL" not in page()
    assert "apl/model.h5" in page()


def test_an_au_that_one_system_leaves_undefined_is_no_difference(out):
    for net in NETS[1:]:
        for fold in (1, 2):
            with h5py.File(
                out / net / f"fold{fold}/test/predictions.h5", "r+"
            ) as found:
                found["labels"][:, 3] = 0
    assert report() == 0


def only_negatives(file, au=24):
    with h5py.File(file, "r+") as found:
        column = found.attrs["aus"].tolist().index(au)
        found["labels"][:, column] = -1


def test_an_au_of_one_class_in_a_fold(out):
    expected = of_folds("drml", 24, "f1")[1]
    for net in NETS:
        only_negatives(out / net / "fold1/test/predictions.h5")
    only_negatives(out / "grids/5x5/fold1/test/predictions.h5")
    assert report() == 0
    row = table("table2_f1")["24"]
    assert float(row["DRML ours"]) == pytest.approx(expected)
    assert "DRML ours: 1 of 2 folds" in row["remarks"]
    assert "11 of 12 AUs" in table("table2_folds")["DRML"]["remarks"]
    assert "<small>1 of 2 folds</small>" in page()
    assert "(1 of 2 folds)" in markdown()


def test_an_au_of_one_class_in_every_fold(out):
    for net in NETS:
        for fold in (1, 2):
            only_negatives(out / net / f"fold{fold}/test/predictions.h5")
    shutil.rmtree(out / "grids")
    assert report() == 0
    rows = table("table2_auc")
    assert rows["24"]["DRML ours"] == rows["24"]["DRML diff."] == ""
    assert "DRML ours: undefined" in rows["24"]["remarks"]
    others = [np.mean(of_folds("drml", au, "auc")) for au in BP4D_AUS[:-1]]
    assert float(rows["Avg."]["DRML ours"]) == pytest.approx(np.mean(others))
    assert rows["Avg."]["DRML diff."] == ""  # over other AUs than the paper's
    assert "DRML ours: 11 of 12 AUs" in rows["Avg."]["remarks"]
    assert re.search('class="data row11 .*? undefined" >undefined<', page())


def test_summary_follows_the_predictions(out):
    """Whichever network makes no mistake is first."""
    for net in NETS:
        for other in NETS:
            for file in (out / other).glob("fold*/test/predictions.h5"):
                with h5py.File(file, "r+") as found:
                    right = found["labels"][:] > 0
                    found["scores"][:] = right if other == net else ~right
        assert report() == 0
        assert f"By average F1-frame {TITLES[net]} (100.0) is best" in page()
        holds = "DRML > AlexNet, holds here" in page()
        assert holds == (net == "drml")


def test_a_network_alone_and_unequal_folds(out):
    shutil.rmtree(out / "alexnet/fold2")
    assert report() == 0
    assert "Table 2: AlexNet has no results on fold 2 yet" in page()
    assert "not like for like" in page()
    shutil.rmtree(out / "alexnet")
    make_run(out, nets=["drml"])
    assert report() == 0
    average = float(table("table2_auc")["Avg."]["DRML ours"])
    alone = f"By average AUC DRML ({average:.1f}) stands alone here; the paper: DRML"
    assert f"{alone} (56.0)." in page()


def test_grids_over_the_folds_that_all_have(out):
    shutil.rmtree(out / "grids/5x5/fold2")
    assert report() == 0
    scores, labels, _ = read("drml/fold1/test/predictions.h5")
    f1 = [measure(s, y, "f1") for s, y in zip(scores.T, labels.T, strict=True)]
    rows = table("grids")
    assert list(rows) == ["5 x 5", "8 x 8"]
    assert float(rows["8 x 8"]["test F1-frame"]) == pytest.approx(np.mean(f1))
    assert "mean over what all grids have (fold 1)" in page()
    # The snapshots chosen: 0.45 and 0.55, and 1/50 more in fold 1.
    assert float(rows["8 x 8"]["validation F1-frame"]) == pytest.approx(47)
    assert float(rows["5 x 5"]["validation F1-frame"]) == pytest.approx(57)
    (line,) = [x for x in markdown().splitlines() if x.startswith("| 5 x 5 | 25 |")]
    assert line.count("**") == 2  # bold by validation alone
    assert "| **57.0** |" in line
    (out / "grids/5x5/fold1/selection.json").unlink()
    assert report() == 0
    assert table("grids")["5 x 5"]["validation F1-frame"] == ""


PARTS = {
    "table4": "Table 4",
    "saliency": "Fig. 4",
    "relations": "Fig. 5b-d",
    "region": "Region layer",
}


def test_nothing_but_a_run_that_began(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(Path("out"))
    assert report() == 0
    assert "No network has results for Table 2 yet." in page()
    missing = re.search(r"<ul>(.*?)</ul>", page())[1]
    for part in ("Table 3", *PARTS.values(), "Fig. 5a", "Features", "Grids"):
        assert f"<li>{part}: no results yet" in missing
    assert "Table 2: no results yet" in missing
    shown = re.findall(r'id="\w*?(protocol_paper)?" class="results', page())
    assert shown == ["protocol_paper"]  # of the paper's own numbers


@pytest.mark.parametrize("part", PARTS)
def test_every_part_may_lack_or_be_alone(out, tmp_path, part):
    shutil.move(out / part, tmp_path / part)
    assert report() == 0
    assert f"<li>{PARTS[part]}: no results yet" in page()
    shutil.rmtree(out)
    make_run(out)
    shutil.move(tmp_path / part, out / part)
    assert report() == 0
    assert f"<li>{PARTS[part]}: no results yet" not in page()


def test_what_was_not_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(Path("out"), parts=["2"], grids=[])
    assert report() == 0
    assert "<li>Table 3: not asked for" in page()
    assert "<li>Table 2: no results yet" in page()
    assert "Grids" not in page()


def test_why_a_part_was_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(Path("out"), left_out=["Table 3 is left out: it wants DISFA"])
    assert report() == 0
    assert "<li>Table 3 is left out: it wants DISFA</li>" in page()
    assert "Table 3: no results" not in page()


def test_a_shortened_training_is_not_called_the_papers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    papers = {"protocol": "paper", "generated": False}
    make_run(Path("out"), **papers)
    assert report() == 0
    assert "(4.1)\n" in markdown()
    make_run(Path("out"), **papers, iterations=100, patience=3)
    assert report() == 0
    said = "sampling (4.1), but 100 iterations; with early end (patience 3)\n"
    assert said in markdown()


def test_a_training_that_failed_is_no_hindrance(out, capsys):
    for fold in (1, 2):
        shutil.rmtree(out / f"alexnet/fold{fold}/test")
        (out / f"alexnet/fold{fold}/selection.json").unlink()
        (out / f"alexnet/fold{fold}/train.log").write_text("out of memory")
    log = out / "drml/fold1/train.log"
    log.write_text(re.sub(r"loss = .*", "loss = nan", log.read_text()))
    assert report() == 0
    assert "<li>Fig. 5a: AlexNet has no log yet" in page()


def cut(file):
    Path(file).write_bytes(Path(file).read_bytes()[:-200])


def other_faces(file):
    with h5py.File(file, "r+") as found:
        found["keys"][0] = "someone else"


def rewrite(file, old, new):
    Path(file).write_text(Path(file).read_text().replace(old, new))


DAMAGE = {
    "run.json does not exist; run make": lambda: Path("out/run.json").unlink(),
    "run.json lacks nets": lambda: rewrite("out/run.json", '"nets"', '"net"'),
    "fold1/test/predictions.h5 cannot be read": lambda: cut(
        "out/drml/fold1/test/predictions.h5"
    ),
    "is of generated faces, while out/run.json says real": lambda: make_run(
        Path("out"), generated=False
    ),
    "DRML and AlexNet were evaluated on different faces": lambda: other_faces(
        "out/drml/fold2/test/predictions.h5"
    ),
    "AlexNet were evaluated on different faces, AUs or labels": lambda: only_negatives(
        "out/drml/fold2/test/predictions.h5"
    ),
    "features.h5 cannot be read": lambda: cut("out/drml/features.h5"),
    "train.log holds no loss": lambda: Path("out/drml/fold1/train.log").write_text("x"),
    "saliency.csv cannot be read": lambda: rewrite(
        "out/saliency/saliency.csv", ",area", ",size"
    ),
    "saliency.csv compares networks on different faces": lambda: rewrite(
        "out/saliency/saliency.csv", 'fold 2",AlexNet', 'fold 1",AlexNet'
    ),
    "running_time.csv cannot be read": lambda: rewrite(
        "out/table4/running_time.csv", "10.0", "soon"
    ),
    "region.png is not a whole PNG": lambda: cut("out/region/region.png"),
    "relations.csv lacks the ground truth": lambda: rewrite(
        "out/relations/relations.csv", "ground truth", "truth"
    ),
    "best.json lacks val_f1": lambda: rewrite("out/drml/best.json", "val_f1", "f1"),
    "selection.json is no selection": lambda: rewrite(
        "out/drml/fold1/selection.json", '"auc"', '"area"'
    ),
}


@pytest.mark.parametrize("sentence", DAMAGE)
def test_damage_is_one_sentence(out, capsys, sentence):
    DAMAGE[sentence]()
    assert report() == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert sentence in lines[0]
    assert not Path("out/report").exists()


def test_folds_of_different_aus_are_refused(out, capsys):
    with h5py.File("out/drml/fold1/test/predictions.h5", "r+") as file:
        file.attrs["aus"] = [*BP4D_AUS[:-1], 25]
    assert report() == 1
    assert "DRML's folds were evaluated on different AUs" in capsys.readouterr().err


def test_one_fold_is_no_choice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_out(Path("out"), folds=(2,))
    assert report() == 0
    assert "The models: AlexNet of fold 2" in page()
    assert "the one of the best validation F1" not in page()
    assert "F1-frame in BP4D's layout, fold 2 (generated faces)" in page()
    for said in ("mean over folds", "mean over the folds", "all folds"):
        assert said not in page()
    assert "AlexNet: fold 2; DRML: fold 2" in page()


def test_networks_that_figures_of_one_fold_lack(out):
    make_run(out, nets=[*NETS, "lcn"])
    assert report() == 0
    for figure in ("Fig. 4", "Fig. 5b-d"):
        assert f"<li>{figure}: LCN is not in it; it wants every fold that" in page()
        assert f"{figure}: DRML is not" not in page()


def test_a_distance_of_fewer_entries_is_not_compared(out):
    assert report() == 0
    assert table("figure5b")["DRML"]["distance per entry diff."]
    file = out / "relations/relations.csv"
    lines = file.read_text().splitlines()
    blank = [",".join([*x.split(",")[:-1], ""]) if "DRML,24" in x else x for x in lines]
    file.write_text("\n".join(blank) + "\n")
    assert report() == 0
    row = table("figure5b")["DRML"]
    assert row["entries"] == "132"  # a row of twelve less
    assert row["distance per entry ours"]
    assert row["distance per entry diff."] == ""


def test_table4_ratios(out):
    file = out / "table4/running_time.csv"
    line = "ConvNet,train,4.0,0.1,1,6.4,0.003,1,8,5,5,a CPU"
    file.write_text(file.read_text() + line + "\n")
    assert report() == 0
    row = table("table4")["DRML"]
    assert float(row["train, here ms"]) == 10
    assert float(row["train, paper ms"]) == 19.1
    assert float(row["train, x ConvNet here"]) == 2.5
    assert float(row["train, x ConvNet paper"]) == pytest.approx(19.1 / 6.4)
    assert float(row["train, x ConvNet diff."]) == pytest.approx(2.5 - 19.1 / 6.4)
    assert row["test, x ConvNet here"] == ""  # ConvNet's test was not timed


def test_real_faces_are_not_called_generated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_out(Path("out"), generated=False)
    assert report() == 0
    assert "generated" not in page()
    assert "generated" not in markdown()
    assert "F1-frame on BP4D, mean over folds" in page()


def test_same_input_same_bytes(out):
    def written():
        assert report() == 0
        return {f.name: f.read_bytes() for f in Path("out/report").iterdir()}

    assert written() == written()
