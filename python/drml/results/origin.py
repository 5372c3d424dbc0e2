"""How the results were made: commands, seeds, versions, the models behind them."""

import platform
from collections.abc import Sequence

import h5py
import numpy
import sklearn

from drml.nets.log import read_log
from drml.nets.pycaffe import caffe
from drml.results.folds import Folds
from drml.results.models import single_models
from drml.results.out import Out
from drml.results.section import Section, named_folds
from drml.results.table import NAME, PLAIN, TEXT, Cell, Column, Table

Facts = list[tuple[str, str]]
PROTOCOLS = {
    "paper": "the paper's solver and sampling (4.1)",
    "short": "short: fewer faces, iterations and a solver to match (docs/decisions.md)",
}
SAID_ELSEWHERE = (
    "generated nets folds parts grids protocol iterations patience left_out".split()
)


def contents(out: Out) -> Facts:
    """Say what the folder holds, whatever was asked for last."""
    nets = [f"{title}: {_trained(out, net)}" for net, title in out.nets.items()]
    grids = [f"{n} x {n}: {_trained(out, f)}" for n, f in sorted(out.grids.items())]
    facts = {
        "Networks": "; ".join(nets),
        "Other grids": "; ".join(grids),
        "Faces": "generated" if out.generated else "real",
        "Protocol": _protocol(out.record),
        "Single models": single_models(out),
    }
    return [(name, said) for name, said in facts.items() if said]


def _protocol(record: dict) -> str | None:
    """Name the protocol, and how training departed from it."""
    said = PROTOCOLS.get(record.get("protocol"))
    if said is None:
        return None
    if "iterations" in record:
        said += f", but {record['iterations']:,} iterations"
    if "patience" in record:
        said += f"; with early end (patience {record['patience']})"
    return said


def _trained(out: Out, net: str) -> str:
    folds = out.selections(net)
    return named_folds(folds) if folds else "no fold yet"


def made(out: Out, command: str) -> Facts:
    """Say with which commands and versions; run.json's other entries as they are."""
    versions = {
        "Caffe": caffe.__version__,
        "Python": platform.python_version(),
        "numpy": numpy.__version__,
        "scikit-learn": sklearn.__version__,
        "h5py": h5py.__version__,
    }
    others = {k: v for k, v in out.record.items() if k not in SAID_ELSEWHERE}
    return [
        *((name.capitalize(), str(value)) for name, value in others.items()),
        ("Reported by", command),
        ("With", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]


def section(out: Out, networks: Sequence[Folds]) -> Section:
    """List the models that were tested, with the commands that did it."""
    title = out.marked("How this was made")
    names = {
        "network": NAME,
        "fold": PLAIN,
        "weights": TEXT,
        "solver's seed": PLAIN,
        "faces": PLAIN,
        "evaluated by": TEXT,
    }
    columns = [Column("", name, kind) for name, kind in names.items()]
    folders = {title: net for net, title in out.nets.items()}
    rows = [
        [
            Cell(network.title),
            Cell(fold),
            *_cells(out, folders[network.title], fold, found),
        ]
        for network in networks
        for fold, found in network.predictions.items()
    ]
    table = Table(
        "models", out.marked(f"Models tested {out.on('BP4D')}"), columns, rows
    )
    return Section(title, tables=[table] if rows else [])


def _cells(out: Out, net: str, fold: int, found) -> list[Cell]:
    log = out.folder / net / f"fold{fold}" / "train.log"
    seed = read_log(log).random_seed if log.exists() else None
    about = found.about
    values = (about["weights"], seed, len(found.keys), about["command"])
    return [Cell("not set" if value is None else value) for value in values]
