"""Takes the measurements of gpu_plan.py, ours while PyTorch is not there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_prep.base import UserError
from drml.bench.comparison import check
from drml.bench.floors import SIZES
from drml.bench.gpu_plan import COPY, PRODUCT, WEIGHTS, Step, agreement_key
from drml.bench.kept import Kept
from drml.bench.measure import in_turn, iterations
from drml.bench.networks import PEER, say
from drml.bench.program import Program
from drml.bench.result import Measure, summarise
from drml.bench.variants import Arithmetic, Variant, variants
from drml.bench.worker import Worker


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

    def measure(self, step: Step, kept: Kept) -> Iterator[None]:
        """Yield after each measurement; what is kept is not taken again.

        UserError where the engines' results differ, in FP32.
        """
        with self.peer() as peer:
            self._rates(peer, step, kept)
            self._agreement(peer, step, kept)
        kept.once(step.key("Caffe"), lambda: self._time_ours(step))
        yield
        with self.peer() as peer:
            for variant in step.variants:
                kept.once(
                    step.key(variant),
                    lambda v=variant: self._time_theirs(peer, step, v),
                )
                yield

    def _rates(self, peer: Worker, step: Step, kept: Kept) -> None:
        sizes, on = SIZES[step.device], step.on
        copy = dict(prepare="prepare_copy", mib=sizes.copy_mib, on=on)
        product = dict(prepare="prepare_product", side=sizes.product_side, on=on)
        for name, what in ((COPY, copy), (PRODUCT, product)):
            kept.once(step.rate_key(name), lambda w=what: self._time(peer, **w))
        kept.once(WEIGHTS, lambda: peer("weights", network="lcn"))

    def _agreement(self, peer: Worker, step: Step, kept: Kept) -> None:
        """Compare each formulation, not compiled, at a small batch."""
        network = "drml" if step.network == "region" else step.network
        fp32 = Arithmetic(step.device)
        for variant in variants(network):
            if variant.how == "eager":
                both = dict(train=variant, test=variant, on=fp32)
                kept.once(
                    agreement_key(network, variant),
                    lambda b=both: check(self.ours(fp32), peer, network, **b),
                )

    def _time_ours(self, step: Step) -> Measure:
        size = dict(batch=self.batch, iterations=self.iterations, rounds=self.rounds)
        times = self.ours(step.on).times(step.network, step.phase, **size)
        return _said(f"{step}: Caffe", summarise(times))

    def _time_theirs(self, peer: Worker, step: Step, variant: Variant) -> object:
        """Return a Measure, or what went wrong."""
        what = dict(network=step.network, phase=step.phase, batch=self.batch)
        try:
            time = self._time(peer, **what, variant=variant, on=step.on)
        except UserError as error:
            say(f"{step}: {variant}: {error}")
            peer.stop()  # a GPU's error may stay with its process
            return str(error)
        return _said(f"{step}: PyTorch, {variant}", time)

    def _time(self, peer: Worker, **what) -> Measure:
        iterate = iterations(peer, **what, count=self.iterations)
        return in_turn({"": iterate}, self.rounds)[""].per(self.iterations)


def _said(what: str, time: Measure) -> Measure:
    say(f"{what}: {time.median:.3g} ms")
    return time
