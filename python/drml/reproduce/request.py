"""What is asked of `make reproduce`."""

from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import UserError
from data_prep.folds import FOLDS
from data_prep.source import are_generated
from drml.files import read_json
from drml.networks import NETWORKS
from drml.prototxt import Training
from drml.reproduce.ledger import REMEDY
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


@dataclass(frozen=True)
class Request:
    """Paths are seen from the project's root. Raises UserError where it can't be done.

    runs: (network, fold) pairs: those asked for and those that OUT holds finished.
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

    @property
    def draws(self) -> bool:
        """Whether the faces are to be generated here."""
        return self.bp4d is None

    @property
    def generated(self) -> bool:
        return self.draws or are_generated([self.bp4d])

    @property
    def protocol(self) -> Protocol:
        return (short() if self.draws else paper()).lasting(self.iterations)

    @property
    def nets(self) -> list[str]:
        return list(dict.fromkeys(net for net, _ in self.runs))

    @property
    def folds(self) -> list[int]:
        return sorted({fold for _, fold in self.runs})

    def asks(self, *parts: str) -> bool:
        return any(part in self.parts for part in parts)

    def left_out(self) -> list[str]:
        """Say which parts can't be made of what was given, and why."""
        if self.asks("3") and not self.draws and not self.disfa:
            return ["Table 3 is left out: it wants DISFA (DISFA=DIR)"]
        return []


def finished_runs(out: Path) -> list[tuple[str, int]]:
    """Return the networks and folds that OUT has results of: they join what is made."""
    return [
        (net, fold)
        for net in NETWORKS
        for fold in FOLDS
        if _is_finished(out / "steps" / net / f"fold{fold}" / "select.json")
    ]


def _is_finished(record: Path) -> bool:
    return record.exists() and read_json(record, REMEDY).get("outputs") is not None
