"""drml report run on made-up results: what the page holds, and that it stands alone."""

import base64
import json
import re
from html import unescape
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import status_of
from tiny_dataset import AUS, make_dataset

from data_prep.face_lmdb import read_faces
from drml.evaluate.metrics import au_results
from drml.evaluate.predictions import Predictions, write_evaluation
from drml.report.pages import Page, Picture, Section
from drml.report.samples import Sample
from drml.report.tables import NAME, OURS, Column, Table

LOG = """I1 solver.cpp:45] Initializing solver from parameters:
base_lr: 0.0003
max_iter: 2000
random_seed: 3
type: "Adam"
I1 net.cpp:55] Initializing net from parameters:
    batch_size: 8
I1 solver.cpp:1] Iteration 0, Testing net (#0)
I1 solver.cpp:1]     Test net output #0: loss = 9 (* 1 = 9 loss)
I1 solver.cpp:1] Iteration 0 (1 iter/s, 1s/1 iters), loss = 8.5
I1 solver.cpp:1] Iteration 50 (1 iter/s, 1s/1 iters), loss = 6.5
"""


def add_evaluation(folder, title="Tiny", generated=True, scores=None, of="BP4D"):
    """Write an evaluation of the tiny dataset, by default of all scores 0.75."""
    keys, _, labels = zip(*read_faces(Path("data/test_lmdb")), strict=True)
    labels = np.array(labels)
    scores = np.full(labels.shape, 0.75, np.float32) if scores is None else scores
    about = {
        "title": title,
        "dataset": generated * "generated faces in "
        + of
        + generated * "'s layout"
        + ", fold 1, test split",
        "generated": generated,
        "split": "test",
        "net": "net.prototxt",
        "weights": "snapshots/tiny_iter_1234.caffemodel",
        "command": "drml evaluate --net net.prototxt",
    }
    results = au_results(scores, labels, AUS)
    predictions = Predictions(about, AUS, keys, scores, labels)
    write_evaluation(Path(folder), predictions, results)
    return labels


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_dataset(tmp_path / "data")
    Path("train.log").write_text(LOG)
    return tmp_path


def reported(monkeypatch, *more, evaluations=("out",)):
    logs = ["train.log"] * len(evaluations)
    words = ["--evaluation", *evaluations, "--log", *logs, "--data", "data"]
    return status_of("report", "run", *words, "--out", "site/report.html", *more)


def page():
    """Return the page with every run of white space as one blank."""
    return " ".join(Path("site/report.html").read_text().split())


def test_page_holds_results_and_origin(project, monkeypatch):
    add_evaluation("out")
    assert reported(monkeypatch, "--title", "AUs & faces") == 0
    html = page()
    assert "<h1>AUs &amp; faces (generated faces)</h1>" in html
    assert html.count("generated faces") >= 5  # every section's title says so
    assert "lip corner puller" in html
    row = json.loads(Path("out/evaluation.json").read_text())["aus"][0]
    # 11 faces: every second, from the first, is positive: 6 + and 5 -.
    assert (row["positives"], row["negatives"]) == (6, 5)
    assert f"{100 * 12 / 17:.1f}" in html  # 2 * 6 / (2 * 6 + 5)
    assert "1,234 iterations, solver seed 3" in html
    assert "Adam, base_lr 0.0003, batch 8, 2,000 iterations" in html
    assert "<th>Splits</th><td>three-way, as in the paper" in html
    assert "drml evaluate --net net.prototxt" in html


def test_two_fold_training_is_said(project, monkeypatch):
    record = json.loads(Path("data/dataset.json").read_text())
    lists = {"train": [2, 3], "val": [1], "test": [1]}
    Path("data/dataset.json").write_text(json.dumps(record | {"fold_lists": lists}))
    add_evaluation("out")
    assert reported(monkeypatch) == 0
    assert "<th>Splits</th><td>two-fold training: two lists" in page()
    assert "three-way" not in page()


def test_page_stands_alone(project, monkeypatch):
    add_evaluation("out")
    assert reported(monkeypatch) == 0
    sources = re.findall(r'(?:src|href)="([^"]*)"', page())
    assert len(sources) >= 3
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(|http", page())


def test_same_input_same_bytes(project, monkeypatch):
    add_evaluation("out")
    assert reported(monkeypatch) == 0
    first = page()
    assert reported(monkeypatch) == 0
    assert page() == first


def test_sample_faces_show_what_became_of_each_au(project, monkeypatch):
    keys, _, labels = zip(*read_faces(Path("data/test_lmdb")), strict=True)
    scores = np.full((len(keys), 2), 0.1, np.float32)
    # The labels of the first three faces are (+, +), (-, -), (+, 0).
    scores[:3] = [[0.9, 0.1], [0.1, 0.5], [0.2, 0.8]]
    assert np.array(labels)[:3].tolist() == [[1, 1], [-1, -1], [1, 0]]
    add_evaluation("out", scores=scores)
    assert reported(monkeypatch, "--faces", "11") == 0
    faces = page().split('<div class="faces">')[1]
    figures = re.findall(r"<figcaption>(.*?)</figcaption>", faces)
    chips = [re.findall(r'chip ([\w-]+)">\S (\d+)', figure) for figure in figures]
    assert chips[0] == [("hit", "1"), ("miss", "12")]
    assert chips[1] == [("false-alarm", "12")]
    assert chips[2] == [("miss", "1"), ("unknown", "12")]
    assert len(figures) == 11
    assert "F001_T1_0" in figures[0]


def test_several_runs_side_by_side(project, monkeypatch):
    labels = add_evaluation("out/a", "Net A")
    right = np.where(labels > 0, 0.9, 0.1).astype(np.float32)
    add_evaluation("out/b", "Net B", scores=right)
    assert reported(monkeypatch, evaluations=("out/a", "out/b")) == 0
    html = page()
    heads = re.findall(r'<th class="col_heading level1 col\d+" >(.*?)</th>', html)
    assert heads[-7:] == ["baseline", *["Net A", "Net B"] * 3]  # F1, AUC, AP
    # AU 1: calling every face present is the baseline itself; B makes no mistake.
    row = re.search(r"inner brow raiser</td>(.*?)</tr>", html)[1]
    cells = re.findall(r'<td class="data row0 col\d ours ?(\w*)" >([\d.]+)', row)
    assert cells == [
        ("below", "70.6"),
        ("best", "100.0"),
        ("", "50.0"),
        ("best", "100.0"),
    ]


def test_every_figure_names_the_runs(project, monkeypatch):
    add_evaluation("out/a", "Net A")
    add_evaluation("out/b", "Net B")
    assert reported(monkeypatch, evaluations=("out/a", "out/b")) == 0
    figures = re.findall(r"data:image/svg\+xml;base64,([^\"]*)", page())
    assert len(figures) == 3  # F1, losses, ROC
    for figure in figures:
        texts = re.findall(r"<!-- (.*?) -->", base64.b64decode(figure).decode())
        assert {"Net A", "Net B"} <= set(texts)
        assert any("(generated faces)" in text for text in texts)


def test_undefined_is_shown(project, monkeypatch):
    labels = add_evaluation("out")
    record = json.loads(Path("out/evaluation.json").read_text())
    record["aus"][1] |= {"f1": None, "f1_all_positive": None, "auc": None}
    record["average"]["aus"] = 1
    Path("out/evaluation.json").write_text(json.dumps(record))
    with h5py.File("out/predictions.h5", "r+") as file:
        file["labels"][:, 1] = np.ones(len(labels))
    assert reported(monkeypatch) == 0
    assert page().count(' undefined" >undefined</td>') == 3  # baseline, F1, AUC
    assert "Avg. of 1 of 2 AUs" in page()


def test_real_faces_are_not_called_generated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_dataset(tmp_path / "data", generated=False)
    Path("train.log").write_text(LOG)
    add_evaluation("out", generated=False)
    assert reported(monkeypatch) == 0
    assert "generated" not in page()


NASTY = '<script>alert("1")</script> $\\frac$ & --> {{ 1 }}'


def test_names_are_text_on_the_page(tmp_path, monkeypatch):
    """Of datasets, subjects and nets: what a stranger calls so is shown, not run."""
    monkeypatch.chdir(tmp_path)
    make_dataset(Path("data"), generated=False, name=NASTY, subject=NASTY)
    Path("train.log").write_text(LOG)
    for net in "ab":
        add_evaluation(f"out/{net}", f"{net} {NASTY}", generated=False, of=NASTY)
    assert reported(monkeypatch, evaluations=("out/a", "out/b")) == 0
    assert "<script" not in page()
    shown = unescape(page())
    for name in (f"{NASTY}, fold 1", f"a {NASTY}", f"{NASTY}1_T1_0"):
        assert name in shown


def test_whatever_a_page_holds_is_text():
    names = Column(NASTY, [NASTY, "x"], NAME, NASTY, remarks={0: NASTY})
    numbers = Column(NASTY, [1.0, None], OURS, f"{NASTY}2", remarks={1: NASTY})
    table = Table("some", NASTY, [names, numbers], notes=[NASTY])
    sample = Sample(NASTY, "data:,", {NASTY: [(1, "hit")], "b": []})
    section = Section(
        NASTY, [NASTY], [table], [Picture("a.png", b"", NASTY)], [NASTY], [sample],
        [(NASTY, NASTY)],
    )  # fmt: skip
    html = Page(NASTY, [NASTY], [section], [(NASTY, NASTY)], [NASTY]).as_html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 20


def refused(monkeypatch, capsys, **options):
    assert reported(monkeypatch, **options) == 1
    assert not Path("site").exists()
    return capsys.readouterr().err


def test_missing_input_is_one_sentence(project, monkeypatch, capsys):
    sentence = refused(monkeypatch, capsys)
    assert "out/evaluation.json does not exist; make it with" in sentence
    add_evaluation("out")
    Path("out/predictions.h5").write_bytes(b"")
    assert "out/predictions.h5 cannot be read" in refused(monkeypatch, capsys)
    add_evaluation("out")
    Path("train.log").write_text("nothing")
    assert "train.log holds no loss" in refused(monkeypatch, capsys)


def test_other_dataset_is_refused(project, monkeypatch, capsys):
    add_evaluation("out", generated=False)
    assert "give the dataset that was evaluated" in refused(monkeypatch, capsys)


def test_runs_on_different_faces_are_refused(project, monkeypatch, capsys):
    add_evaluation("out/a", "Net A")
    add_evaluation("out/b", "Net B")
    with h5py.File("out/b/predictions.h5", "r+") as file:
        file["keys"][0] = "00000000_M001_T1_0"
    sentence = refused(monkeypatch, capsys, evaluations=("out/a", "out/b"))
    assert "Net B and Net A were evaluated on different faces" in sentence
