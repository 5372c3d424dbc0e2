"""Gather evaluations, training logs and sample faces into one HTML page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.base import UserError
from drml import figures
from drml.caffe_log import TrainingLog
from drml.dataset import describe
from drml.pages import templates
from drml.samples import Sample
from drml.tables import average_name


@dataclass(frozen=True)
class Run:
    """One trained net: its evaluation (see drml.evaluation) and training log."""

    evaluation: dict
    log: TrainingLog
    log_path: Path

    @property
    def title(self) -> str:
        return self.evaluation["title"]

    @property
    def aus(self) -> list[int]:
        return [row["au"] for row in self.evaluation["aus"]]

    @property
    def iterations(self) -> int:
        """Iterations trained, from the snapshot's name, else from the log."""
        match = re.search(r"_iter_(\d+)", self.evaluation["weights"])
        return int(match[1]) if match else self.log.last_iteration


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


def render(
    title: str,
    dataset: dict,
    runs: Sequence[Run],
    samples: Sequence[Sample],
    command: str,
) -> str:
    """Return the page; it needs no other file and no network."""
    suffix = " (generated faces)" if dataset["generated"] else ""
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            title=title if "generated faces" in title else title + suffix,
            suffix=suffix,
            dataset=dataset,
            runs=runs,
            samples=samples,
            command=command,
            average_name=average_name,
            colour=figures.colour,
            f1_bars=figures.f1_bars(f"F1 per AU{suffix}", runs[0].aus, runs),
            loss_curves=figures.loss_curves(f"Training and test loss{suffix}", runs),
            roc_curves=figures.roc_curves(f"ROC curves{suffix}", runs[0].aus, runs),
        )
    )
