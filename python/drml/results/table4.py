"""Table 4: running time of the networks, and both sets of ratios to ConvNet."""

from drml.paper import Time, read_paper, running_time
from drml.results.out import Out
from drml.results.section import Section
from drml.results.table import (
    DIFFERENCE,
    NAME,
    OURS,
    PAPERS,
    Cell,
    Column,
    Table,
    difference,
)

PART = "4"
REFERENCE = "ConvNet"
PHASES = ("train", "test")
FILE = "table4/running_time.csv"
TEXTS = "network phase batch trials iterations hardware"
NUMBERS = "mean_ms std_ms"


def section(out: Out) -> Section:
    title = on_random_input(read_paper()["table4"]["caption"])
    rows = out.csv(FILE, TEXTS, NUMBERS)
    if not rows:
        return Section(title, missing=out.lacking(PART, "Table 4"))
    times = {
        (row["network"], row["phase"]): Time(row["mean_ms"], row["std_ms"])
        for row in rows
    }
    missing = [
        f"Table 4: {network} was not timed"
        for network in out.nets.values()
        if (network, PHASES[0]) not in times
    ]
    return Section(title, [_settings(rows[0])], [_table(times)], missing=missing)


def on_random_input(title: str) -> str:
    """Mark a title: no face, real or generated, was timed."""
    return f"{title} (random input)"


def _settings(row: dict) -> str:
    return (
        f"Milliseconds an iteration with {row['batch']} faces, on {row['hardware']}: "
        f"{row['trials']} trials of {row['iterations']} iterations on random numbers, "
        "reading of data left out. The paper's are of 20 trials of 1,000 iterations on "
        f"one {read_paper()['table4']['hardware']}; its batch is not named, so only "
        f"the ratios to {REFERENCE} can be compared."
    )


def _table(times: dict[tuple[str, str], Time]) -> Table:
    columns = [Column("", "network", NAME)]
    for phase in PHASES:
        columns += [
            Column(f"{phase}, here", "ms", OURS),
            Column(f"{phase}, here", "std", digits=2),
            Column(f"{phase}, paper", "ms", PAPERS),
            Column(f"{phase}, paper", "std", PAPERS, digits=3),
            Column(f"{phase}, x {REFERENCE}", "here", OURS, digits=2),
            Column(f"{phase}, x {REFERENCE}", "paper", PAPERS, digits=2),
            Column(f"{phase}, x {REFERENCE}", "diff.", DIFFERENCE, digits=2, full=6),
        ]
    methods = read_paper()["table4"]["methods"]
    rows = [
        [Cell(m), *(c for p in PHASES for c in _cells(m, p, times))] for m in methods
    ]
    note = "Paper: Table 4, rows Train and Test. diff.: our ratio less the paper's."
    title = on_random_input("Running time of the networks")
    return Table("table4", title, columns, rows, notes=[note])


def _cells(network: str, phase: str, times: dict[tuple[str, str], Time]) -> list[Cell]:
    ours, papers = times.get((network, phase)), running_time(phase, network)
    reference = times.get((REFERENCE, phase))
    ratio = ours.mean / reference.mean if ours and reference else None
    papers_ratio = papers.mean / running_time(phase, REFERENCE).mean
    return [
        *map(Cell, ours or (None, None)),
        *map(Cell, papers),
        Cell(ratio),
        Cell(papers_ratio),
        difference(ratio, papers_ratio),
    ]
