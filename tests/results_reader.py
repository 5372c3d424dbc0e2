"""Run drml report paper in this process and read what it wrote; expected values."""

import csv
import re
from html import unescape
from pathlib import Path

import h5py
from command import status_of
from sklearn.metrics import f1_score, roc_auc_score


def report():
    """Report on the folder "out"; returns the exit status."""
    return status_of("report", "paper", "out")


def page():
    return unescape(" ".join(Path("out/report/results.html").read_text().split()))


def markdown():
    """Return the Markdown without the blanks that align it."""
    return re.sub(" +", " ", Path("out/report/results.md").read_text())


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
    """F1 or AUC in percent, without drml."""
    known = labels != 0
    present, scores = labels[known] > 0, scores[known]
    if name == "f1":
        return 100 * f1_score(present, scores >= 0.5)
    return 100 * roc_auc_score(present, scores)


def of_folds(net, au, name):
    """The measure in each fold, by scikit-learn alone."""
    found = [read(f"{net}/fold{k}/test/predictions.h5") for k in (1, 2)]
    columns = [(s[:, a.index(au)], y[:, a.index(au)]) for s, y, a in found]
    return [measure(*column, name) for column in columns]
