"""Tables 2 to 4: F1-frame and AUC on BP4D and DISFA, running times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from data_prep.aus import AU_NAMES, BP4D_SKEWNESS
from drml.evaluate.predictions import Predictions, by_fold
from drml.evaluate.protocols import Protocol
from drml.nets.names import METHODS
from drml.report.comparison import (
    MEASURES,
    SHARES,
    Comparison,
    Folds,
    average_remark,
)
from drml.report.pages import Section
from drml.report.paper import read_paper, running_time
from drml.report.results import Results, named_folds
from drml.report.tables import (
    NAME,
    OURS,
    PAPERS,
    Column,
    Table,
    average_name,
    difference,
    mark_best,
)

# ---- Table 2

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


def table2(results: Results, networks: Sequence[Folds]) -> Section:
    """F1-frame and AUC on BP4D, mean over the folds beside the paper's."""
    title = results.marked(f"Table 2. Results {results.on('BP4D')}")
    missing = _table2_missing(results, networks)
    if not networks:
        return Section(title, missing=missing)
    folds = sorted({fold for network in networks for fold in network.predictions})
    only = named_folds(folds) if len(folds) == 1 else ""
    tables = [_mean_table(results, networks, measure, only) for measure in MEASURES]
    tables.append(_pooled_table(results, networks, only))
    if only:
        return Section(title, [BASELINE], tables, missing=missing)
    tables.append(_folds_table(results, networks, folds))
    return Section(title, [SHOWN, BASELINE], tables, missing=missing)


def _table2_missing(results: Results, networks: Sequence[Folds]) -> list[str]:
    if not networks:
        return results.lacking("2", "Table 2")
    there = {network.title: network.predictions for network in networks}
    wanted = results.record.get("folds") or sorted(set().union(*there.values()))
    gaps = {
        title: [fold for fold in wanted if fold not in there.get(title, {})]
        for title in results.systems.values()
    }
    return [
        f"Table 2: {title} has no results on {named_folds(folds)} yet"
        for title, folds in gaps.items()
        if folds
    ]


def _mean_table(
    results: Results, networks: Sequence[Folds], measure: str, only: str
) -> Table:
    largest = max(networks, key=lambda network: len(network.predictions))
    aus = largest.mean.index.tolist()
    systems = {network.title: {"ours": network.mean} for network in networks}
    what = f"{MEASURES[measure]} {results.on('BP4D')}, {only or 'mean over folds'}"
    said: dict[str, list[str]] = {}
    for network in networks:
        folds = f"{named_folds(network.predictions)} ({network.frames:,} frames)"
        said.setdefault(folds, []).append(network.title)
    splits = "; ".join(f"{folds}, of {', '.join(t)}" for folds, t in said.items())
    return Comparison(2, measure, aus, systems).table(
        f"table2_{measure}",
        results.marked(what),
        _leads(largest) if measure == "f1" else (),
        [f"Test splits: {splits}."],
    )


def _leads(network: Folds) -> list[Column]:
    skews = [*skewness(network.pooled), None]
    papers = [*map(BP4D_SKEWNESS.get, network.mean.index), None]
    return [
        Column("here", skews, group="skewness"),
        Column("paper", papers, group="skewness"),
        all_positive(network.mean),
    ]


def skewness(counts: pd.DataFrame) -> list[float]:
    """Negative over positive frames (paper, 4.2); nan without a positive."""
    return (counts.negatives / counts.positives.where(counts.positives > 0)).tolist()


def all_positive(measures: pd.DataFrame) -> Column:
    """Return what calling an AU present in every frame would give."""
    values = measures.f1_all_positive
    return Column("F1", [*values, values.mean()], group="all-pos.")


def _pooled_table(results: Results, networks: Sequence[Folds], only: str) -> Table:
    first = networks[0].pooled
    name = average_name(first.f1.count(), len(first))
    columns = [
        Column("AU", [*map(str, first.index), ""], NAME),
        Column("name", [*map(AU_NAMES.get, first.index), name], NAME),
    ]
    counts = {"present": "positives", "absent": "negatives", "unknown": "unknown"}
    for title, kind in counts.items():
        columns.append(Column(title, [*first[kind].tolist(), ""]))
    for measure, what in MEASURES.items():
        for network in networks:
            own = network.pooled[measure]
            values = [*(own.get(au) for au in first.index), own.mean()]
            columns.append(Column(network.title, values, OURS, what, contest=what))
    mark_best(columns)
    frames = f"frames of {only}" if only else "all folds' frames together"
    title = results.marked(f"F1-frame and AUC {results.on('BP4D')}, {frames}")
    note = (
        f"Percent; counts of {networks[0].title}'s folds. The paper has no such table."
    )
    return Table("table2_pooled", title, columns, True, [note])


def _folds_table(
    results: Results, networks: Sequence[Folds], folds: Sequence[int]
) -> Table:
    columns = [Column("network", [network.title for network in networks], NAME)]
    for measure, what in MEASURES.items():
        means = pd.DataFrame(
            [n.each[measure].groupby(level=0).mean() for n in networks]
        )
        for fold in folds:
            there = [fold in network.predictions for network in networks]
            values = [
                value if known else None
                for value, known in zip(means[fold], there, strict=True)
            ]
            remarks = {
                i: average_remark(network.each.loc[fold])
                for i, network in enumerate(networks)
                if there[i]
            }
            columns.append(Column(f"fold {fold}", values, group=what, remarks=remarks))
        std = means.std(axis=1)  # n - 1
        several = [len(network.predictions) > 1 for network in networks]
        values = [s if known else None for s, known in zip(std, several, strict=True)]
        columns.append(Column("std", values, group=what))
    title = results.marked(f"Average over AUs {results.on('BP4D')}, fold by fold")
    note = "Percent; std: standard deviation over the folds (n - 1)."
    return Table("table2_folds", title, columns, notes=[note])


# ---- Table 3

DIRECT, READ_OUT = "direct", "read-out"


@dataclass(frozen=True)
class OnDisfa:
    """A system's predictions on DISFA; either may be missing."""

    title: str
    direct: Predictions | None
    read_out: Predictions | None
    classical: bool = False  # trained on DISFA itself, so that it has a read-out alone

    @cached_property
    def columns(self) -> dict[str, pd.DataFrame]:
        """Direct outputs, completed by the read-out; and the read-out of all AUs."""
        direct, read_out = map(self._measured, (self.direct, self.read_out))
        if self.classical:
            return {READ_OUT: read_out}
        rest = read_out[~read_out.index.isin(direct.index)]
        both = [part for part in (direct, rest) if len(part)]
        return {DIRECT: pd.concat(both), READ_OUT: read_out}

    def on(self, frames: Protocol) -> "OnDisfa":
        """Return the same predictions on other test frames."""
        direct, read_out = (p and frames.of(p) for p in (self.direct, self.read_out))
        return replace(self, direct=direct, read_out=read_out)

    def _measured(self, found: Predictions | None) -> pd.DataFrame:
        """Direct outputs are of one model for all subjects, the read-out is folds."""
        if found is None:
            return pd.DataFrame(columns=[*SHARES, "remark"])
        return Folds(self.title, dict(enumerate(by_fold(found)))).mean


def table3(results: Results) -> Section:
    """The BP4D models on DISFA, their outputs and linear read-outs."""
    title = results.marked(f"Table 3. Results {results.on('DISFA')}")
    every = on_disfa(results)
    there = [found for found in every if found.direct or found.read_out]
    if not there:
        return Section(title, missing=results.lacking("3", "Table 3"))
    systems = {*results.systems.values()}
    gaps = [(f.title, DIRECT) for f in every if not f.direct and not f.classical]
    gaps += [
        (f.title, READ_OUT) for f in every if not f.read_out and f.title in systems
    ]
    return Section(
        title,
        [
            _how(there),
            *_classical(results, there),
            *_protocol(there),
            f"The models: {results.single_models}.",
        ],
        [_table3(results, there, measure) for measure in MEASURES],
        missing=[f"Table 3: {net} has no {column} results yet" for net, column in gaps],
    )


def on_disfa(results: Results) -> list[OnDisfa]:
    """Return what every system, and then every other tool, said of DISFA."""
    found = []
    for name, title in results.systems.items():
        if name == "jpml":
            continue
        folder = results.folder / name / "disfa"
        files = (folder / kind / "predictions.h5" for kind in ("direct", "read_out"))
        kinds = map(results.predictions, files)
        found.append(OnDisfa(title, *kinds, classical=name in METHODS))
    tools = (tool for tool in results.tools.values() if tool.disfa)
    return found + [OnDisfa(tool.title, tool.disfa, None) for tool in tools]


def _classical(results: Results, there: Sequence[OnDisfa]) -> list[str]:
    titles = " and ".join(found.title for found in there if found.classical)
    if not results.methods:
        return []
    trained = f"{titles}: trained as the read-out is, on SIFT features. " * bool(titles)
    return [
        f"{trained}JPML is left out, as in the paper, for "
        '"the lack of reported AU correlations" of DISFA (4.1).'
    ]


def _how(there: Sequence[OnDisfa]) -> str:
    shared = next((f.direct.aus for f in there if f.direct), [])
    aus = ", ".join(map(str, shared)) or "none"
    return (
        f"{DIRECT}: the network's own outputs for the AUs it was trained for (here "
        f"{aus}), and the linear read-out for the rest, which have no output. "
        f"{READ_OUT}: a linear classifier of the network's features for every AU, "
        "trained on other subjects of DISFA than it is tested on; it has seen DISFA, "
        "which the direct outputs have not. The paper does not say how it got its "
        "figures for AUs 9, 25 and 26. all-pos. F1: calling the AU present in every "
        "frame. Bold: the best of ours and the best of the paper's in a row."
    )


def _protocol(there: Sequence[OnDisfa]) -> list[str]:
    """Say what the linear read-out says of itself; the same of all in one run."""
    said = {f.read_out.about.get("protocol"): None for f in there if f.read_out}
    return [
        f"The read-out: {protocol}. Its measures are means over these folds, each of "
        "which has classifiers of its own."
        for protocol in said
        if protocol
    ]


def _table3(results: Results, there: Sequence[OnDisfa], measure: str) -> Table:
    methods = read_paper()["table3"]["methods"]
    systems = {
        found.title: found.columns
        if found.title in methods
        else {DIRECT: found.columns[DIRECT]}
        for found in there
    }
    measured = (m for columns in systems.values() for m in columns.values() if len(m))
    entries = pd.concat([*measured])
    entries = entries[~entries.index.duplicated()].sort_index()  # direct ones first
    leads = [all_positive(entries)] if measure == "f1" else ()
    what = f"{MEASURES[measure]} {results.on('DISFA')}, models of Table 2"
    compared = Comparison(3, measure, entries.index.tolist(), systems)
    return compared.table(f"table3_{measure}", results.marked(what), leads)


# ---- Table 4

REFERENCE = "ConvNet"
PHASES = ("train", "test")


def table4(results: Results) -> Section:
    """Running time of the networks, and both sets of ratios to ConvNet."""
    title = on_random_input(read_paper()["table4"]["caption"])
    texts = "network phase batch trials iterations hardware"
    found = results.csv("table4/running_time.csv", texts, "mean_ms std_ms")
    if found is None:
        return Section(title, missing=results.lacking("4", "Table 4"))
    timed = found.set_index(["network", "phase"])
    missing = [
        f"Table 4: {network} was not timed"
        for network in results.nets.values()
        if (network, PHASES[0]) not in timed.index
    ]
    return Section(title, [_settings(found.iloc[0])], [_table4(timed)], missing=missing)


def on_random_input(title: str) -> str:
    """Mark a title: no face, real or generated, was timed."""
    return f"{title} (random input)"


def _settings(row: pd.Series) -> str:
    return (
        f"Milliseconds an iteration with {row.batch} faces, on {row.hardware}: "
        f"{row.trials} trials of {row.iterations} iterations on random numbers, "
        "reading of data left out. The paper's are of 20 trials of 1,000 iterations on "
        f"one {read_paper()['table4']['hardware']}; its batch is not named, so only "
        f"the ratios to {REFERENCE} can be compared."
    )


def _table4(timed: pd.DataFrame) -> Table:
    methods = read_paper()["table4"]["methods"]
    columns = [Column("network", methods, NAME)]
    for phase in PHASES:
        ours = {m: timed.loc[m, phase] for m in methods if (m, phase) in timed.index}
        papers = {m: running_time(phase, m) for m in methods}
        times = {m: row.mean_ms for m, row in ours.items()}
        papers_times = {m: time.mean for m, time in papers.items()}
        here, paper, ratio = (
            f"{phase}, here",
            f"{phase}, paper",
            f"{phase}, x {REFERENCE}",
        )
        columns += [
            Column("ms", [*map(times.get, methods)], OURS, here),
            Column(
                "std", [ours[m].std_ms if m in ours else None for m in methods],
                group=here, digits=2,
            ),
            Column("ms", [*papers_times.values()], PAPERS, paper),
            Column("std", [t.std for t in papers.values()], PAPERS, paper, digits=3),
            Column("here", _ratios(times, methods), OURS, ratio, digits=2),
            Column("paper", _ratios(papers_times, methods), PAPERS, ratio, digits=2),
        ]  # fmt: skip
        columns.append(difference(*columns[-2:], digits=2, full=6))
    note = "Paper: Table 4, rows Train and Test. diff.: our ratio less the paper's."
    title = on_random_input("Running time of the networks")
    return Table("table4", title, columns, notes=[note])


def _ratios(times: dict[str, float], methods: Sequence[str]) -> list[float | None]:
    both = [m in times and REFERENCE in times for m in methods]
    return [
        times[m] / times[REFERENCE] if known else None
        for m, known in zip(methods, both, strict=True)
    ]
