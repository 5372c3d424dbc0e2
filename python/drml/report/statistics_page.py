"""Statistics that hold: 95% intervals, and which differences are more than noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import nan

from drml.evaluate.bootstrap import (
    Bootstrap,
    Interval,
    Resampled,
    Tally,
    exact,
    interval,
    resample,
)
from drml.evaluate.predictions import tallies
from drml.report.comparison import MEASURES, Folds
from drml.report.pages import Section
from drml.report.paper import percent_of
from drml.report.paper_tables import DIRECT, READ_OUT, OnDisfa
from drml.report.results import Results
from drml.report.tables import (
    DIFFERENCE,
    NAME,
    OURS,
    PAPERS,
    TEXT,
    Column,
    Table,
    is_number,
)

MORE, NOISE = "more than noise", "noise"
HOW = (
    "95% intervals by bootstrap over subjects: {resamples:,} times the subjects of "
    "each fold are drawn with replacement (seed {seed}) and all is measured again. "
    "Frames of a video are nearly copies of each other, so that intervals over frames "
    "would be far too narrow. Two systems are measured on the same draws: their "
    "difference is more than noise where its interval does not contain 0. Of twenty "
    "differences that are nothing, one looks like more by chance. They are of the test "
    "subjects alone: another training's random numbers are not in them."
)
PUBLIC = (
    "The paper's DRML leads ConvNet by {convnet:.1f} and LCN by {lcn:.1f} points of "
    "F1, without intervals; public work on three-fold splits of BP4D+ finds +-6.5 "
    "points (second-hand)."
)
VAL = "F1 at val's threshold"
AVERAGES = {"F1-frame": "f1", VAL: "f1_val_threshold", "AUC": "auc"}


@dataclass(frozen=True)
class System:
    """A system's counts by fold; `name` is the paper's of it, whatever the title."""

    title: str
    name: str
    aus: list[int]
    folds: dict[int, Tally]

    def measured(self, folds: Sequence[int], how: Bootstrap | None) -> Resampled:
        """Measure it on some folds, again and again, or as it is."""
        own = [self.folds[fold] for fold in folds]
        return resample(own, self.aus, how) if how else exact(own, self.aus)

    @cached_property
    def as_it_is(self) -> Resampled:
        return self.measured([*self.folds], None)


def statistics(
    results: Results,
    networks: Sequence[Folds],
    on_disfa: Sequence[OnDisfa],
    how: Bootstrap | None,
) -> Section:
    """Intervals of every F1, AUC and average, and of differences, on both datasets."""
    title = results.marked("What is more than noise?")
    if how is None:
        return Section(title, missing=["Intervals: not asked for (--resamples 0)"])
    groups = {"table2": (2, results.on("BP4D"), of_bp4d(networks))}
    for kind in (DIRECT, READ_OUT):
        on = f"{results.on('DISFA')}, {kind}"
        groups[f"table3_{kind}"] = (3, on, of_disfa(on_disfa, kind))
    tables, said = [], []
    for name, (number, on, systems) in groups.items():
        if systems:
            again = {s.title: s.measured([*s.folds], how) for s in systems}
            tables.append(_averages(results, name, on, systems, again))
            tables += [
                _of_aus(results, name, what, on, systems, again)
                for what, measure in AVERAGES.items()
                if any(is_number(s.as_it_is.averages(measure)[0]) for s in systems)
            ]
        if len(systems) > 1:
            pairs = [Pair(later, first) for first, later in combinations(systems, 2)]
            tables.append(_differences(results, name, number, on, pairs, how))
            said.append(_said(on, pairs, how))
    if not tables:
        return Section(title, missing=["Intervals: no results yet"])
    lead = percent_of(2, "f1", "DRML")
    behind = {n.lower(): lead - percent_of(2, "f1", n) for n in ("ConvNet", "LCN")}
    notes = [HOW.format(resamples=how.resamples, seed=how.seed), *said]
    return Section(title, [*notes, PUBLIC.format(**behind)], tables)


def of_bp4d(networks: Sequence[Folds]) -> list[System]:
    found = []
    for network in networks:
        every = network.predictions
        folds = {fold: tallies(own)[0] for fold, own in every.items()}
        aus = next(iter(every.values())).aus
        found.append(System(network.title, network.title, aus, folds))
    return found


def of_disfa(on_disfa: Sequence[OnDisfa], kind: str) -> list[System]:
    found = [(f.title, f.direct if kind == DIRECT else f.read_out) for f in on_disfa]
    return [
        System(title, title, own.aus, dict(enumerate(tallies(own), 1)))
        for title, own in found
        if own
    ]


# ---- Tables of intervals


def _columns(
    values: Sequence[float], spans: Sequence[Interval], group: str
) -> list[Column]:
    """Return a measure (fractions) and its interval, in percent."""
    return [
        Column("is", [100 * v for v in values], OURS, group),
        Column("from", [100 * s.low for s in spans], group=group),
        Column("to", [100 * s.high for s in spans], group=group),
    ]


def _averages(results, name, on, systems, again) -> Table:
    titles = [system.title for system in systems]
    counts = [sum(len(f.subjects) for f in s.folds.values()) for s in systems]
    columns = [Column("system", titles, NAME), Column("subjects", counts)]
    for what, measure in AVERAGES.items():
        values = [s.as_it_is.averages(measure)[0] for s in systems]
        spans = [interval(again[t].averages(measure)) for t in titles]
        columns += _columns(values, spans, what)
    values = [system.as_it_is.micro[0] for system in systems]
    spans = [interval(again[title].micro) for title in titles]
    columns += _columns(values, spans, "F1-micro")
    title = results.marked(f"Averages over AUs with 95% intervals {on}")
    note = (
        f"Percent. F1-frame: at 0.5. {VAL}: for each AU the threshold of highest F1 on "
        "the val split. F1-micro: of all AUs' decisions together, in which frequent "
        "AUs weigh more. Averages are over the AUs that are defined."
    )
    return Table(f"{name}_intervals", title, columns, notes=[note])


def _of_aus(results, name, what, on, systems, again) -> Table:
    measure = AVERAGES[what]
    aus = sorted({au for system in systems for au in system.aus})
    columns = [Column("AU", [*map(str, aus), "Avg."], NAME)]
    for system in systems:
        own, drawn = system.as_it_is, again[system.title]
        spans = dict(zip(own.aus, map(interval, drawn.of(measure).T), strict=True))
        values = dict(zip(own.aus, own.of(measure)[0], strict=True))
        none = Interval(nan, nan)
        columns += _columns(
            [*(values.get(au, nan) for au in aus), own.averages(measure)[0]],
            [*(spans.get(au, none) for au in aus), interval(drawn.averages(measure))],
            system.title,
        )
    title = results.marked(f"{what} with 95% intervals {on}")
    return Table(f"{name}_intervals_{measure}", title, columns, True, ["Percent."])


# ---- Differences


@dataclass(frozen=True)
class Pair:
    """Two systems, on the folds and AUs that both have."""

    one: System
    other: System

    @property
    def title(self) -> str:
        return f"{self.one.title} less {self.other.title}"

    @property
    def folds(self) -> list[int]:
        """The folds of both, on the same subjects."""
        return [
            fold
            for fold, own in self.one.folds.items()
            if fold in self.other.folds
            and self.other.folds[fold].subjects == own.subjects
        ]

    @property
    def aus(self) -> list[int]:
        return [au for au in self.one.aus if au in self.other.aus]

    def average(self, measure: str, how: Bootstrap) -> tuple[float, Interval]:
        """Return the difference of the averages, and its interval (fractions)."""
        (now, then), (a, b) = self._both(None), self._both(how)
        gap = now.averages(measure, self.aus) - then.averages(measure, self.aus)
        drawn = a.averages(measure, self.aus) - b.averages(measure, self.aus)
        return float(gap[0]), interval(drawn)

    def clear_aus(self, measure: str, how: Bootstrap) -> list[int]:
        """Return the AUs in which the two differ by more than noise."""
        a, b = self._both(how)
        columns = [(a.aus.index(au), b.aus.index(au)) for au in self.aus]
        gaps = [a.of(measure)[:, i] - b.of(measure)[:, j] for i, j in columns]
        spans = map(interval, gaps)
        return [au for au, s in zip(self.aus, spans, strict=True) if s.excludes_zero]

    def papers(self, number: int, measure: str) -> float | None:
        averages = [percent_of(number, measure, s.name) for s in (self.one, self.other)]
        return None if None in averages else averages[0] - averages[1]

    def _both(self, how: Bootstrap | None) -> tuple[Resampled, Resampled]:
        pair = (self.one, self.other)
        return tuple(system.measured(self.folds, how) for system in pair)


def _differences(results, name, number, on, pairs: Sequence[Pair], how) -> Table:
    pairs = [pair for pair in pairs if pair.folds]
    columns = [Column("difference", [pair.title for pair in pairs], NAME)]
    for measure, what in MEASURES.items():
        found = [pair.average(measure, how) for pair in pairs]
        clear = [pair.clear_aus(measure, how) for pair in pairs]
        columns += [
            Column("ours", [100 * gap for gap, _ in found], DIFFERENCE, what),
            Column("from", [100 * span.low for _, span in found], group=what),
            Column("to", [100 * span.high for _, span in found], group=what),
            Column("is", [verdict(span) for _, span in found], NAME, what),
            Column("in AUs", [_listed(c) for c in clear], TEXT, what),
            Column("paper", [p.papers(number, measure) for p in pairs], PAPERS, what),
        ]
    title = results.marked(f"Differences of the averages {on}")
    note = (
        "Points, over the AUs and folds that both systems have. in AUs: those in which "
        "the two differ by more than noise. Paper: the difference of its averages."
    )
    return Table(f"{name}_differences", title, columns, notes=[note])


def verdict(span: Interval) -> str:
    if not is_number(span.low):
        return "undefined"
    return MORE if span.excludes_zero else NOISE


def _listed(aus: Sequence[int]) -> str:
    return ", ".join(map(str, aus)) or "none"


def _said(on: str, pairs: Sequence[Pair], how: Bootstrap) -> str:
    """Say which averages differ by more than noise."""
    parts = []
    for measure, what in MEASURES.items():
        clear = []
        for pair in pairs:
            if not pair.folds:
                continue
            gap, span = pair.average(measure, how)
            if span.excludes_zero:
                ahead, behind = pair.one.title, pair.other.title
                if gap < 0:
                    ahead, behind = behind, ahead
                clear.append(f"{ahead} over {behind} ({100 * abs(gap):.1f})")
        parts.append(f"{what}: {', '.join(clear) or 'none'}")
    return f"Differences of averages {on} that are more than noise, {'; '.join(parts)}."
