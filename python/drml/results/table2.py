"""Table 2: F1-frame and AUC on BP4D, mean over the folds beside the paper's."""

from collections.abc import Sequence

import numpy as np

from data_prep.aus import AU_NAMES, BP4D_SKEWNESS
from drml.evaluate.metrics import AuResult, average
from drml.results.comparison import MEASURES, Comparison, Lead, System
from drml.results.folds import Folds
from drml.results.out import Out
from drml.results.section import Section, named_folds
from drml.results.table import NAME, OURS, Cell, Column, Table, with_best
from drml.tables import average_name

PART = "2"
SHOWN = (
    "Shown is the mean over the folds: that is what results of a cross-validation "
    "commonly are, and each fold has a model of its own, whose scores need not be on "
    "one scale with the others'. The frames of all folds taken together follow below; "
    "they are steadier for an AU that a fold has few frames of."
)
BASELINE = (
    "all-pos. F1 is what calling the AU present in every frame would give; skewness is "
    "negative over positive frames, in our test frames and in the paper's text (4.2). "
    "Bold: the best of ours and the best of the paper's in a row. An AU without "
    "positive or without negative frames in a fold has neither measure there and is "
    "left out of that fold."
)


def section(out: Out, networks: Sequence[Folds]) -> Section:
    title = out.marked(f"Table 2. Results {out.on('BP4D')}")
    missing = _missing(out, networks)
    if not networks:
        return Section(title, missing=missing)
    tables = [_mean_table(out, networks, measure) for measure in MEASURES]
    tables.append(_pooled_table(out, networks))
    if only_fold(networks):
        return Section(title, [BASELINE], tables, missing=missing)
    tables.append(_folds_table(out, networks))
    return Section(title, [SHOWN, BASELINE], tables, missing=missing)


def only_fold(networks: Sequence[Folds]) -> str:
    """Return "fold 2" where no network has another, else nothing."""
    folds = {fold for network in networks for fold in network.predictions}
    return named_folds(folds) if len(folds) == 1 else ""


def _missing(out: Out, networks: Sequence[Folds]) -> list[str]:
    if not networks:
        return out.lacking(PART, "Table 2")
    there = {network.title: network.predictions for network in networks}
    wanted = out.record.get("folds") or sorted({k for p in there.values() for k in p})
    gaps = {
        title: [k for k in wanted if k not in there.get(title, {})]
        for title in out.nets.values()
    }
    return [
        f"Table 2: {title} has no results on {named_folds(folds)} yet"
        for title, folds in gaps.items()
        if folds
    ]


def _mean_table(out: Out, networks: Sequence[Folds], measure: str) -> Table:
    systems = [System(network.title, {"ours": network.mean}) for network in networks]
    largest = max(networks, key=lambda network: len(network.predictions))
    leads = _leads(largest) if measure == "f1" else ()
    extent = only_fold(networks) or "mean over folds"
    what = f"{MEASURES[measure]} {out.on('BP4D')}, {extent}"
    notes = [_folds_note(networks)]
    compared = Comparison(2, measure, largest.aus, systems, leads)
    return compared.table(f"table2_{measure}", out.marked(what), notes)


def _leads(network: Folds) -> list[Lead]:
    baselines = {entry.au: 100 * entry.f1_all_positive for entry in network.mean}
    skews = {result.au: skewness(result) for result in network.pooled}
    return [
        Lead(Column("skewness", "here", digits=1), skews.get),
        Lead(Column("skewness", "paper", digits=1), BP4D_SKEWNESS.get),
        Lead(
            Column("all-pos.", "F1"),
            baselines.get,
            100 * average(network.mean).f1_all_positive,
        ),
    ]


def skewness(result: AuResult) -> float:
    """Negative over positive frames (paper, 4.2)."""
    return result.negatives / result.positives if result.positives else np.nan


def _folds_note(networks: Sequence[Folds]) -> str:
    of = {}
    for network in networks:
        folds = f"{named_folds(network.predictions)} ({network.frames:,} frames)"
        of.setdefault(folds, []).append(network.title)
    said = [f"{folds}, of {', '.join(titles)}" for folds, titles in of.items()]
    return f"Test splits: {'; '.join(said)}."


def _pooled_table(out: Out, networks: Sequence[Folds]) -> Table:
    columns = [Column("", "AU", NAME), Column("", "name", NAME)]
    columns += [Column("", name) for name in ("present", "absent", "unknown")]
    for what in MEASURES.values():
        columns += [Column(what, n.title, OURS, contest=what) for n in networks]
    rows = [_pooled_row(i, networks) for i in range(len(networks[0].aus))]
    rows.append(_pooled_average(networks))
    only = only_fold(networks)
    frames = f"frames of {only}" if only else "all folds' frames together"
    title = out.marked(f"F1-frame and AUC {out.on('BP4D')}, {frames}")
    note = (
        f"Percent; counts of {networks[0].title}'s folds. The paper has no such table."
    )
    return with_best(Table("table2_pooled", title, columns, rows, True, [note]))


def _pooled_row(index: int, networks: Sequence[Folds]) -> list[Cell]:
    first = networks[0].pooled[index]
    counts = (first.positives, first.negatives, first.unknown)
    cells = [Cell(str(first.au)), Cell(AU_NAMES[first.au]), *map(Cell, counts)]
    for measure in MEASURES:
        cells += [Cell(100 * getattr(n.pooled[index], measure)) for n in networks]
    return cells


def _pooled_average(networks: Sequence[Folds]) -> list[Cell]:
    means = [average(network.pooled) for network in networks]
    name = average_name(means[0].aus, len(networks[0].aus))
    cells = [Cell(""), Cell(name), Cell(""), Cell(""), Cell("")]
    for measure in MEASURES:
        cells += [Cell(100 * getattr(mean, measure)) for mean in means]
    return cells


def _folds_table(out: Out, networks: Sequence[Folds]) -> Table:
    folds = sorted({fold for network in networks for fold in network.predictions})
    columns = [Column("", "network", NAME)]
    for what in MEASURES.values():
        columns += [Column(what, f"fold {fold}") for fold in folds]
        columns += [Column(what, "std")]
    rows = [[Cell(network.title), *_by_fold(network, folds)] for network in networks]
    title = out.marked(f"Average over AUs {out.on('BP4D')}, fold by fold")
    note = "Percent; std: standard deviation over the folds (n - 1)."
    return Table("table2_folds", title, columns, rows, notes=[note])


def _by_fold(network: Folds, folds: Sequence[int]) -> list[Cell]:
    cells = []
    for measure in MEASURES:
        means = {k: average(results) for k, results in network.results.items()}
        values = {k: 100 * getattr(mean, measure) for k, mean in means.items()}
        cells += [
            Cell(values.get(k), average_remark(means[k].aus, len(network.aus)))
            if k in values
            else Cell()
            for k in folds
        ]
        several = len(values) > 1
        cells.append(
            Cell(float(np.std([*values.values()], ddof=1)) if several else None)
        )
    return cells


def average_remark(counted: int, total: int) -> str:
    """Say of an average over how many AUs it is, unless it is over all."""
    return "" if counted == total else f"{counted} of {total} AUs"
