"""What bench/gpu.py measures, the most important first, ours while PyTorch is not
there, and keeps. What compiles, up to minutes each, comes after all that does not.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from bench.comparison import check
from bench.floors import SIZES
from bench.measure import Measure, in_turn, iterations, summarise
from bench.network_times import PEER, PHASES, say
from bench.program import Program
from bench.variants import Arithmetic, Variant, variants
from bench.worker import Worker
from data_prep.base import UserError, check_stamp, read_json, write_json
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
class Case:
    """A network in one phase ("region": DRML's layer alone, forward and backward)."""

    precision: str
    network: str
    phase: str
    device: str

    @property
    def on(self) -> Arithmetic:
        return Arithmetic(self.device, PRECISIONS[self.precision])

    @property
    def arithmetic(self) -> str:
        """Whose rate bounds it: our region layer's is FP32's whatever is allowed."""
        return "FP32" if self.network == "region" else self.precision

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
        return f"{self.arithmetic}, {what}"


def agreement_key(network: str, variant: Variant) -> str:
    return f"agreement of {network}: {variant}"


def cases(
    precisions: Container[str], networks: Container[str], device: str
) -> Iterator[Case]:
    for precision, (network, phase) in product(PRECISIONS, PLAN):
        if precision in precisions and network in networks:
            yield Case(precision, network, phase, device)


class Store:
    """Measurements by name, in a JSON file; `made_on` is what they were taken with."""

    def __init__(self, path: Path, made_on: dict[str, object]):
        """UserError where the file is of measurements made otherwise."""
        self.path, self.made_on, self.values = path, made_on, {}
        if not path.exists():
            return
        kept = read_json(path, "delete it to measure again")
        remedy = "give another --out, or delete it"
        check_stamp(path, kept["made_on"], made_on, remedy)
        self.values = kept["values"]

    def once(self, name: str, measure: Callable[[], object]) -> None:
        """Measure, and keep the value, unless it was done."""
        if name not in self.values:
            self.values[name] = measure()
            write_json(self.path, dict(made_on=self.made_on, values=self.values))


@dataclass(frozen=True)
class Bench:
    """What measures, and how much of it."""

    program: Path
    nets: Path
    peer_python: Path
    batch: int
    iterations: int  # of a round
    rounds: int
    limit: float  # seconds that PyTorch may take to compile, or for a round

    def ours(self, on: Arithmetic) -> Program:
        return Program(self.program, self.nets, on)

    def peer(self) -> Worker:
        return Worker(self.peer_python, PEER, self.limit)

    def measure(self, case: Case, store: Store, how: str) -> Iterator[None]:
        """Yield after each measurement, PyTorch's run as `how` says; what is kept is
        not taken again.

        UserError where the engines' results differ, in FP32.
        """
        with self.peer() as peer:
            self._rates(peer, case, store)
            self._agreement(peer, case, store)
        store.once(case.key("Caffe"), lambda: self._time_ours(case))
        yield
        with self.peer() as peer:
            for variant in (v for v in case.variants if v.how == how):
                store.once(
                    case.key(variant),
                    lambda v=variant: self._time_theirs(peer, case, v),
                )
                yield

    def _rates(self, peer: Worker, case: Case, store: Store) -> None:
        sizes = SIZES[case.device]
        on = Arithmetic(case.device, PRECISIONS[case.arithmetic])
        copy = dict(prepare="prepare_copy", mib=sizes.copy_mib, on=on)
        product = dict(prepare="prepare_product", side=sizes.product_side, on=on)
        for name, what in ((COPY, copy), (PRODUCT, product)):
            store.once(case.rate_key(name), lambda w=what: self._time(peer, **w))
        store.once(WEIGHTS, lambda: peer("weights", network="lcn"))

    def _agreement(self, peer: Worker, case: Case, store: Store) -> None:
        """Compare each formulation, not compiled, at a small batch."""
        network = "drml" if case.network == "region" else case.network
        fp32 = Arithmetic(case.device)
        for variant in variants(network):
            if variant.how == "eager":
                both = dict(train=variant, test=variant, on=fp32)
                store.once(
                    agreement_key(network, variant),
                    lambda b=both: check(self.ours(fp32), peer, network, **b),
                )

    def _time_ours(self, case: Case) -> Measure:
        size = dict(batch=self.batch, iterations=self.iterations, rounds=self.rounds)
        times = self.ours(case.on).times(case.network, case.phase, **size)
        return _said(f"{case}: Caffe", summarise(times))

    def _time_theirs(self, peer: Worker, case: Case, variant: Variant) -> object:
        """Return a Measure, or what went wrong."""
        what = dict(network=case.network, phase=case.phase, batch=self.batch)
        try:
            time = self._time(peer, **what, variant=variant, on=case.on)
        except UserError as error:
            say(f"{case}: {variant}: {error}")
            peer.stop()  # a GPU's error may stay with its process
            return str(error)
        return _said(f"{case}: PyTorch, {variant}", time)

    def _time(self, peer: Worker, **what) -> Measure:
        iterate = iterations(peer, **what, count=self.iterations)
        return in_turn({"": iterate}, self.rounds)[""].per(self.iterations)


def _said(what: str, time: Measure) -> Measure:
    say(f"{what}: {time.median:.3g} ms")
    return time
