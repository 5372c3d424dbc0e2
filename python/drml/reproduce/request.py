"""What is asked of `make reproduce`, and what its folder holds already."""

import re
from dataclasses import dataclass
from pathlib import Path

from data_prep.base import UserError
from data_prep.dataset import are_generated
from drml.networks import NETWORKS
from drml.prototxt import Training
from drml.reproduce.protocol import Protocol, paper, short

PARTS = {
    "2": "Table 2",
    "3": "Table 3",
    "4": "Table 4",
    "fig4": "Fig. 4",
    "fig5": "Fig. 5",
    "features": "features",
    "region": "region layer",
}
OF_TRAINED = ("2", "3", "fig4", "fig5", "features")  # "region" is of DRML alone
LAST_STEPS = {  # by which a part is known to be there
    "2": r"\w+/fold\d/test",
    "3": r"\w+/disfa.*",
    "4": "table4",
    "fig4": "saliency",
    "fig5": "relations",
    "features": r"\w+/features",
    "region": "region",
}
KINDS = ("train", "select", "test")  # by any of which a training is known
RUN = re.compile(r"(\w+)/fold(\d)/(\w+)")
GRID = re.compile(r"grids/(\d+)x\d+/fold(\d)/(\w+)")
Runs = set[tuple[str, int]]


@dataclass(frozen=True)
class Request:
    """Paths are seen from the project's root. Raises UserError where it can't be done.

    runs: (network, fold) pairs; trial_count and trial_iterations: of Table 4, and mode,
    "cpu" or "gpu", what it is timed on; None: the protocol's, and the usual one.
    finished: names of the steps that OUT holds finished; timed: its Table 4's networks.
    """

    out: Path
    bp4d: Path | None
    disfa: Path | None
    runs: tuple[tuple[str, int], ...]
    parts: tuple[str, ...]
    grids: tuple[int, ...]
    seed: int
    iterations: int | None
    patience: int | None
    caffe: Path
    trial_count: int | None = None
    trial_iterations: int | None = None
    mode: str | None = None
    finished: frozenset[str] = frozenset()
    timed: tuple[str, ...] = ()

    def __post_init__(self):
        if self.disfa and not self.bp4d:
            raise UserError(
                "DISFA is what networks trained on BP4D are tested on: give BP4D=DIR "
                "too, or neither for generated faces"
            )
        for name, folder in (("BP4D", self.bp4d), ("DISFA", self.disfa)):
            if folder and not folder.is_dir():
                raise UserError(f"{name}={folder} is no folder; give the dataset's")
        if self.bp4d and self.disfa and self.generated != are_generated([self.disfa]):
            raise UserError(
                f"of BP4D={self.bp4d} and DISFA={self.disfa} one holds generated "
                "faces: give two of a kind"
            )
        for grid in self.grids:
            Training(grid=grid)  # knows which grids there can be
        if not self.grids and not set(self.parts) - self._lacking.keys():
            raise UserError(f"there is nothing to make: {'; '.join(self.left_out())}")

    @property
    def draws(self) -> bool:
        """Whether the faces are to be generated here."""
        return self.bp4d is None

    @property
    def generated(self) -> bool:
        return self.draws or are_generated([self.bp4d])

    @property
    def protocol(self) -> Protocol:
        return self._usual.lasting(self.iterations)

    @property
    def _usual(self) -> Protocol:
        return short() if self.draws else paper()

    @property
    def departures(self) -> dict[str, int]:
        """How training departs from the protocol: "iterations", "patience"."""
        other = self.protocol != self._usual
        iterations = {"iterations": self.iterations} if other else {}
        return iterations | ({"patience": self.patience} if self.patience else {})

    @property
    def has_disfa(self) -> bool:
        return self.draws or self.disfa is not None

    @property
    def trials(self) -> tuple[int, int]:
        """Table 4's trials, and the iterations of each."""
        count, iterations = self.protocol.trials
        return self.trial_count or count, self.trial_iterations or iterations

    @property
    def asked(self) -> Runs:
        """The networks and folds that are wanted trained."""
        if self.asks(*OF_TRAINED):
            return set(self.runs)
        return {r for r in self.runs if self.asks("region") and r[0] == "drml"}

    @property
    def trained(self) -> list[tuple[str, int]]:
        """The networks and folds to train and those that are, fold after fold."""
        networks = list(NETWORKS)
        return sorted(
            self.asked | self.having(*KINDS),
            key=lambda run: (run[1], networks.index(run[0])),
        )

    @property
    def asked_grids(self) -> set[tuple[int, int]]:
        return {(grid, fold) for grid in self.grids for _, fold in self.runs}

    @property
    def trained_grids(self) -> list[tuple[int, int]]:
        """The grids and folds to train and those that are."""
        found = filter(None, map(GRID.fullmatch, self.finished))
        there = {(int(m[1]), int(m[2])) for m in found if m[3] in KINDS}
        return sorted(self.asked_grids | there)

    @property
    def nets(self) -> list[str]:
        """Networks asked for or there."""
        known = {net for net, _ in {*self.runs, *self.having(*KINDS)}}
        return [net for net in NETWORKS if net in known]

    def contents(self) -> dict[str, list]:
        """Say what OUT will hold: what is asked for and what is there."""
        runs = {*self.runs, *self.having(*KINDS)}
        return {
            "nets": self.nets,
            "folds": sorted({fold for _, fold in runs}),
            "parts": [p for p in PARTS if p in self.parts or self.holds(p)],
            "grids": sorted({grid for grid, _ in self.trained_grids}),
        }

    def asks(self, *parts: str) -> bool:
        """Tell whether one of the parts is asked for and can be made."""
        asked = {*self.parts, *(["grids"] if self.grids else [])}
        return not asked.isdisjoint(set(parts) - self._lacking.keys())

    def left_out(self) -> list[str]:
        """Say which parts can't be made of what was given, and why."""
        return [why for part, why in self._lacking.items() if part in self.parts]

    @property
    def _lacking(self) -> dict[str, str]:
        lacking = {}
        if not self.has_disfa:
            lacking["3"] = "Table 3 is left out: it wants DISFA (DISFA=DIR)"
        known = {*self.runs, *self.having("select", "test")}
        if not any(net == "drml" for net, _ in known):
            lacking["region"] = (
                "Region layer is left out: only DRML has one (NETS=drml)"
            )
        return lacking

    def holds(self, part: str) -> bool:
        name = re.compile(LAST_STEPS[part])
        return any(map(name.fullmatch, self.finished))

    def having(self, *kinds: str) -> Runs:
        """Return the networks and folds of which OUT holds such a step finished."""
        found = filter(None, map(RUN.fullmatch, self.finished))
        return {(m[1], int(m[2])) for m in found if m[3] in kinds}
