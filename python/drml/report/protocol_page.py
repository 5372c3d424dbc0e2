"""What was the paper's protocol? Its own cells, and ours under each reading."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import pandas as pd

from drml.evaluate.protocols import ALL, FRAMES, THRESHOLDS, readings
from drml.report.comparison import MEASURES, Folds, average_remark
from drml.report.pages import Section
from drml.report.paper import (
    AVERAGE,
    MARGIN,
    NEAR_CHANCE,
    Cell,
    assumed,
    contradicting,
    near_chance,
    percent_of,
    read_paper,
)
from drml.report.paper_tables import OnDisfa
from drml.report.results import Results
from drml.report.tables import NAME, OURS, PAPERS, TEXT, Column, Table, mark_best

ARGUMENT = (
    "The paper does not say which frames it tested on. Its tables do: where a "
    f"network's AUC is near chance (at most {NEAR_CHANCE:g}), its F1 can hardly exceed "
    "that of calling every frame present. A system that guesses and calls a share q of "
    "the frames present has, at a base rate of r, an F1 of 2rq / (r + q), which is "
    "highest, 2r / (1 + r), where it calls all of them. So a cell of the paper's "
    f"tables that exceeds that by more than {MARGIN:g} points contradicts the test "
    "frames that were assumed."
)
SAMPLING = (
    "sampled as in training: of each video and AU at most 100 positive and 200 "
    "negative frames on BP4D, 800 and 1600 on DISFA, so that rare AUs stay rare. 1:2: "
    "as many positives as there are, at most so many, and twice as many negatives; a "
    "video without a positive gives none. All are masks over the same predictions: no "
    "network ran twice."
)
LSVM_NOTE = (
    "LSVM's \"AUC\" in the paper's Table 2 looks like base rates: it is within "
    "{margin:g} points of the AU's in {near} of {total} AUs, while a ROC AUC of "
    "guessing is 50. An area under precision over recall (average precision, AP) of a "
    "system that guesses is the base rate: so AP stands beside ROC AUC here."
)


def protocol(
    results: Results, networks: Sequence[Folds], on_disfa: Sequence[OnDisfa]
) -> Section:
    """The argument, which reading fits the paper, and our measures under each."""
    title = results.marked("What was the paper's protocol?")
    there = [found for found in on_disfa if found.direct or found.read_out]
    tables = [_papers_cells(results, networks, there)]
    missing = _not_all(networks, there)
    for threshold in _thresholds(there) if there else ():
        if threshold is None:
            missing.append(
                "Protocol: DISFA's other threshold (it was imported before intensities "
                "were kept beside its faces: import and evaluate it again)"
            )
        tables += _disfa_tables(results, there, threshold)
    if networks:
        tables[1:1] = _bp4d_tables(results, networks)
        tables.append(_precision_table(results, networks))
    return Section(title, [ARGUMENT, verdict(), SAMPLING], tables, missing=missing)


def _not_all(networks: Sequence[Folds], there: Sequence[OnDisfa]) -> list[str]:
    every = [p for network in networks for p in network.predictions.values()]
    every += [p for f in there for p in (f.direct, f.read_out) if p]
    if not any("sampled" in found.about for found in every):
        return []
    return [
        "Protocol: all frames of the test split (it was sampled when it was imported, "
        f'so that "{ALL}" is of those; import with --sample-splits train)'
    ]


def _thresholds(there: Sequence[OnDisfa]) -> Sequence[int | None]:
    """Return the thresholds that can be had; None: the labels' own alone."""
    every = [p for found in there for p in (found.direct, found.read_out) if p]
    coded = all(found.intensities is not None for found in every)
    return THRESHOLDS if coded else [None]


# ---- The paper's own cells


def assumptions() -> list[tuple[int, str, int | None]]:
    """Return (table, frames, threshold) of every reading of the paper's test frames."""
    return [(2, frames, None) for frames in FRAMES] + [
        (3, frames, threshold) for threshold in THRESHOLDS for frames in FRAMES
    ]


def named(frames: str, threshold: int | None) -> str:
    return frames + (f", intensity {threshold} and above" if threshold else "")


def verdict() -> str:
    """Say which reading the fewest cells of each table contradict."""
    said = []
    for table in (2, 3):
        counted = [
            (len(contradicting(table, assumed(*one))), named(*one[1:]))
            for one in assumptions()
            if one[0] == table
        ]
        least, total = min(counted)[0], len(near_chance(table))
        fitting = "; ".join(name for count, name in counted if count == least)
        all_frames = counted[0][0]
        said.append(
            f"Table {table}: {all_frames} of {total} such cells contradict all frames"
            f"{' at intensity 3' if table == 3 else ''}; fewest ({least}) contradict: "
            f"{fitting}."
        )
    return " ".join(said)


def _papers_cells(
    results: Results, networks: Sequence[Folds], there: Sequence[OnDisfa]
) -> Table:
    rows = [
        (table, named(frames, threshold), "public base rates",
         assumed(table, frames, threshold))
        for table, frames, threshold in assumptions()
    ]  # fmt: skip
    if (
        not results.generated
    ):  # the real test frames are at hand: no assumption is needed
        rows += _on_real_frames(networks, there)
    found = [contradicting(table, all_present) for table, _, _, all_present in rows]
    near = [len(near_chance(table)) for table, *_ in rows]
    worst = [_worst(cells, row[-1]) for cells, row in zip(found, rows, strict=True)]
    columns = [
        Column("paper's table", [f"Table {table}" for table, *_ in rows], NAME),
        Column("test frames", [name for _, name, _, _ in rows], NAME),
        Column("by", [source for _, _, source, _ in rows], NAME),
        Column("all-pos. F1", [fmean(f1.values()) for *_, f1 in rows]),
        Column("AUC near chance", near, group="networks' cells"),
        Column("of them contradict", [*map(len, found)], group="networks' cells"),
        Column("the worst", worst, TEXT),
    ]
    title = "The paper's own cells against its possible test frames (paper's numbers)"
    note = (
        "all-pos. F1: mean over AUs of what calling every frame present gives, in "
        "percent. Public base rates: paper.toml, partly second-hand; sampled as in "
        "training, with each AU's frames spread evenly over the videos."
    )
    return Table("protocol_paper", title, columns, notes=[note])


def _on_real_frames(networks: Sequence[Folds], there: Sequence[OnDisfa]) -> list[tuple]:
    rows = []
    if networks:
        rows += [
            (2, named(str(own), None), "our test frames",
             _all_present(networks[0].on(own).mean))
            for own in readings("BP4D")
        ]  # fmt: skip
    if there:
        rows += [
            (3, named(str(own), threshold), "our test frames",
             _all_present(_shown(there[0].on(own))))
            for threshold in _thresholds(there)
            for own in readings("DISFA", threshold)
        ]  # fmt: skip
    return rows


def _shown(found: OnDisfa) -> pd.DataFrame:
    """Return direct outputs, completed by the read-out; of others the latter."""
    return next(iter(found.columns.values()))


def _all_present(measures: pd.DataFrame) -> dict[int, float]:
    return measures.f1_all_positive.dropna().to_dict()


def _worst(cells: Sequence[Cell], all_present: Mapping[int, float]) -> str | None:
    if not cells:
        return None
    worst = max(cells, key=lambda cell: cell.f1 - all_present[cell.au])
    return (
        f"{worst.method}, AU {worst.au}: F1 {worst.f1:.1f} at AUC {worst.auc:.1f}, "
        f"all-pos. {all_present[worst.au]:.1f}"
    )


# ---- Ours under each reading, beside the paper's


def _bp4d_tables(results: Results, networks: Sequence[Folds]) -> list[Table]:
    measured = {
        str(own): {network.title: network.on(own).mean for network in networks}
        for own in readings("BP4D")
    }
    on = f"{results.on('BP4D')}, mean over folds"
    return [_beside(results, 2, m, measured, "protocol_table2", on) for m in MEASURES]


def _disfa_tables(
    results: Results, there: Sequence[OnDisfa], threshold: int | None
) -> list[Table]:
    measured = {
        str(own): {found.title: _shown(found.on(own)) for found in there}
        for own in readings("DISFA", threshold)
    }
    on = results.on("DISFA") + (
        f", intensity {threshold} and above" if threshold else ""
    )
    name = f"protocol_table3_{threshold or 'labels'}"
    return [_beside(results, 3, m, measured, name, on) for m in MEASURES]


def _beside(
    results: Results,
    number: int,
    measure: str,
    measured: Mapping[str, Mapping[str, pd.DataFrame]],
    name: str,
    on: str,
) -> Table:
    """Return a row an AU: ours under each reading, then the paper's."""
    every = [frame for systems in measured.values() for frame in systems.values()]
    aus = sorted({au for frame in every for au in frame.index})
    titles = [*next(iter(measured.values()))]
    columns = [Column("AU", [*map(str, aus), "Avg."], NAME)]
    for frames, systems in measured.items():
        if measure == "f1":
            first = next(iter(systems.values())).f1_all_positive.reindex(aus)
            values = [*first, first.mean()]
            columns.append(Column("all-pos. F1", values, group=frames))
        for title, frame in systems.items():
            own = frame[measure]
            values = [own.get(au) for au in aus]
            remarks = {len(aus): average_remark(frame, len(aus))}
            columns.append(
                Column(title, [*values, own.mean()], OURS, frames, contest=frames,
                       remarks=remarks)
            )  # fmt: skip
    for title in titles:
        if title in read_paper()[f"table{number}"]["methods"]:
            values = [percent_of(number, measure, title, r) for r in (*aus, AVERAGE)]
            columns.append(Column(title, values, PAPERS, "paper"))
    mark_best(columns)
    title = results.marked(f"{MEASURES[measure]} {on}, by test frames")
    note = f"Percent. Paper: Table {number}, {MEASURES[measure]}."
    if number == 3:
        note += " Ours: direct outputs, and the read-out for AUs that have none."
    return Table(f"{name}_{measure}", title, columns, True, [note])


# ---- Average precision


def _precision_table(results: Results, networks: Sequence[Folds]) -> Table:
    first = networks[0]
    aus = first.mean.index.tolist()
    present = first.pooled.positives / (first.pooled.positives + first.pooled.negatives)
    columns = [
        Column("AU", [*map(str, aus), "Avg."], NAME),
        Column("present", [*(100 * present), 100 * present.mean()], group="base rate"),
    ]
    for what, measure in {"AP": "average_precision", "AUC": "auc"}.items():
        for network in networks:
            own = network.mean[measure]
            values = [*(own.get(au) for au in aus), own.mean()]
            columns.append(Column(network.title, values, OURS, what, contest=what))
    mark_best(columns)
    rates = read_paper()["base_rates"]["BP4D"]
    public = [rates.get(str(au)) for au in aus]
    lsvm = [percent_of(2, "auc", "LSVM", row) for row in (*aus, AVERAGE)]
    columns += [
        Column("LSVM's AUC", lsvm, PAPERS, "paper"),
        Column("base rate", [*public, None], PAPERS, "BP4D"),
    ]
    pairs = [(a, b) for a, b in zip(lsvm, public, strict=False) if a and b]
    near = sum(abs(a - b) <= MARGIN for a, b in pairs)
    note = LSVM_NOTE.format(margin=MARGIN, near=near, total=len(pairs))
    title = f"Average precision beside AUC {results.on('BP4D')}, mean over folds"
    how = "Percent. present: share of the test frames, all folds together."
    return Table("table2_ap", results.marked(title), columns, True, [how, note])
