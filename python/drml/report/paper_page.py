"""The paper's results section over what `make reproduce` left: pages and CSV files."""

import platform
from collections.abc import Sequence
from math import isnan
from pathlib import Path

import h5py
import numpy
import pandas
import sklearn

from data_prep.base import read_json, write
from drml.evaluate.bootstrap import Bootstrap
from drml.nets.pycaffe import caffe
from drml.report import supplement
from drml.report.comparison import MEASURES, Folds, check_alike
from drml.report.pages import Facts, Page
from drml.report.paper import percent_of
from drml.report.paper_figures import figure4, figure5a, figure5b
from drml.report.paper_tables import on_disfa, table2, table3, table4
from drml.report.protocol_page import protocol
from drml.report.results import REMEDY, Results, named_folds
from drml.report.statistics_page import statistics
from drml.report.training import describe_splits

NOTICE = (
    "Every face behind these numbers was drawn by a program. Differences to the paper "
    "are therefore expected and mean nothing: the page shows that the experiments run, "
    "not how well the networks do on real faces."
)
PROTOCOLS = {
    "paper": "the paper's solver and sampling (4.1)",
    "short": "short: Adam for some 300 iterations of 8 generated faces, in minutes; "
    "the paper's SGD learns too, in some 1,000 of 32, in hours (docs/training.md)",
}
SAID_ELSEWHERE = (
    *("generated", "nets", "methods", "folds", "parts", "grids", "protocol"),
    *("iterations", "patience", "left_out"),
)


def paper_page(results: Results, command: str, how: Bootstrap | None) -> Page:
    """Measure all that is there; how: of the 95% intervals, None for none."""
    tested = {name: results.tested(name) for name in results.systems}
    networks = {
        n: Folds(results.systems[n], folds) for n, folds in tested.items() if folds
    }
    on_bp4d = list(networks.values())
    tools = [Folds(tool.title, tool.folds) for tool in results.tools.values()]
    systems = on_bp4d + [tool for tool in tools if tool.predictions]
    check_alike(systems)
    disfa = on_disfa(results)
    return Page(
        title=results.marked("DRML: the paper's results and ours"),
        notices=[NOTICE] if results.generated else [],
        facts=_contents(results),
        summary=[" ".join(summary(on_bp4d))],
        wide=True,
        sections=[
            table2(results, systems),
            table3(results),
            protocol(results, systems, disfa),
            statistics(results, systems, disfa, how),
            table4(results),
            figure4(results),
            figure5a(results),
            figure5b(results),
            supplement.features(results),
            supplement.region(results),
            supplement.grids(results, networks.get("drml")),
            supplement.selection(results),
            supplement.models(results, on_bp4d, _made(results, command)),
        ],
    )


def write_page(page: Page, folder: Path) -> None:
    """Write FOLDER/*.csv, the pictures, results.md, and results.html last."""
    for section in page.shown:
        for table in section.tables:
            write(folder / f"{table.name}.csv", table.as_csv())
        for picture in section.pictures:
            write(folder / picture.name, picture.content)
    write(folder / "results.md", page.as_markdown())
    write(folder / "results.html", page.as_html())


def _contents(results: Results) -> Facts:
    """Say what the folder holds, whatever was asked for last."""
    nets = [f"{title}: {_folds(results, net)}" for net, title in results.nets.items()]
    grids = [
        f"{n} x {n}: {_folds(results, folder)}"
        for n, folder in sorted(results.grids.items())
    ]
    methods = [
        f"{title}: {named_folds(results.by_fold(name, 'test/predictions.h5'))}"
        for name, title in results.methods.items()
        if results.by_fold(name, "test/predictions.h5")
    ]
    facts = {
        "Networks": "; ".join(nets),
        "Classical methods": "; ".join(methods),
        "Other grids": "; ".join(grids),
        "Faces": "generated" if results.generated else "real",
        "Protocol": _protocol(results.record),
        "Splits": _splits(results),
        "Single models": results.single_models,
    }
    return [(name, said) for name, said in facts.items() if said]


def _folds(results: Results, net: str) -> str:
    folds = results.validated(net)
    return named_folds(folds) if folds else "no fold yet"


def _protocol(record: dict) -> str | None:
    """Name the protocol, and how training departed from it."""
    said = PROTOCOLS.get(record.get("protocol"))
    if said and "iterations" in record:
        said += f", but {record['iterations']:,} iterations"
    if said and "patience" in record:
        said += f"; with early end (patience {record['patience']})"
    return said


def _splits(results: Results) -> str:
    """Say how the imports of BP4D split the subjects."""
    files = sorted(results.folder.glob("data/bp4d*/fold*/dataset.json"))
    said = {describe_splits(read_json(file, REMEDY)): None for file in files}
    return "; ".join(said) or "no import of BP4D is there"


def _made(results: Results, command: str) -> Facts:
    """Say with which commands and versions; run.json's other entries as they are."""
    versions = {
        "Caffe": caffe.__version__,
        "Python": platform.python_version(),
        "numpy": numpy.__version__,
        "pandas": pandas.__version__,
        "scikit-learn": sklearn.__version__,
        "h5py": h5py.__version__,
    }
    others = {k: v for k, v in results.record.items() if k not in SAID_ELSEWHERE}
    return [
        *((name.capitalize(), str(value)) for name, value in others.items()),
        ("Reported by", command),
        ("With", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]


def summary(networks: Sequence[Folds]) -> list[str]:
    """Say which network is best, here and in the paper, and whether in its order."""
    if not networks:
        return ["No network has results for Table 2 yet."]
    sentences = [_compared(networks, measure) for measure in MEASURES]
    if len({tuple(network.predictions) for network in networks}) > 1:
        sentences.append(
            "The networks have results on different folds, so these averages are not "
            "like for like yet."
        )
    return sentences


def _compared(networks: Sequence[Folds], measure: str) -> str:
    name = f"average {MEASURES[measure]}"
    means = {network.title: network.mean[measure].mean() for network in networks}
    ours = {title: mean for title, mean in means.items() if not isnan(mean)}
    papers = {t: p for t in ours if (p := percent_of(2, measure, t)) is not None}
    if not ours:
        return f"No AU has both classes, so there is no {name}."
    if not papers:
        return f"Of {', '.join(ours)} the paper gives no {name}."
    ours = {title: ours[title] for title in papers}
    here, theirs = (sorted(m, key=m.get, reverse=True) for m in (ours, papers))
    first = f"{here[0]} ({ours[here[0]]:.1f})"
    papers_first = f"{theirs[0]} ({papers[theirs[0]]:.1f})"
    if len(ours) == 1:
        return f"By {name} {first} stands alone here; the paper: {papers_first}."
    order, other = " > ".join(theirs), " > ".join(here)
    holds = "holds here" if here == theirs else f"does not hold here; it is {other}"
    return (
        f"By {name} {first} is best here, and of the same systems in the paper "
        f"{papers_first}. The paper's order, {order}, {holds}."
    )
