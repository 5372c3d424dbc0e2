"""Time training and test iterations of the networks (the paper's Table 4).

Prints the mean and standard deviation over the trials beside the paper's, both with
their ratios to ConvNet, and writes them as running_time.csv into --out. The paper did
20 trials of 1000 iterations on a Tesla K40c and does not name the batch.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from tqdm import tqdm

from data_prep.base import whole, write
from drml.nets.names import TITLES
from drml.nets.pycaffe import choose_mode, hardware
from drml.nets.timing import PHASES, summarise, time_trials
from drml.report.paper import Time, read_paper, running_time
from drml.report.tables import csv_text, lay_out

REFERENCE = "ConvNet"


@dataclass(frozen=True)
class Row:
    """A network's time in one phase, and the paper's."""

    network: str
    phase: str
    ours: Time
    papers: Time
    ratio: float | None  # to ConvNet; None if that was not timed
    papers_ratio: float


def run(options: argparse.Namespace) -> None:
    mode = choose_mode(options.mode)
    options.hardware = options.hardware or hardware(mode)
    times = {
        (TITLES[network], phase): measure(network, phase, options)
        for network in options.networks
        for phase in PHASES
    }
    rows = list(compare(times))
    write(options.out / "running_time.csv", as_csv(rows, options))
    for phase in PHASES:
        print(
            as_text(
                f"{phase}: {settings(options)}", [r for r in rows if r.phase == phase]
            )
        )


def measure(network: str, phase: str, options: argparse.Namespace) -> Time:
    iterate = PHASES[phase](network, options.batch)
    trials = time_trials(iterate, options.trials, options.iterations)
    progress = tqdm(trials, f"{TITLES[network]}, {phase}", options.trials, unit="trial")
    return summarise(list(progress))


def compare(times: dict[tuple[str, str], Time]) -> Iterator[Row]:
    for (network, phase), ours in times.items():
        papers = running_time(phase, network)
        reference = times.get((REFERENCE, phase))
        ratio = ours.mean / reference.mean if reference else None
        papers_ratio = papers.mean / running_time(phase, REFERENCE).mean
        yield Row(network, phase, ours, papers, ratio, papers_ratio)


def settings(options: argparse.Namespace) -> str:
    return (
        f"ms an iteration, batch {options.batch}, on {options.hardware}, "
        f"{options.trials} trials of {options.iterations} iterations; "
        f"the paper's on {read_paper()['table4']['hardware']}"
    )


def as_text(title: str, rows: list[Row]) -> str:
    header = ("network", "ms", "+-", f"x {REFERENCE}")
    header += ("paper's ms", "+-", f"x {REFERENCE}")
    body = [
        (
            r.network,
            f"{r.ours.mean:.1f}",
            "" if isnan(r.ours.std) else f"{r.ours.std:.1f}",
            f"{r.ratio:.2f}" if r.ratio else "",
            f"{r.papers.mean:.1f}",
            f"{r.papers.std:.3f}",
            f"{r.papers_ratio:.2f}",
        )
        for r in rows
    ]
    return lay_out(title, [header, *body], names=0, foot=False) + "\n"


def as_csv(rows: list[Row], options: argparse.Namespace) -> str:
    header = (
        "network phase mean_ms std_ms ratio paper_mean_ms paper_std_ms paper_ratio "
    )
    header += "batch trials iterations hardware"
    same = (options.batch, options.trials, options.iterations, options.hardware)
    body = [
        (r.network, r.phase, *r.ours, r.ratio, *r.papers, r.papers_ratio, *same)
        for r in rows
    ]
    return csv_text(header.split(), body)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--networks", nargs="+", choices=TITLES, default=list(TITLES), help="all")
    add("--out", type=Path, required=True, help="folder for the table")
    add("--batch", type=whole(1), default=8, help="faces an iteration (8)")
    add("--trials", type=whole(1), default=5, help="trials (5)")
    add("--iterations", type=whole(1), default=5, help="iterations a trial (5)")
    add("--mode", choices=("cpu", "gpu"), help="the GPU where there is a usable one")
    add("--hardware", help="its name in the tables (the processor's or the card's)")
