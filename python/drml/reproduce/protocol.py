"""How long and on what the networks are trained: the paper's way, or in minutes.

The short and the demo protocol serve generated faces only; docs/decisions.md says why
they train as they do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from pathlib import Path

from drml.nets.names import FACE_SIZE, TITLES

SHORT_TRAINING = Path(__file__).parents[2] / "short_training.txt"  # the demo's too
TABLE_4_BATCH = 8


@dataclass(frozen=True)
class Length:
    iterations: int
    snapshots: int  # at even distances, the last at the end
    decay: float  # share of the iterations after which the rate is a tenth

    @property
    def options(self) -> list[str]:
        """What `drml prototxt` is to be told."""
        return [
            *("--max-iter", str(self.iterations)),
            *("--stepsize", str(max(1, int(self.iterations * self.decay)))),
            *("--snapshot", str(self.interval)),
        ]

    @property
    def interval(self) -> int:
        return ceil(self.iterations / self.snapshots)


@dataclass(frozen=True)
class Protocol:
    """sizes: side of the registered faces by the side of the network's crop."""

    name: str
    sizes: Mapping[int, int]
    lengths: Mapping[str, Length]  # by network
    batch: int
    faces: Mapping[str, int]  # by layout; an estimate, until it is imported
    trials: tuple[int, int]  # Table 4's, and the iterations of each
    drawn: Mapping[str, Mapping[str, int]]  # options of generated faces, by layout
    importer: tuple[str, ...] = ()
    solver: tuple[str, ...] = ()  # other options of `drml prototxt`
    hdf5: frozenset[str] = frozenset()  # networks whose snapshots are more than 2 GB
    chooses: bool = True  # a snapshot on the val split; else the last is taken

    def size(self, network: str) -> int:
        return self.sizes[FACE_SIZE[network]]

    def crop(self, size: int) -> int:
        return next(crop for crop, own in self.sizes.items() if own == size)

    def solver_options(self, network: str) -> list[str]:
        hdf5 = ["--snapshot-format", "HDF5"] if network in self.hdf5 else []
        return [*self.lengths[network].options, *self.solver, *hdf5]

    def ending(self, network: str) -> str:
        """Return what a snapshot's name ends in: ".caffemodel" and this."""
        return ".h5" if network in self.hdf5 else ""

    def lasting(self, iterations: int | None) -> "Protocol":
        """Return the protocol with another number of iterations for all networks."""
        if iterations is None:
            return self
        lengths = {
            network: replace(length, iterations=iterations)
            for network, length in self.lengths.items()
        }
        return replace(self, lengths=lengths)

    def drawing(self, counts: Sequence[int] | None) -> "Protocol":
        """Return it with other generated faces: subjects, tasks, frames, height."""
        if counts is None:
            return self
        subjects, tasks, *more = counts
        layouts = {
            "bp4d": (subjects, tasks, *more),
            "disfa": (min(27, subjects), 1, *more),
        }
        return replace(self, **_drawn(**{n: layouts[n] for n in self.drawn}))


def _drawn(**layouts: Sequence[int]) -> dict[str, dict]:
    """Name the counts of generated faces, and say how many that makes."""
    names = ("subjects", "tasks", "frames", "height")
    drawn = {n: dict(zip(names, own, strict=False)) for n, own in layouts.items()}
    return {"drawn": drawn, "faces": {n: prod(own[:3]) for n, own in layouts.items()}}


PAPER = Protocol(  # its solver (4.1) on the real datasets, whose frames are known
    name="paper",
    sizes={170: 200, 227: 256},
    lengths=dict.fromkeys(TITLES, Length(16000, snapshots=16, decay=0.5)),
    batch=128,
    faces={"bp4d": 146_847, "disfa": 126_144},
    trials=(20, 1000),  # 4.2
    drawn={},
)


_IN_MINUTES = {
    "sizes": {170: 178, 227: 238},  # 8 and 11 pixels of play for the crop
    "batch": 8,
    "hdf5": frozenset({"lcn"}),
    "trials": (5, 5),
}
_SOLVER = tuple(SHORT_TRAINING.read_text().split())

SHORT = Protocol(  # all networks on three folds without a GPU
    name="short",
    lengths={
        "drml": Length(300, 3, 0.8),
        "convnet": Length(300, 3, 0.8),
        "lcn": Length(120, 2, 0.8),  # snapshots of 1.2 GB each
        "alexnet": Length(480, 3, 0.8),
    },
    solver=(*_SOLVER, "--test-interval", "1000"),
    importer=("--sample", "none"),
    **_drawn(bp4d=(41, 8, 10), disfa=(27, 1, 60)),
    **_IN_MINUTES,
)

DEMO = Protocol(  # one network on one fold
    name="demo",
    lengths={
        "drml": Length(420, 3, 0.81),
        "convnet": Length(420, 3, 0.81),
        "lcn": Length(300, 2, 0.8),
        "alexnet": Length(840, 3, 0.81),
    },
    solver=(*_SOLVER, "--test-interval", "60"),
    importer=("--sample", "none", "--seed", "0"),
    chooses=False,
    **_drawn(bp4d=(41, 8, 20)),
    **_IN_MINUTES,
)

PROTOCOLS = {protocol.name: protocol for protocol in (PAPER, SHORT, DEMO)}
