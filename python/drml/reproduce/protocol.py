"""How long and on what the networks are trained: the paper's way, or in minutes.

The short protocol serves generated faces only; docs/decisions.md says why it trains
as it does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from drml.nets.names import FACE_SIZE
from drml.nets.networks import NETWORKS
from drml.nets.prototxt import Training

SHORT_TRAINING = Path(__file__).parents[2] / "short_training.txt"  # the demo's too


@dataclass(frozen=True)
class Length:
    iterations: int
    snapshots: int  # at even distances, the last at the end
    decay: float  # share of the iterations after which the rate is a tenth

    @property
    def options(self) -> list[str]:
        """What make_prototxt.py is to be told."""
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
    solver: tuple[str, ...]  # other options of make_prototxt.py
    hdf5: frozenset[str]  # networks whose snapshots are more than protobuf's 2 GB
    faces: Mapping[str, int]  # by dataset; an estimate, until it is imported
    trials: tuple[int, int]  # Table 4's, and the iterations of each

    def size(self, network: str) -> int:
        return self.sizes[FACE_SIZE[network]]

    def solver_options(self, network: str) -> list[str]:
        hdf5 = ["--snapshot-format", "HDF5"] if network in self.hdf5 else []
        return [*self.lengths[network].options, *self.solver, *hdf5]

    def lasting(self, iterations: int | None) -> "Protocol":
        """Return the protocol with another number of iterations for all networks."""
        if iterations is None:
            return self
        lengths = {
            network: replace(length, iterations=iterations)
            for network, length in self.lengths.items()
        }
        return replace(self, lengths=lengths)


def paper() -> Protocol:
    """Return the paper's solver (4.1) on the real datasets, whose frames are known."""
    every = Training.max_iter // Training.snapshot
    decay = Training.stepsize / Training.max_iter
    return Protocol(
        name="paper",
        sizes={170: 200, 227: 256},
        lengths=dict.fromkeys(NETWORKS, Length(Training.max_iter, every, decay)),
        batch=Training.batch,
        solver=(),
        hdf5=frozenset(),
        faces={"bp4d": 146_847, "disfa": 126_144},
        trials=(20, 1000),  # 4.2
    )


SHORT_FACES = {
    "bp4d": {"subjects": 41, "tasks": 8, "frames": 10},
    "disfa": {"subjects": 27, "tasks": 1, "frames": 60},
}


def short() -> Protocol:
    """Return what trains all networks on three folds without a GPU."""
    lengths = {"drml": 300, "convnet": 300, "lcn": 120, "alexnet": 480}
    snapshots = {"lcn": 2}  # 1.2 GB each
    return Protocol(
        name="short",
        sizes={170: 178, 227: 238},  # 8 and 11 pixels of play for the crop
        lengths={n: Length(i, snapshots.get(n, 3), 0.8) for n, i in lengths.items()},
        batch=8,
        solver=(*SHORT_TRAINING.read_text().split(), "--test-interval", "1000"),
        hdf5=frozenset({"lcn"}),
        faces={
            name: counts["subjects"] * counts["tasks"] * counts["frames"]
            for name, counts in SHORT_FACES.items()
        },
        trials=(5, 5),
    )
