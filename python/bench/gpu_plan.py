"""What bench_gpu.py measures, the most important first, and how it names it."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from itertools import product

from bench.networks import PHASES
from bench.variants import Arithmetic, Variant, variants
from drml.nets.names import TITLES

PRECISIONS = {"FP32": False, "TF32": True}
PLAN = (
    ("drml", "train"),
    ("region", "train"),
    ("convnet", "train"),
    ("drml", "test"),
    ("convnet", "test"),
    ("lcn", "train"),
    ("alexnet", "train"),
    ("lcn", "test"),
    ("alexnet", "test"),
)
NETWORKS = tuple(dict.fromkeys(network for network, _ in PLAN))
COPY, PRODUCT = "a copy", "a matrix product"
WEIGHTS = "weights of lcn"


@dataclass(frozen=True)
class Step:
    """A network in one phase ("region": DRML's layer alone, forward and backward)."""

    precision: str
    network: str
    phase: str
    device: str

    @property
    def on(self) -> Arithmetic:
        return Arithmetic(self.device, PRECISIONS[self.precision])

    @property
    def variants(self) -> list[Variant]:
        return variants(self.network, self.device)

    @property
    def title(self) -> str:
        if self.network == "region":
            return "region layer alone, forward and backward"
        return f"{TITLES[self.network]}, {PHASES[self.phase]}"

    def __str__(self) -> str:
        return f"{self.precision}, {self.title}"

    def key(self, whose: object) -> str:
        """Name a measurement: "Caffe"'s, or a variant's of PyTorch."""
        return f"{self}: {whose}"

    def rate_key(self, what: str) -> str:
        return f"{self.precision}, {what}"


def agreement_key(network: str, variant: Variant) -> str:
    return f"agreement of {network}: {variant}"


def steps(
    precisions: Container[str], networks: Container[str], device: str
) -> Iterator[Step]:
    for precision, (network, phase) in product(PRECISIONS, PLAN):
        if precision in precisions and network in networks:
            yield Step(precision, network, phase, device)
