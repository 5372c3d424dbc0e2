"""Tables of what bench_gpu.py has measured so far."""

from collections.abc import Iterator
from dataclasses import replace

from bench import floors
from bench.gpu_measure import COPY, PRODUCT, WEIGHTS, Step
from bench.measure import Measure, Result, as_csv, markdown
from bench.network_times import fastest
from bench.variants import Variant

AT_MOST = {("drml", "train"): 0.8, ("region", "train"): 0.5}  # of PyTorch's time
OF_FLOOR = 2
OF_CONVNET = 1.5


class Table:
    """What is known; a row is there as soon as both its sides are."""

    def __init__(self, steps: list[Step], values: dict[str, object], batch: int):
        """values: kept.Kept's."""
        self.steps, self.values, self.batch = steps, values, batch

    def csv(self) -> str:
        named = (
            replace(r, what=f"{step.precision}: {r.what}") for step, r in self._all()
        )
        return as_csv(named)

    def markdown(self) -> str:
        """A table a precision, and all that was tried of PyTorch."""
        parts = []
        for precision in dict.fromkeys(step.precision for step in self.steps):
            rows = [r for step, r in self._all() if step.precision == precision]
            parts += [f"## {precision}", "", markdown(rows)]
        parts += ["## What was tried of PyTorch", "", "| what | how | ms |"]
        parts += ["|---|---|---:|", *self._tried_lines(), ""]
        return "\n".join(parts)

    def _all(self) -> Iterator[tuple[Step, Result]]:
        for step in self.steps:
            for result in self._of(step):
                yield step, result

    def _of(self, step: Step) -> Iterator[Result]:
        ours, tried = self._measure(step.key("Caffe")), self._tried(step)
        if ours is None:
            return
        name = f"{step.title}, batch {self.batch}"
        if tried:
            best = fastest(tried)
            at_most = AT_MOST.get((step.network, step.phase))
            yield Result(name, "ms", ours, f"PyTorch: {best}", tried[best], at_most)
        for against, other, at_most in self._others(step):
            yield Result(name, "ms", ours, against, other, at_most)

    def _others(self, step: Step) -> Iterator[tuple[str, Measure, float]]:
        """What else a step is compared with, by name, and the ratio to reach."""
        convnet = self._measure(replace(step, network="convnet").key("Caffe"))
        if step.network == "drml" and convnet:
            yield "Caffe: ConvNet", convnet, OF_CONVNET
        rates = [self._measure(step.rate_key(what)) for what in (COPY, PRODUCT)]
        rates = floors.SIZES[step.device].rates(*rates)
        if step.network == "region":
            bound, floor = floors.region(rates, self.batch)
            yield f"the least time, of {bound}", floor, OF_FLOOR
        if (step.network, step.phase) == ("lcn", "train"):
            floor = floors.weights(rates, self.values[WEIGHTS])
            yield "its weights, read and updated once", floor, OF_FLOOR

    def _tried(self, step: Step) -> dict[Variant, Measure]:
        found = {v: self._measure(step.key(v)) for v in step.variants}
        return {variant: time for variant, time in found.items() if time}

    def _measure(self, key: str) -> Measure | None:
        """None of what failed, or was not measured yet."""
        value = self.values.get(key)
        return None if value is None or isinstance(value, str) else Measure(*value)

    def _tried_lines(self) -> Iterator[str]:
        for step in self.steps:
            for variant in step.variants:
                value = self.values.get(step.key(variant), "not yet")
                known = self._measure(step.key(variant))
                text = f"{known.median:.3g}" if known else _one_line(value)
                yield f"| {step} | {variant} | {text} |"


def _one_line(problem: str) -> str:
    return " ".join(problem.replace("|", "/").split())[:200]
