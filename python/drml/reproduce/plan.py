"""Which steps a request comes to, in the order in which they can be run."""

from collections.abc import Iterator

from drml.reproduce import figures
from drml.reproduce.datasets import Datasets
from drml.reproduce.networks import Trained, tested, trained
from drml.reproduce.request import Request
from drml.reproduce.step import Step

OF_TRAINED = ("2", "3", "fig4", "fig5", "features", "region")


def plan(request: Request) -> list[Step]:
    """Return the steps, each after those that it needs; the report comes last."""
    steps: dict[str, Step] = {}
    for step in _wanted(request):
        _collect(step, steps)
    return [*steps.values(), figures.report(request, [*steps.values()])]


def _collect(step: Step, steps: dict[str, Step]) -> None:
    if step.name not in steps:
        for need in step.needs:
            _collect(need, steps)
        steps[step.name] = step


def _wanted(request: Request) -> Iterator[Step]:
    """Yield what is asked for: fold after fold, then what joins them."""
    datasets = Datasets(request)
    nets = [trained(request, datasets, *run) for run in _runs(request)]
    tests = {id(net): tested(datasets, net) for net in nets}
    for net in nets:
        yield tests[id(net)] if request.asks("2", "fig5") else net.select
    if nets:
        yield from _of_best(request, datasets, nets, tests)
    for grid in request.grids:
        for fold in request.folds:
            yield tested(datasets, trained(request, datasets, "drml", fold, grid))
    if request.asks("4"):
        yield figures.table4(request)


def _runs(request: Request) -> list[tuple[str, int]]:
    """Return the networks and folds to train, by fold."""
    if request.asks(*OF_TRAINED[:-1]):
        return sorted(request.runs, key=lambda run: run[1])
    return [run for run in request.runs if run[0] == "drml" and request.asks("region")]


def _of_best(
    request: Request, datasets: Datasets, nets: list[Trained], tests: dict[int, Step]
) -> Iterator[Step]:
    by_net: dict[str, list[Trained]] = {}
    for name in request.nets:
        if folds := [net for net in nets if net.network == name]:
            by_net[name] = folds
    bests = {n: figures.best_fold(request, datasets, f) for n, f in by_net.items()}
    if request.asks("features"):
        for name, best in bests.items():
            faces = datasets.faces(by_net[name][0].data, "test")
            yield figures.features(request, name, best, faces)
    if request.asks("3") and not request.left_out():
        for name, best in bests.items():
            yield from figures.table3(request, datasets, name, best)
    if request.asks("fig4"):
        yield figures.saliency(request, datasets, bests[request.nets[0]], by_net)
    if request.asks("fig5"):
        pairs = {n: [(t, tests[id(t)]) for t in f] for n, f in by_net.items()}
        yield figures.relations(request, bests[request.nets[0]], pairs)
    if request.asks("region") and "drml" in bests:
        yield figures.region(request, bests["drml"])
