"""What a folder of results is to hold: what is asked for, and what is there already.

Both count, since what hangs on a network that is trained again must not stay as it was
beside it. A network or fold that is not asked for gets nothing that it has not got:
that it cannot be had may be why it is not asked for.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path

from drml.nets.names import METHODS, TITLES
from drml.reproduce.protocol import PROTOCOLS

FOLDS = (1, 2, 3)
PARTS = {
    "2": "Table 2",
    "3": "Table 3",
    "4": "Table 4",
    "fig4": "Fig. 4",
    "fig5": "Fig. 5",
    "features": "features",
    "region": "region layer",
}
OF_TRAINED = {"2", "3", "fig4", "fig5", "features"}  # "region" is of DRML alone
FILES = {  # what a part ends in
    "2": ("{}/fold{}/test/predictions.h5", "{}/fold{}/test/evaluation.json"),
    "3": (
        "{}/disfa/direct/predictions.h5",
        "{}/disfa/direct/evaluation.json",
        "{}/disfa/read_out/predictions.h5",
        "{}/disfa/read_out/evaluation.json",
    ),
    "4": ("table4/running_time.csv",),
    "fig4": (
        "saliency/saliency.png",
        "saliency/saliency_mean.png",
        "saliency/saliency.csv",
    ),
    "fig5": ("relations/relations.png", "relations/relations.csv"),
    "features": ("{}/features.h5",),
    "region": ("region/region.png", "region/region.csv"),
}
TEST = "test/evaluation.json"
ON_DISFA = ("lsvm", "apl")  # JPML is left out, as in the paper

PLACES = {"run": "{}", "net": "{}", "layout": "{}", "size": "{} pixels", "k": "fold {}"}
PLACES |= {"method": "{}", "split": "{}"}


def step_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """Name a step by its rule and what it is of: train (drml/fold1)."""
    place = [PLACES[name].format(value) for name, value in wildcards.items()]
    if "run" in wildcards:  # says the network, too
        place = [wildcards["run"]]
    return f"{rule} ({', '.join(place)})" if place else rule


class Contents:
    """The files that a request comes to. Paths are seen from the folder.

    config: of the workflow (python/reproduce.smk); out: the folder of results.
    """

    def __init__(self, config: dict, out: Path = Path()):
        self.config, self.out = config, out
        protocol = PROTOCOLS[config["protocol"]].lasting(config["iterations"])
        self.protocol = protocol.drawing(config["faces"])
        self.parts = {*config["tables"]} - self.lacking.keys()
        runs = [(net, fold) for net in config["nets"] for fold in config["folds"]]
        self.asked = {run for run in runs if self.parts & OF_TRAINED}
        if "region" in self.parts:
            self.asked |= {run for run in runs if run[0] == "drml"}

    def held(self, file: str) -> bool:
        """Tell whether a file is there, or was being made again when a run was cut."""
        name = urlsafe_b64encode(file.encode()).decode()  # as Snakemake notes it
        unfinished = self.out / ".snakemake/incomplete" / name
        return (self.out / file).exists() or unfinished.exists()

    def folds(self, net: str, *files: str) -> list[int]:
        """Return the folds that are asked for, or that have one of the files."""
        return [
            fold
            for fold in FOLDS
            if (net, fold) in self.asked
            or any(self.held(f"{net}/fold{fold}/{file}") for file in files)
        ]

    @property
    def has_disfa(self) -> bool:
        return bool(self.config["disfa"]) or "disfa" in self.protocol.drawn

    @property
    def draws(self) -> bool:
        """Whether the faces are to be generated here."""
        return self.config["bp4d"] is None

    @cached_property
    def chosen(self) -> dict[str, list[int]]:
        """The folds whose snapshots are compared, by network."""
        files = ("selection.json", TEST)
        folds = {net: self.folds(net, *files) for net in TITLES}
        return {net: own for net, own in folds.items() if own}

    @cached_property
    def tested(self) -> dict[str, list[int]]:
        """The networks that are tested on every fold that is chosen of them."""
        return {n: f for n, f in self.chosen.items() if self.folds(n, TEST) == f}

    def compared(self, nets: dict[str, list[int]]) -> list[str]:
        """Return the networks that have every fold that the first of them has.

        Only of the same faces can maps or correlations be compared.
        """
        first = next(iter(nets.values()), [])
        return [net for net, folds in nets.items() if {*folds} >= {*first}]

    def targets(self) -> Iterator[str]:
        """Yield the files to be made, in the order of the plan; the report is not one.

        Fold after fold, then what joins them.
        """
        for fold in FOLDS:
            for net in TITLES:
                yield from self._training(net, fold)
            for method in METHODS:
                yield from self._method(method, fold)
        for grid in self.grids:
            for fold in FOLDS:
                yield from self._grid(grid, fold)
        if self.protocol.chooses:
            yield from self._of_chosen()
        if self.has_disfa:
            for method in ON_DISFA:
                files = [file.format(method) for file in FILES["3"][2:]]
                asked = "3" in self.parts and method in self.methods
                if asked or any(map(self.held, files)):
                    yield from files
        if "4" in self.parts:  # hangs on no model: what is there stays as it is
            yield from FILES["4"]

    def _training(self, net: str, fold: int) -> Iterator[str]:
        asked = (net, fold) in self.asked
        chosen = asked and self.protocol.chooses
        tested = asked and self.parts & {"2", "fig5"}
        yield from self._run(f"{net}/fold{fold}", chosen, tested)

    @property
    def methods(self) -> list[str]:
        """The classical methods asked for; the demo shows networks alone."""
        return self.config["methods"] if self.protocol.chooses else []

    def _method(self, method: str, fold: int) -> Iterator[str]:
        asked = method in self.methods and fold in self.config["folds"]
        files = [file.format(method, fold) for file in FILES["2"]]
        if (asked and "2" in self.parts) or any(map(self.held, files)):
            yield from files

    def _grid(self, grid: int, fold: int) -> Iterator[str]:
        asked = grid in self.config["grids"] and fold in self.config["folds"]
        yield from self._run(f"grids/{grid}x{grid}/fold{fold}", asked, asked)

    def _run(self, run: str, chosen: bool, tested: bool) -> Iterator[str]:
        if self.held(f"{run}/trained"):
            yield f"{run}/trained"
        if chosen or self.held(f"{run}/selection.json"):
            yield f"{run}/selection.json"
        if tested or self.held(f"{run}/{TEST}"):
            yield from (f"{run}/test/predictions.h5", f"{run}/{TEST}")

    def _of_chosen(self) -> Iterator[str]:
        for net in self.chosen:
            asked = any(own == net for own, _ in self.asked)
            yield f"{net}/best.json"
            yield from self._part("features", asked, net)
            if self.has_disfa:
                yield from self._part("3", asked, net)
        if self.chosen:
            yield from self._part("fig4")
        if self.tested:
            yield from self._part("fig5")
        if "drml" in self.chosen:
            yield from self._part("region")

    def _part(self, part: str, asked: bool = True, *net: str) -> Iterator[str]:
        files = [file.format(*net) for file in FILES[part]]
        if (asked and part in self.parts) or any(map(self.held, files)):
            yield from files

    @cached_property
    def grids(self) -> list[int]:
        """The grids of the region layer asked for or there, other than 8 x 8."""
        there = {int(f.name.split("x")[0]) for f in self.out.glob("grids/*x*")}
        return sorted({*self.config["grids"], *there})

    @property
    def lacking(self) -> dict[str, str]:
        """Say which parts can't be made of what was given, and why."""
        lacking = {}
        if not self.has_disfa:
            lacking["3"] = "Table 3 is left out: it wants DISFA (DISFA=DIR)"
        if "drml" not in self.config["nets"] and not any(
            self.held(f"drml/fold{fold}/selection.json") for fold in FOLDS
        ):
            lacking["region"] = (
                "Region layer is left out: only DRML has one (NETS=drml)"
            )
        return lacking

    def left_out(self) -> list[str]:
        return [why for p, why in self.lacking.items() if p in self.config["tables"]]

    def holds(self, part: str) -> bool:
        return any(self.out.glob(FILES[part][-1].format("*", "*")))

    def about(self) -> dict[str, list]:
        """Say what the folder will hold, for run.json."""
        files = ("trained", "selection.json", TEST)
        folds = {net: self.folds(net, *files) for net in TITLES}
        nets = {*self.config["nets"], *(net for net, own in folds.items() if own)}
        return {
            "nets": [net for net in TITLES if net in nets],
            "methods": [
                method
                for method in METHODS
                if (method in self.methods and self.parts & {"2", "3"})
                or any(self.held(f"{method}/fold{fold}/{TEST}") for fold in FOLDS)
            ],
            "folds": sorted({*self.config["folds"], *chain(*folds.values())}),
            "parts": [p for p in PARTS if p in self.config["tables"] or self.holds(p)],
            "grids": self.grids,
        }
