"""The networks in both engines: compared, then timed."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.comparison import check
from bench.measure import Measure, Result, in_turn, iterations
from bench.variants import Variant, variants
from bench.worker import Worker
from drml.nets.names import TITLES

OURS = sys.executable, "bench.caffe_engine"
PEER = "bench.torch_engine"
PHASES = {"train": "training iteration", "test": "scoring"}
AT_MOST = {"drml": 0.45, "convnet": 0.55, "alexnet": 0.75}  # of PyTorch's time
TRIES = 3  # iterations of a variant, to choose by


@dataclass(frozen=True)
class Times:
    """A network's milliseconds a face in one phase."""

    network: str
    phase: str
    tried: dict[Variant, Measure]  # PyTorch's formulations, a few iterations each
    ours: Measure
    theirs: Measure  # the fastest of them, in turn with ours

    @property
    def title(self) -> str:
        return f"{TITLES[self.network]}, {PHASES[self.phase]}"

    @property
    def fastest(self) -> Variant:
        return fastest(self.tried)

    def result(self) -> Result:
        against = f"PyTorch: {self.fastest}"
        at_most = AT_MOST.get(self.network)
        return Result(self.title, "ms a face", self.ours, against, self.theirs, at_most)


def fastest(tried: dict[Variant, Measure]) -> Variant:
    return min(tried, key=lambda variant: tried[variant].median)


def time_networks(
    peer_python: Path, networks: list[str], batch: int, rounds: int
) -> Iterator[Times]:
    """Yield every network's times; UserError where the engines' results differ."""
    with Worker(*OURS) as ours, Worker(peer_python, PEER) as peer:
        for network in networks:
            tried = {phase: _try(peer, network, phase, batch) for phase in PHASES}
            best = {phase: fastest(of_phase) for phase, of_phase in tried.items()}
            error = check(ours, peer, network, **best)
            say(f"{TITLES[network]}: the engines agree to {error:.0e}; timing them")
            for phase, variant in best.items():
                what = dict(network=network, phase=phase, batch=batch)
                engines = {
                    "ours": iterations(ours, **what),
                    "theirs": iterations(peer, **what, variant=variant),
                }
                times = in_turn(engines, rounds)
                a_face = {name: time.per(batch) for name, time in times.items()}
                yield Times(network, phase, tried[phase], **a_face)


def _try(peer: Worker, network: str, phase: str, batch: int) -> dict[Variant, Measure]:
    what = dict(network=network, phase=phase, batch=batch)
    tried = {}
    for variant in variants(network):
        iterate = iterations(peer, **what, variant=variant)
        taken = tried[variant] = in_turn({"": iterate}, TRIES)[""].per(batch)
        title = f"{TITLES[network]}, {PHASES[phase]}"
        say(f"{title}: PyTorch, {variant}: {taken.median:.1f} ms a face")
    return tried


def say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
