"""Evaluations, training logs and sample faces of one or several nets as one page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

from markupsafe import Markup

from data_prep.base import UserError
from drml.evaluate.bootstrap import Interval
from drml.evaluate.dataset import describe
from drml.evaluate.predictions import read_evaluation
from drml.figures.style import colour
from drml.nets.log import TrainingLog, read_log
from drml.report.curves import f1_bars, loss_curves, roc_curves
from drml.report.pages import Facts, Page, Picture, Section
from drml.report.samples import read_samples
from drml.report.tables import (
    NAME,
    OURS,
    Column,
    Table,
    average_name,
    distinct,
    mark_best,
    percent,
    span,
)
from drml.report.training import describe_solver, describe_splits, solver_seed

NOTICE = (
    "Every face in this report is a generated face, drawn by a program. The figures "
    "show that the whole way from images to this page works; they say nothing about "
    "real faces."
)
FACES = (
    "Registered faces at even distances through the split, not picked by hand. The "
    "numbers are AUs; those not named are absent or unknown, and were called absent."
)


MEASURES = {"f1": "F1", "auc": "AUC", "average_precision": "AP"}


@dataclass(frozen=True)
class Run:
    """One trained net: its evaluation (see drml.evaluation) and training log."""

    title: str
    evaluation: dict
    log: TrainingLog
    log_path: Path

    @property
    def aus(self) -> list[int]:
        return [row["au"] for row in self.evaluation["aus"]]

    @property
    def iterations(self) -> int:
        """Iterations trained, from the snapshot's name, else from the log."""
        match = re.search(r"_iter_(\d+)", self.evaluation["weights"])
        return int(match[1]) if match else self.log.last_iteration

    def percents(self, measure: str) -> list[float]:
        """Return a measure of each AU and its average; nan: undefined."""
        return [
            nan if row[measure] is None else 100 * row[measure] for row in self._rows
        ]

    def spans(self, measure: str) -> dict[int, str]:
        """Return the 95% intervals by row, as remarks; none where none were had."""
        found = [row.get(f"{measure}_interval") for row in self._rows]
        return {i: span(Interval(*own)) for i, own in enumerate(found) if own}

    def has(self, measure: str) -> bool:
        """Whether the evaluation has a measure; an earlier version's may not."""
        return all(measure in row for row in self._rows)

    @property
    def _rows(self) -> list[dict]:
        return [*self.evaluation["aus"], self.evaluation["average"]]


def read_runs(evaluations: Sequence[Path], logs: Sequence[Path]) -> list[Run]:
    """Read each net's evaluation and log; nets of one title are numbered."""
    runs: list[Run] = []
    for folder, log in zip(evaluations, logs, strict=True):
        evaluation = read_evaluation(folder)
        title = distinct(evaluation["title"], [run.title for run in runs])
        runs.append(Run(title, evaluation, read_log(log), log))
    return runs


def check_alike(runs: Sequence[Run], dataset: dict) -> None:
    """Raise UserError unless all runs were evaluated on the same faces of `dataset`."""
    first = runs[0]
    for run in runs:
        made_from = run.evaluation["dataset"]
        if not made_from.startswith(describe(dataset)) or run.aus != dataset["aus"]:
            raise UserError(
                f"{run.title} was evaluated on {made_from}, --data is "
                f"{describe(dataset)}; give the dataset that was evaluated"
            )
        if run.evaluation["keys"] != first.evaluation["keys"]:
            raise UserError(
                f"{run.title} and {first.title} were evaluated on different faces; "
                "evaluate both on the same split"
            )


def run_page(
    title: str, runs: Sequence[Run], data: Path, dataset: dict, faces: int, command: str
) -> Page:
    """Put the page together.

    data: the prepared dataset's folder; dataset: its dataset.json; faces: how many
    sample faces to show.
    """
    suffix = " (generated faces)" if dataset["generated"] else ""
    aus = runs[0].aus
    samples = read_samples(data / f"{runs[0].evaluation['split']}_lmdb", runs, faces)

    def picture(name: str, draw, caption: str, *given) -> Picture:
        return Picture(name, draw(f"{caption}{suffix}", *given, runs), caption + suffix)

    bars = picture("f1.svg", f1_bars, "F1 per AU", aus)
    losses = picture("loss.svg", loss_curves, "Training and test loss")
    curves = picture("roc.svg", roc_curves, "ROC curves", aus)
    table = _measures(f"F1-frame and AUC{suffix}", runs)
    return Page(
        title=title if "generated faces" in title else title + suffix,
        notices=[NOTICE] if dataset["generated"] else [],
        summary=_summary(runs),
        sections=[
            Section(f"Action units{suffix}", [_how(runs)], [table], [bars]),
            Section(f"Training{suffix}", pictures=[losses]),
            Section(f"ROC curves{suffix}", pictures=[curves]),
            Section(f"Sample faces{suffix}", [FACES], samples=samples),
            Section(f"How this was made{suffix}", facts=_made(runs, dataset, command)),
        ],
    )


def _summary(runs: Sequence[Run]) -> list[str]:
    first = runs[0].evaluation
    said = [f"{first['dataset']}: {first['faces']:,} faces."]
    for i, run in enumerate(runs):
        mean = run.evaluation["average"]
        swatch = Markup('<i class="swatch" style="background: {}"></i> ')
        name = swatch.format(colour(i)) if len(runs) > 1 else Markup("")
        name += Markup("<strong>{}</strong>").format(run.title)
        if mean["aus"]:
            said.append(
                name
                + Markup(
                    "{} an average F1 of <strong>{}</strong> and an average AUC of "
                    "<strong>{}</strong> over {} of {} AUs."
                ).format(
                    ":" if i else " reaches", percent(mean["f1"]), percent(mean["auc"]),
                    mean["aus"], len(run.aus),
                )
            )  # fmt: skip
        else:
            said.append(
                name + " has no average: no AU has both positive and negative frames "
                "here."
            )
    if first["average"]["aus"]:
        said.append(
            "Calling every AU present in every frame would give an F1 of "
            f"{percent(first['average']['f1_all_positive'])}; guessing gives an AUC of "
            "50.0."
        )
    return said


def _how(runs: Sequence[Run]) -> Markup:
    best = " The best of a row is bold." if len(runs) > 1 else ""
    return Markup(
        "F1-frame and AUC in percent, at a threshold of {} on the sigmoid. Frames "
        "whose label is unknown do not count. The baseline calls every AU present in "
        'every frame; <span class="below">F1 not above it</span> is marked.{} AP: '
        "average precision; of guessing it is the share of frames that are present. In "
        "small: 95% intervals by bootstrap over subjects."
    ).format(runs[0].evaluation["threshold"], best)


def _measures(title: str, runs: Sequence[Run]) -> Table:
    rows, mean = runs[0].evaluation["aus"], runs[0].evaluation["average"]
    several = len(runs) > 1
    average = average_name(mean["aus"], len(rows))
    columns = [
        Column("AU", [*(str(row["au"]) for row in rows), ""]),
        Column("name", [*(row["name"] for row in rows), average], NAME),
    ]
    counts = {"present": "positives", "absent": "negatives", "unknown": "unknown"}
    for name, kind in counts.items():
        columns.append(Column(name, [*(row[kind] for row in rows), ""]))
    baseline = runs[0].percents("f1_all_positive")
    columns.append(Column("baseline", baseline, group="F1"))
    for measure, group in MEASURES.items():
        for run in runs:
            if run.has(measure):
                name, values = run.title if several else "net", run.percents(measure)
                own = {"contest": measure, "remarks": run.spans(measure)}
                columns.append(Column(name, values, OURS, group, **own))
    mark_best(columns)
    for column in columns:
        if column.contest == "f1":
            for i, value in enumerate(column.values):
                if value <= baseline[i]:
                    column.marks[i] = "below"
    return Table("measures", title, columns, foot=True)


def _made(runs: Sequence[Run], dataset: dict, command: str) -> Facts:
    splits = ", ".join(
        f"{name} {split['faces']:,} ({len(split['subjects'])} subjects)"
        for name, split in dataset["splits"].items()
    )
    facts = [
        (
            "Dataset",
            f"{runs[0].evaluation['dataset']}; training faces shuffled with seed "
            f"{dataset['seed']}",
        ),
        ("Faces", splits),
        ("Splits", describe_splits(dataset)),
    ]
    for run in runs:
        about, code = run.evaluation, Markup("<code>{}</code>").format
        seed = solver_seed(run.log_path)
        facts += [
            (
                run.title,
                Markup(
                    "{}, weights {}, {} iterations, solver seed {}, log {}"
                ).format(
                    code(about["net"]), code(about["weights"]),
                    f"{run.iterations:,}", seed, code(run.log_path),
                ),
            ),
            ("Solver", describe_solver(run.log_path)),
            ("Evaluated by", code(about["command"])),
        ]  # fmt: skip
    return [*facts, ("Reported by", Markup("<code>{}</code>").format(command))]
