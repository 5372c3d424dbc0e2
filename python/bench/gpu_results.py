"""Tables of what bench/gpu.py has measured so far."""

from collections.abc import Iterator
from dataclasses import replace

from bench import floors
from bench.gpu_measure import COPY, PRODUCT, WEIGHTS, Case
from bench.measure import Measure, Result, as_csv, markdown
from bench.network_times import fastest
from bench.variants import Variant

AT_MOST = {("drml", "train"): 0.8, ("region", "train"): 0.5}  # of PyTorch's time
OF_FLOOR = 2
OF_CONVNET = 1.5


class Table:
    """What is known; a row is there as soon as both its sides are."""

    def __init__(self, cases: list[Case], values: dict[str, object], batch: int):
        """values: a Store's."""
        self.cases, self.values, self.batch = cases, values, batch

    def csv(self) -> str:
        named = (
            replace(r, what=f"{case.precision}: {r.what}") for case, r in self._all()
        )
        return as_csv(named)

    def markdown(self) -> str:
        """A table a precision, and all that was tried of PyTorch."""
        parts = []
        for precision in dict.fromkeys(case.precision for case in self.cases):
            rows = [r for case, r in self._all() if case.precision == precision]
            parts += [f"## {precision}", "", markdown(rows)]
        parts += ["## What was tried of PyTorch", "", "| what | how | ms |"]
        parts += ["|---|---|---:|", *self._tried_lines(), ""]
        return "\n".join(parts)

    def _all(self) -> Iterator[tuple[Case, Result]]:
        for case in self.cases:
            for result in self._of(case):
                yield case, result

    def _of(self, case: Case) -> Iterator[Result]:
        ours, tried = self._measure(case.key("Caffe")), self._tried(case)
        if ours is None:
            return
        name = f"{case.title}, batch {self.batch}"
        if tried:
            best = fastest(tried)
            at_most = AT_MOST.get((case.network, case.phase))
            yield Result(name, "ms", ours, f"PyTorch: {best}", tried[best], at_most)
        for against, other, at_most in self._others(case):
            yield Result(name, "ms", ours, against, other, at_most)

    def _others(self, case: Case) -> Iterator[tuple[str, Measure, float]]:
        """What else a case is compared with, by name, and the ratio to reach."""
        convnet = self._measure(replace(case, network="convnet").key("Caffe"))
        if case.network == "drml" and convnet:
            yield "Caffe: ConvNet", convnet, OF_CONVNET
        rates = [self._measure(case.rate_key(what)) for what in (COPY, PRODUCT)]
        rates = floors.SIZES[case.device].rates(*rates)
        if case.network == "region":
            bound, floor = floors.region(rates, self.batch)
            yield f"the least time, of {bound}", floor, OF_FLOOR
        if (case.network, case.phase) == ("lcn", "train"):
            bound, floor = floors.lcn(rates, self.batch, self.values[WEIGHTS])
            yield f"the least time, of {bound}", floor, OF_FLOOR

    def _tried(self, case: Case) -> dict[Variant, Measure]:
        found = {v: self._measure(case.key(v)) for v in case.variants}
        return {variant: time for variant, time in found.items() if time}

    def _measure(self, key: str) -> Measure | None:
        """None of what failed, or was not measured yet."""
        value = self.values.get(key)
        return None if value is None or isinstance(value, str) else Measure(*value)

    def _tried_lines(self) -> Iterator[str]:
        for case in self.cases:
            for variant in case.variants:
                value = self.values.get(case.key(variant), "not yet")
                known = self._measure(case.key(variant))
                text = f"{known.median:.3g}" if known else _one_line(value)
                yield f"| {case} | {variant} | {text} |"


def _one_line(problem: str) -> str:
    return " ".join(problem.replace("|", "/").split())[:200]
