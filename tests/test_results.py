"""results.py over a made-up OUT: its numbers against scikit-learn, and what it says."""

import csv
import json
import re
import shutil
import sys
from html import unescape
from pathlib import Path

import h5py
import numpy as np
import pytest
import results
from sklearn.metrics import f1_score, roc_auc_score
from tiny_results import BEST, FACES, NETS, SHARED, make_out, make_run

from data_prep.aus import BP4D_AUS, DISFA_AUS
from data_prep.errors import run
from drml.networks import TITLES
from drml.paper import AVERAGE, percent_of
from drml.relations import correlations
from drml.results.figure5a import choose_fold, smoothed
from drml.results.page import tint
from drml.results.table import DIFFERENCE, OURS, Cell, Column, text

MEASURES = ("f1", "auc")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "out"
    make_out(folder)
    return folder


@pytest.fixture
def out(whole, tmp_path, monkeypatch):
    """A copy of the whole OUT as "out" in the current folder."""
    shutil.copytree(whole, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    return Path("out")


def reported(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["results.py", "out"])
    with pytest.raises(SystemExit) as end:
        run(results.main)
    return end.value.code


def page():
    return unescape(" ".join(Path("out/report/results.html").read_text().split()))


def markdown():
    return Path("out/report/results.md").read_text()


def table(stem):
    """Read a table's CSV: the text of its first column -> the row."""
    lines = Path(f"out/report/{stem}.csv").read_text().splitlines()
    rows = list(csv.DictReader(lines))
    return {list(row.values())[1]: row for row in rows}


def html_rows(title):
    """Return the texts of the cells of the table under an <h3>."""
    body = re.search(rf"<h3>{re.escape(title)}</h3>.*?<tbody.*?>(.*?)</tbody>", page())
    rows = re.findall(r"<tr>(.*?)</tr>", body[1])
    cells = [re.findall(r"<td.*?>(.*?)</td>", row) for row in rows]
    return {row[0]: [re.sub(r"<.*?>", "", cell) for cell in row] for row in cells}


def read(file):
    with h5py.File(Path("out") / file) as found:
        aus = found.attrs["aus"].tolist()
        return found["scores"][:], found["labels"][:], aus


def measure(scores, labels, name):
    """Percent, by scikit-learn alone."""
    known = labels != 0
    present, scores = labels[known] > 0, scores[known]
    if name == "f1":
        return 100 * f1_score(present, scores >= 0.5)
    return 100 * roc_auc_score(present, scores)


def of_folds(net, au, name):
    """The measure in each fold."""
    found = [read(f"{net}/fold{k}/test/predictions.h5") for k in (1, 2)]
    columns = [(s[:, a.index(au)], y[:, a.index(au)]) for s, y, a in found]
    return [measure(*column, name) for column in columns]


@pytest.mark.parametrize("name", MEASURES)
def test_table2_is_the_mean_of_scikit_learns_folds(out, monkeypatch, name):
    assert reported(monkeypatch) == 0
    found = table(f"table2_{name}")
    titles = {"f1": "F1-frame", "auc": "AUC"}
    shown = html_rows(
        f"{titles[name]} in BP4D's layout, mean over folds (generated faces)"
    )
    for net in NETS:
        means = {}
        for au in BP4D_AUS:
            means[au] = np.mean(of_folds(net, au, name))
            row = found[str(au)]
            assert float(row[f"{TITLES[net]} ours"]) == pytest.approx(means[au])
            papers = percent_of(2, name, TITLES[net], au)
            assert float(row[f"{TITLES[net]} paper"]) == papers
            assert float(row[f"{TITLES[net]} diff."]) == pytest.approx(
                means[au] - papers
            )
            assert f"{means[au]:.1f}" in shown[str(au)]
            assert f"{means[au] - papers:+.1f}".replace("-", "−") in shown[str(au)]
        average = found["Avg."]
        mean = np.mean(list(means.values()))
        assert float(average[f"{TITLES[net]} ours"]) == pytest.approx(mean)
        assert float(average[f"{TITLES[net]} paper"]) == percent_of(
            2, name, TITLES[net], AVERAGE
        )
    assert float(found["7"]["paper only JPML"]) == percent_of(2, name, "JPML", 7)
    assert float(found["7"]["paper only LCN"]) == percent_of(2, name, "LCN", 7)


def test_pooled_frames_are_measured_at_once(out, monkeypatch):
    assert reported(monkeypatch) == 0
    row = table("table2_pooled")["12"]
    column = BP4D_AUS.index(12)
    for net in NETS:
        found = [read(f"{net}/fold{k}/test/predictions.h5") for k in (1, 2)]
        scores = np.concatenate([s[:, column] for s, _, _ in found])
        labels = np.concatenate([y[:, column] for _, y, _ in found])
        for name, title in (("f1", "F1-frame"), ("auc", "AUC")):
            ours = float(row[f"{title} {TITLES[net]}"])
            assert ours == pytest.approx(measure(scores, labels, name))
    assert int(row["present"]) == np.count_nonzero(labels > 0)
    assert int(row["unknown"]) == np.count_nonzero(labels == 0)
    skewness = np.count_nonzero(labels < 0) / np.count_nonzero(labels > 0)
    assert float(table("table2_f1")["12"]["skewness here"]) == pytest.approx(skewness)
    assert float(table("table2_f1")["12"]["skewness paper"]) == 0.8


def test_markdown_has_the_same_tables(out, monkeypatch):
    assert reported(monkeypatch) == 0
    f1 = np.mean(of_folds("drml", 12, "f1"))
    auc = np.mean(of_folds("drml", 12, "auc"))
    papers = [percent_of(2, name, "DRML", 12) for name in MEASURES]
    for ours, paper in zip((f1, auc), papers, strict=True):
        cells = rf"\| \**{ours:.1f}\** \| \S+ \| \**{paper:.1f}\** \|"
        assert re.search(cells, markdown())
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", markdown()):
        assert (Path("out/report") / picture).stat().st_size > 1000


@pytest.mark.parametrize("name", MEASURES)
def test_table3_direct_outputs_and_read_out(out, monkeypatch, name):
    assert reported(monkeypatch) == 0
    found = table(f"table3_{name}")
    direct = read("drml/disfa/direct/predictions.h5")
    read_out = read("drml/disfa/read_out/predictions.h5")
    columns = {"direct": [], "read-out": []}
    for au in DISFA_AUS:
        sources = {
            "direct": direct if au in SHARED else read_out,
            "read-out": read_out,
        }
        for column, (scores, labels, aus) in sources.items():
            i = aus.index(au)
            expected = measure(scores[:, i], labels[:, i], name)
            ours = float(found[str(au)][f"DRML {column}"])
            assert ours == pytest.approx(expected)
            columns[column].append(expected)
        assert float(found[str(au)]["DRML paper"]) == percent_of(3, name, "DRML", au)
    for column, values in columns.items():
        average = float(found["Avg."][f"DRML {column}"])
        assert average == pytest.approx(np.mean(values))
    assert f"DRML of fold {BEST} (iteration 400, validation F1 49.0)" in page()


def test_direct_outputs_alone_have_no_average_to_compare(out, monkeypatch):
    for net in NETS:
        shutil.rmtree(out / net / "disfa/read_out")
    assert reported(monkeypatch) == 0
    row = table("table3_f1")["Avg."]
    assert row["AlexNet direct"]
    assert row["AlexNet diff."] == row["AlexNet read-out"] == ""
    assert "Table 3: DRML has no read-out results yet" in page()


def only_negatives(file, au=24):
    with h5py.File(file, "r+") as found:
        column = found.attrs["aus"].tolist().index(au)
        found["labels"][:, column] = -1


def test_an_au_of_one_class_in_a_fold(out, monkeypatch):
    expected = of_folds("drml", 24, "f1")[1]
    for net in NETS:
        only_negatives(out / net / "fold1/test/predictions.h5")
    only_negatives(out / "grids/5x5/fold1/test/predictions.h5")
    assert reported(monkeypatch) == 0
    row = table("table2_f1")["24"]
    assert float(row["DRML ours"]) == pytest.approx(expected)
    assert "DRML ours: 1 of 2 folds" in row["remarks"]
    assert "11 of 12 AUs" in table("table2_folds")["DRML"]["remarks"]
    assert "<small>1 of 2 folds</small>" in page()
    assert "(1 of 2 folds)" in markdown()


def test_an_au_of_one_class_in_every_fold(out, monkeypatch):
    for net in NETS:
        for fold in (1, 2):
            only_negatives(out / net / f"fold{fold}/test/predictions.h5")
    shutil.rmtree(out / "grids")
    assert reported(monkeypatch) == 0
    rows = table("table2_auc")
    assert rows["24"]["DRML ours"] == rows["24"]["DRML diff."] == ""
    assert "DRML ours: undefined" in rows["24"]["remarks"]
    others = [np.mean(of_folds("drml", au, "auc")) for au in BP4D_AUS[:-1]]
    assert float(rows["Avg."]["DRML ours"]) == pytest.approx(np.mean(others))
    assert rows["Avg."]["DRML diff."] == ""  # over other AUs than the paper's
    assert "DRML ours: 11 of 12 AUs" in rows["Avg."]["remarks"]
    assert '<span class="undefined">undefined</span>' in page()


def test_every_title_says_generated_faces(out, monkeypatch):
    assert reported(monkeypatch) == 0
    titles = re.findall(r"<(?:h[123]|title|figcaption)>(.*?)</", page())
    titles += re.findall(r"(?m)^#+ (.*)$|!\[(.*?)\]", markdown())
    titles = ["".join(title) for title in titles]
    assert len(titles) > 60
    assert [t for t in titles if "(generated faces)" not in t] == []
    for file in Path("out/report").glob("*.csv"):
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert all("(generated faces)" in row["table"] for row in rows)
    assert "(generated faces)" in Path("out/report/training_loss.svg").read_text()
    for text_of in (page(), markdown()):
        assert "expected and mean nothing" in text_of


def test_real_faces_are_not_called_generated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_out(Path("out"), generated=False)
    assert reported(monkeypatch) == 0
    assert "generated" not in page().replace(
        re.search("<style>.*</style>", page())[0], ""
    )
    assert "generated" not in markdown()
    assert "F1-frame on BP4D, mean over folds" in page()


def test_page_stands_alone(out, monkeypatch):
    assert reported(monkeypatch) == 0
    sources = re.findall(r'(?:src|href)="([^"]*)"', page())
    assert len(sources) == 5  # two of Fig. 4, 5a, 5b-d, region layer
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(|https?:", page())


def test_same_input_same_bytes(out, monkeypatch):
    def written():
        assert reported(monkeypatch) == 0
        return {f.name: f.read_bytes() for f in Path("out/report").iterdir()}

    assert written() == written()


def test_best_of_a_row_is_bold(out, monkeypatch):
    assert reported(monkeypatch) == 0
    for au in BP4D_AUS:
        ours = {TITLES[net]: np.mean(of_folds(net, au, "f1")) for net in NETS}
        best = max(ours.values())
        row = next(
            line for line in markdown().splitlines() if line.startswith(f"| {au} |")
        )
        assert f"**{best:.1f}**" in row


def test_summary_is_that_of_the_averages(out, monkeypatch):
    assert reported(monkeypatch) == 0
    averages = {
        net: float(table("table2_f1")["Avg."][f"{TITLES[net]} ours"]) for net in NETS
    }
    best = TITLES[max(averages, key=averages.get)]
    assert (
        f"{best} ({max(averages.values()):.1f}) has the best average F1-frame" in page()
    )
    assert "in the paper, of the same networks, DRML (48.3)" in page()
    verdict = "holds here" if best == "DRML" else "does not hold here: AlexNet > DRML"
    assert f"The paper's order, DRML > AlexNet, {verdict}" in page()


def test_summary_follows_the_predictions(out, monkeypatch):
    """Whichever network makes no mistake is first."""
    for net in NETS:
        for other in NETS:
            for file in (out / other).glob("fold*/test/predictions.h5"):
                with h5py.File(file, "r+") as found:
                    right = found["labels"][:] > 0
                    found["scores"][:] = right if other == net else ~right
        assert reported(monkeypatch) == 0
        assert f"{TITLES[net]} (100.0) has the best average F1-frame" in page()
        holds = "DRML > AlexNet, holds here" in page()
        assert holds == (net == "drml")


def test_a_network_alone_and_unequal_folds(out, monkeypatch):
    shutil.rmtree(out / "alexnet/fold2")
    assert reported(monkeypatch) == 0
    assert "Table 2: AlexNet has no results on fold 2 yet" in page()
    assert "not like for like" in page()
    shutil.rmtree(out / "alexnet")
    make_run(out, nets=["drml"])
    assert reported(monkeypatch) == 0
    average = float(table("table2_auc")["Avg."]["DRML ours"])
    alone = (
        f"only DRML has results: its average AUC is {average:.1f}, in the paper 56.0"
    )
    assert alone in page()


def test_table4_ratios(out, monkeypatch):
    file = out / "table4/running_time.csv"
    line = "ConvNet,train,4.0,0.1,1,6.4,0.003,1,8,5,5,a CPU"
    file.write_text(file.read_text() + line + "\n")
    assert reported(monkeypatch) == 0
    row = table("table4")["DRML"]
    assert float(row["train, here ms"]) == 10
    assert float(row["train, paper ms"]) == 19.1
    assert float(row["train, x ConvNet here"]) == 2.5
    assert float(row["train, x ConvNet paper"]) == pytest.approx(19.1 / 6.4)
    assert float(row["train, x ConvNet diff."]) == pytest.approx(2.5 - 19.1 / 6.4)
    assert row["test, x ConvNet here"] == ""  # ConvNet's test was not timed


def test_correlation_distance_beside_the_papers(out, monkeypatch):
    assert reported(monkeypatch) == 0
    scores, labels, _ = read(f"drml/fold{BEST}/test/predictions.h5")
    gap = correlations(scores >= 0.5, labels) - correlations(labels, labels)
    row = table("figure5b")["DRML"]
    assert float(row["distance per entry ours"]) == pytest.approx(
        np.linalg.norm(gap) / gap.size
    )
    assert float(row["distance per entry paper"]) == 0.0068


def test_features_and_concentration(out, monkeypatch):
    assert reported(monkeypatch) == 0
    with h5py.File("out/drml/features.h5") as file:
        zeros = 100 * np.mean(file["features"][:] == 0)
    row = table("features")["DRML"]
    assert float(row["zeros (percent) ours"]) == pytest.approx(zeros)
    assert (row["dimension ours"], row["dimension paper"]) == ("20", "2048")
    rows = list(csv.DictReader(Path("out/saliency/saliency.csv").open()))
    shares = [
        float(r["concentration"]) for r in rows if r["net"] == "DRML" and r["area"]
    ]
    ours = Path("out/report/figure4.csv").read_text().splitlines()
    foot = next(csv.DictReader([ours[0], ours[-1]]))
    assert foot["name"] == "Avg. of 11 of 12 AUs"
    assert float(foot["saliency in the region DRML"]) == pytest.approx(
        100 * np.mean(shares)
    )


def test_grids_over_the_folds_that_all_have(out, monkeypatch):
    shutil.rmtree(out / "grids/5x5/fold2")
    assert reported(monkeypatch) == 0
    scores, labels, _ = read("drml/fold1/test/predictions.h5")
    f1 = [measure(s, y, "f1") for s, y in zip(scores.T, labels.T, strict=True)]
    rows = table("grids")
    assert list(rows) == ["5 x 5", "8 x 8"]
    assert float(rows["8 x 8"]["F1-frame"]) == pytest.approx(np.mean(f1))
    assert "folds that all grids have (1)" in page()


def test_chosen_snapshots_are_marked(out, monkeypatch):
    assert reported(monkeypatch) == 0
    assert "| DRML | 200 | 42.0 | 44.0 | 52.0 | 54.0 |" in markdown()
    chosen = "| DRML | 400 | **47.0** | **49.0** (best) | **57.0** | **59.0** |"
    assert chosen in markdown()


PARTS = {
    "table4": "Table 4",
    "saliency": "Fig. 4",
    "relations": "Fig. 5b-d",
    "region": "Region layer",
}


def test_nothing_but_a_run_that_began(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(Path("out"))
    assert reported(monkeypatch) == 0
    assert "No network has results on generated faces in BP4D's layout yet." in page()
    missing = re.search(r"<ul>(.*?)</ul>", page())[1]
    for part in ("Table 3", *PARTS.values(), "Fig. 5a", "Features", "Grids"):
        assert f"<li>{part}: no results yet" in missing
    assert "Table 2: no results yet" in missing
    assert '<table class="results' not in page()


@pytest.mark.parametrize("part", PARTS)
def test_every_part_may_lack_or_be_alone(out, tmp_path, monkeypatch, part):
    shutil.move(out / part, tmp_path / part)
    assert reported(monkeypatch) == 0
    assert f"<li>{PARTS[part]}: no results yet" in page()
    shutil.rmtree(out)
    make_run(out)
    shutil.move(tmp_path / part, out / part)
    assert reported(monkeypatch) == 0
    assert f"<li>{PARTS[part]}: no results yet" not in page()


def test_what_was_not_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(Path("out"), parts=["2"], grids=[])
    assert reported(monkeypatch) == 0
    assert "<li>Table 3: not asked for" in page()
    assert "<li>Table 2: no results yet" in page()
    assert "Grids" not in page()


def cut(file):
    Path(file).write_bytes(Path(file).read_bytes()[:-200])


def other_faces(file):
    with h5py.File(file, "r+") as found:
        found["keys"][0] = "someone else"


def rewrite(file, old, new):
    Path(file).write_text(Path(file).read_text().replace(old, new))


DAMAGE = {
    "run.json does not exist; run make reproduce": lambda: Path(
        "out/run.json"
    ).unlink(),
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
    "features.h5 cannot be read": lambda: cut("out/drml/features.h5"),
    "train.log holds no loss": lambda: Path("out/drml/fold1/train.log").write_text("x"),
    "saliency.csv cannot be read": lambda: rewrite(
        "out/saliency/saliency.csv", ",area", ",size"
    ),
    "running_time.csv cannot be read": lambda: rewrite(
        "out/table4/running_time.csv", "10.0", "soon"
    ),
    "region.png is not a whole PNG": lambda: cut("out/region/region.png"),
    "relations.csv lacks the ground truth": lambda: rewrite(
        "out/relations/relations.csv", "ground truth", "truth"
    ),
    "best.json lacks val_f1": lambda: rewrite("out/drml/best.json", "val_f1", "f1"),
    "has a snapshot without measures": lambda: rewrite(
        "out/drml/fold1/selection.json", '"auc"', '"area"'
    ),
}


@pytest.mark.parametrize("sentence", DAMAGE)
def test_damage_is_one_sentence(out, monkeypatch, capsys, sentence):
    DAMAGE[sentence]()
    assert reported(monkeypatch) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert sentence in lines[0]
    assert not Path("out/report").exists()


def test_folds_of_different_aus_are_refused(out, monkeypatch, capsys):
    with h5py.File("out/drml/fold1/test/predictions.h5", "r+") as file:
        file.attrs["aus"] = [*BP4D_AUS[:-1], 25]
    assert reported(monkeypatch) == 1
    assert "DRML's folds were evaluated on different AUs" in capsys.readouterr().err


def test_how_it_was_made(out, monkeypatch):
    assert reported(monkeypatch) == 0
    row = table("models")["DRML"]
    assert row["weights"] == "drml_iter_400.caffemodel"
    assert (row["solver's seed"], row["faces"]) == ("3", str(FACES))
    for said in ("make reproduce", "python results.py out", "scikit-learn"):
        assert said in page()
        assert said in markdown()


def test_numbers_as_they_are_shown():
    ours, gap = Column("", "", OURS), Column("", "", DIFFERENCE)
    assert text(ours, Cell(47.349)) == "47.3"
    assert text(ours, Cell(np.nan)) == "undefined"
    assert text(ours, Cell()) == "-"
    assert text(gap, Cell()) == ""
    assert text(gap, Cell(-12.25)) == "\N{MINUS SIGN}12.2"
    assert text(gap, Cell(3.0)) == "+3.0"
    assert text(gap, Cell(-0.04)) == text(gap, Cell(0.04)) == "0.0"
    assert text(ours, Cell(12345)) == "12,345"


def test_differences_are_blue_above_and_orange_below():
    assert tint(15.0, 30.0) == "background: rgba(31, 90, 148, 0.23)"  # half of 0.45
    assert tint(-90.0, 30.0) == "background: rgba(200, 100, 27, 0.45)"
    assert tint(None, 30.0) == tint(np.nan, 30.0) == ""


def test_fold_of_the_loss_curves():
    first, second = object(), object()
    logs = {"DRML": {1: first, 2: first}, "AlexNet": {2: second}}
    assert choose_fold(logs) == 2  # both have it
    assert choose_fold({"DRML": {3: first, 2: first}}) == 2


def test_smoothing():
    assert smoothed([4.0]).tolist() == [4]
    # A tenth of 40 values: two neighbours on either side, fewer at the ends.
    values = np.arange(40.0)
    assert smoothed(values)[20] == 20
    assert smoothed(values)[0] == pytest.approx((0 + 1 + 2) / 3)
    assert smoothed(values * values)[20] == pytest.approx(402)  # 20^2 + (2*4 + 2*1) / 5


def test_selection_json_is_read_as_written(out, monkeypatch):
    """A snapshot without any defined AU is shown as undefined."""
    file = out / "drml/fold1/selection.json"
    record = json.loads(file.read_text())
    record["snapshots"][0] |= {"f1": None, "auc": None}
    file.write_text(json.dumps(record))
    assert reported(monkeypatch) == 0
    assert "| DRML | 200 | undefined | 44.0 | undefined | 54.0 |" in markdown()
