"""The paper's results section: its numbers against scikit-learn, its titles."""

import csv
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from results_reader import html_rows, markdown, measure, of_folds, page, read, table
from sklearn.metrics import average_precision_score, f1_score
from tiny_results import BEST, FACES, NETS, SHARED

from data_prep.aus import BP4D_AUS, DISFA_AUS
from drml.figures.relations import correlations
from drml.nets.names import TITLES
from drml.report.curves import smoothed
from drml.report.paper import AVERAGE, percent_of
from drml.report.paper_figures import choose_fold

MEASURES = ("f1", "auc")
FIRST_SUBJECT = np.arange(FACES) % 3 == 0
READ_OUT_FOLDS = (FIRST_SUBJECT, ~FIRST_SUBJECT)


@pytest.fixture(autouse=True)
def there(reported_results, monkeypatch):
    monkeypatch.chdir(reported_results)


@pytest.mark.parametrize("name", MEASURES)
def test_table2_is_the_mean_of_scikit_learns_folds(name):
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
            assert (
                f"{means[au] - papers:+.1f}".replace("-", "\N{MINUS SIGN}")
                in shown[str(au)]
            )
        average = found["Avg."]
        mean = np.mean(list(means.values()))
        assert float(average[f"{TITLES[net]} ours"]) == pytest.approx(mean)
        assert float(average[f"{TITLES[net]} paper"]) == percent_of(
            2, name, TITLES[net], AVERAGE
        )
    assert float(found["7"]["paper only JPML"]) == percent_of(2, name, "JPML", 7)
    assert float(found["7"]["paper only LCN"]) == percent_of(2, name, "LCN", 7)


def test_pooled_frames_are_measured_at_once():
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


def test_markdown_has_the_same_tables():
    f1 = np.mean(of_folds("drml", 12, "f1"))
    auc = np.mean(of_folds("drml", 12, "auc"))
    papers = [percent_of(2, name, "DRML", 12) for name in MEASURES]
    for ours, paper in zip((f1, auc), papers, strict=True):
        cells = rf"\| \**{ours:.1f}\** \| \S+ \| \**{paper:.1f}\** \|"
        assert re.search(cells, markdown())
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", markdown()):
        assert (Path("out/report") / picture).stat().st_size > 1000


@pytest.mark.parametrize("name", MEASURES)
def test_table3_direct_outputs_and_read_out(name):
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
            folds = [slice(None)] if aus is direct[2] else READ_OUT_FOLDS
            measures = [measure(scores[f, i], labels[f, i], name) for f in folds]
            expected = np.mean(measures)
            ours = float(found[str(au)][f"DRML {column}"])
            assert ours == pytest.approx(expected)
            columns[column].append(expected)
        assert float(found[str(au)]["DRML paper"]) == percent_of(3, name, "DRML", au)
        if name == "f1" and au in SHARED:  # calling all present, for the direct outputs
            labels = direct[1][:, SHARED.index(au)]
            expected = measure(np.ones_like(labels), labels, "f1")
            assert float(found[str(au)]["all-pos. F1"]) == pytest.approx(expected)
    for column, values in columns.items():
        average = float(found["Avg."][f"DRML {column}"])
        assert average == pytest.approx(np.mean(values))
    assert f"DRML of fold {BEST} (iteration 400, validation F1 49.0)" in page()


def test_ours_under_each_reading_of_the_protocol():
    """Of the same predictions: DISFA at 3 and at 2, all frames and 1:2."""
    scores, labels, aus = read("drml/disfa/direct/predictions.h5")
    with h5py.File("out/drml/disfa/direct/predictions.h5") as file:
        intensities = file["intensities"][:]
    column = aus.index(6)
    for threshold in (3, 2):
        found = table(f"protocol_table3_{threshold}_f1")
        truth = np.where(intensities < 0, 0, np.where(intensities >= threshold, 1, -1))
        if threshold == 3:
            assert np.array_equal(truth, labels)
        ours = float(found["6"]["all frames DRML"])
        assert ours == pytest.approx(measure(scores[:, column], truth[:, column], "f1"))
        assert float(found["6"]["paper DRML"]) == percent_of(3, "f1", "DRML", 6)
        # Twice as many negatives: a third is present, and calling all gives 1/2.
        assert float(found["Avg."]["1:2 all-pos. F1"]) == pytest.approx(50)
    found = table("protocol_table2_auc")["Avg."]
    assert float(found["all frames DRML"]) == pytest.approx(
        float(table("table2_auc")["Avg."]["DRML ours"])
    )
    assert float(found["1:2 DRML"]) != float(found["all frames DRML"])


def test_the_argument_counts_the_papers_cells():
    assert "Table 2: 15 of 35 such cells contradict all frames" in page()
    assert "Table 3: 31 of 31 such cells contradict all frames at intensity 3" in page()
    rows = list(
        csv.DictReader(Path("out/report/protocol_paper.csv").read_text().splitlines())
    )
    counts = [int(row["networks' cells of them contradict"]) for row in rows]
    assert counts == [15, 5, 4, 31, 9, 0, 22, 0, 0]


def test_average_precision_is_scikit_learns():
    column = BP4D_AUS.index(12)
    folds = [read(f"drml/fold{k}/test/predictions.h5") for k in (1, 2)]
    expected = []
    for scores, labels, _ in folds:
        known = labels[:, column] != 0
        truth = labels[known, column] > 0
        expected.append(100 * average_precision_score(truth, scores[known, column]))
    row = table("table2_ap")["12"]
    assert float(row["AP DRML"]) == pytest.approx(np.mean(expected))
    assert float(row["paper LSVM's AUC"]) == 55.3
    assert "within 3 points of the AU's in 8 of 12 AUs" in page()


def test_intervals_and_paired_differences():
    own = table("table2_intervals")["DRML"]
    average = float(table("table2_f1")["Avg."]["DRML ours"])
    assert float(own["F1-frame is"]) == pytest.approx(average)
    assert float(own["F1-frame from"]) < float(own["F1-frame to"])
    # Thresholds of 0.4 that the predictions bring: F1 in percent, mean over folds.
    at_val = []
    for k in (1, 2):
        scores, labels, _ = read(f"drml/fold{k}/test/predictions.h5")
        for c in range(len(BP4D_AUS)):
            known = labels[:, c] != 0
            truth, called = labels[known, c] > 0, scores[known, c] >= 0.4
            at_val.append(100 * f1_score(truth, called))
    found = float(own["F1 at val's threshold is"])
    assert found == pytest.approx(np.mean(at_val), abs=0.01)
    row = table("table2_differences")["DRML less AlexNet"]
    gap = average - float(table("table2_f1")["Avg."]["AlexNet ours"])
    assert float(row["F1-frame ours"]) == pytest.approx(gap)
    low, high = float(row["F1-frame from"]), float(row["F1-frame to"])
    assert (row["F1-frame is"] == "more than noise") == (low > 0 or high < 0)
    assert float(row["F1-frame paper"]) == pytest.approx(48.3 - 38.4)
    assert "Differences of averages in BP4D's layout that are more than noise" in page()


def test_every_title_says_generated_faces():
    titles = re.findall(r"<(?:h[123]|title|figcaption)>(.*?)</", page())
    titles += re.findall(r"(?m)^#+ (.*)$|!\[(.*?)\]", markdown())
    titles = ["".join(title) for title in titles]
    assert len(titles) > 60
    unmarked = {title for title in titles if "(generated faces)" not in title}
    assert len(unmarked) == 3  # Table 4 and its table, the paper's own cells
    marks = ("(random input)", "(paper's numbers)")
    assert all(title.endswith(marks) for title in unmarked)
    for file in Path("out/report").glob("*.csv"):
        rows = list(csv.DictReader(file.read_text().splitlines()))
        marks = {"table4": "(random input)", "protocol_paper": "(paper's numbers)"}
        mark = marks.get(file.stem, "(generated faces)")
        assert all(mark in row["table"] for row in rows)
    assert "(generated faces)" in Path("out/report/training_loss.svg").read_text()
    for text_of in (page(), markdown()):
        assert "expected and mean nothing" in text_of


def test_page_stands_alone():
    sources = re.findall(r'(?:src|href)="([^"]*)"', page())
    assert len(sources) == 5  # two of Fig. 4, 5a, 5b-d, region layer
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(|https?:", page())


def test_best_of_a_row_is_bold():
    for au in BP4D_AUS:
        ours = {TITLES[net]: np.mean(of_folds(net, au, "f1")) for net in NETS}
        best = max(ours.values())
        row = next(
            line for line in markdown().splitlines() if line.startswith(f"| {au} |")
        )
        assert f"**{best:.1f}**" in row


def test_what_the_folder_holds():
    three_way = "Splits: three-way, as in the paper: of the three lists of subjects one"
    assert three_way in markdown()
    for said in ("AlexNet: folds 1, 2; DRML: folds 1, 2", "5 x 5: folds 1, 2"):
        assert said in page()
        assert said in markdown()
    named = f"DRML of fold {BEST} (iteration 400, validation F1 49.0); of several folds"
    assert page().count(named) == 2  # at the top, and at Table 3


def test_summary_is_that_of_the_averages():
    row = table("table2_f1")["Avg."]
    averages = {TITLES[net]: float(row[f"{TITLES[net]} ours"]) for net in NETS}
    ranked = sorted(averages, key=averages.get, reverse=True)
    first = f"{ranked[0]} ({averages[ranked[0]]:.1f})"
    assert f"By average F1-frame {first} is best here" in page()
    assert "of the same systems in the paper DRML (48.3)." in page()
    holds = {
        "DRML": "holds here",
        "AlexNet": "does not hold here; it is AlexNet > DRML",
    }
    assert f"The paper's order, DRML > AlexNet, {holds[ranked[0]]}." in page()


def test_correlation_distance_beside_the_papers():
    scores, labels, _ = read(f"drml/fold{BEST}/test/predictions.h5")
    gap = correlations(scores >= 0.5, labels) - correlations(labels, labels)
    row = table("figure5b")["DRML"]
    assert float(row["distance per entry ours"]) == pytest.approx(
        np.linalg.norm(gap) / gap.size
    )
    assert float(row["distance per entry paper"]) == 0.0068


def test_features_and_concentration():
    with h5py.File("out/drml/features.h5") as file:
        zeros = 100 * np.mean(file["features"][:] == 0)
    row = table("features")["DRML"]
    assert float(row["zeros (percent) ours"]) == pytest.approx(zeros)
    assert (row["dimension ours"], row["dimension paper"]) == ("20", "2048")


def test_concentration_is_of_each_networks_own_crop():
    rows = list(
        csv.DictReader(Path("out/saliency/saliency.csv").read_text().splitlines())
    )
    found = table("figure4")
    for net, area in (("DRML", 8 / 34), ("AlexNet", 7 / 34)):
        shares = {
            r["au"]: float(r["concentration"])
            for r in rows
            if r["net"] == net and r["area"]
        }
        assert float(found["12"][f"{net} region"]) == pytest.approx(100 * area)
        inside = float(found["12"][f"{net} saliency"])
        assert inside == pytest.approx(100 * shares["12"])
        ratio = float(found["12"][f"{net} ratio"])
        assert ratio == pytest.approx(shares["12"] / area)
        assert found["24"][f"{net} ratio"] == ""
        foot = found[""]
        assert foot["name"] == "Avg. of 11 of 12 AUs"
        average = 100 * np.mean([*shares.values()])
        assert float(foot[f"{net} saliency"]) == pytest.approx(average)
    said = "All networks on the same faces: generated faces in BP4D's layout, fold 2;"
    assert said in page()


def test_chosen_snapshots_are_marked():
    assert "| DRML | 200 | 42.0 | 44.0 | 52.0 | 54.0 |" in markdown()
    chosen = "| DRML | 400 | **47.0** | **49.0** (best) | **57.0** | **59.0** |"
    assert chosen in markdown()


def test_how_it_was_made():
    row = table("models")["DRML"]
    assert row["weights"] == "drml_iter_400.caffemodel"
    assert (row["solver's seed"], row["faces"]) == ("3", str(FACES))
    assert row["solver"] == "Adam, base_lr 0.0003, batch 8, 400 iterations"
    for said in ("make reproduce", "drml report paper out", "scikit-learn"):
        assert said in page()
        assert said in markdown()


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
