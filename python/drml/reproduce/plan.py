"""Which steps a request comes to, in the order in which they can be run.

These are the steps of what is asked for, those that OUT holds finished (what hangs on
a step that is run again must not stay as it was beside it), and those that both need.
A network or fold that is not asked for gets nothing that it has not got: that it cannot
be had may be why it is not asked for.
"""

from collections.abc import Iterator

from data_prep.base import UserError
from drml.reproduce import figures
from drml.reproduce.datasets import Datasets
from drml.reproduce.networks import Trained, trained
from drml.reproduce.request import OF_TRAINED, Request
from drml.reproduce.step import Step

ByNet = dict[str, list[Trained]]
Possible = Iterator[tuple[tuple[str, ...], Step]]  # parts that ask for it, step


def plan(request: Request) -> list[Step]:
    """Return the steps, each after those that it needs; the report comes last."""
    steps: dict[str, Step] = {}
    for parts, step in _possible(request):
        if request.asks(*parts) or step.name in request.finished:
            _collect(step, steps)
    return [*steps.values(), figures.report(request, [*steps.values()])]


def _collect(step: Step, steps: dict[str, Step]) -> None:
    if step.name not in steps:
        for need in step.needs:
            _collect(need, steps)
        steps[step.name] = step


def _possible(request: Request) -> Possible:
    """Yield what can be made: fold after fold, then what joins them."""
    datasets = Datasets(request)
    nets = {run: trained(request, datasets, *run) for run in request.trained}
    for run, net in nets.items():
        asked = run in request.asked
        yield (), net.train
        yield OF_TRAINED if asked else (), net.select
        yield ("2", "fig5") if asked else (), net.test
    chosen = request.asked | request.having("select", "test")
    if chosen:
        selected = [net for run, net in nets.items() if run in chosen]
        yield from _of_best(request, datasets, _by_net(request, selected))
    for grid, fold in request.trained_grids:
        net = trained(request, datasets, "drml", fold, grid)
        yield (), net.train
        yield (), net.select
        yield ("grids",) if (grid, fold) in request.asked_grids else (), net.test
    if request.asks("4"):  # hangs on no other step: it stays as it is
        yield ("4",), figures.table4(request)


def _by_net(request: Request, trainings: list[Trained]) -> ByNet:
    by_net = {n: [t for t in trainings if t.network == n] for n in request.nets}
    return {network: folds for network, folds in by_net.items() if folds}


def _of_best(request: Request, datasets: Datasets, by_net: ByNet) -> Possible:
    asked = {network for network, _ in request.asked}
    bests = {n: figures.best_fold(request, datasets, f) for n, f in by_net.items()}
    for name, best in bests.items():
        yield (), best
        faces = datasets.faces(by_net[name][0].data, "test")
        step = figures.features(request, name, best, faces)
        yield ("features",) if name in asked else (), step
    if request.has_disfa:
        for name, best in bests.items():
            for step in figures.table3(request, datasets, name, best):
                yield ("3",) if name in asked else (), step
    elif request.holds("3"):
        raise UserError(
            f"{request.out} holds Table 3, which hangs on the networks trained: give "
            "DISFA=DIR too"
        )
    first = next(iter(bests.values()))
    yield ("fig4",), figures.saliency(request, datasets, first, by_net)
    if tested := _tested(request, by_net):
        yield ("fig5",), figures.relations(request, bests[next(iter(tested))], tested)
    if "drml" in bests:
        yield ("region",), figures.region(request, bests["drml"])


def _tested(request: Request, by_net: ByNet) -> ByNet:
    """Return the networks that are tested on every fold, or are to be."""
    tested = request.asked | request.having("test")
    return {
        network: folds
        for network, folds in by_net.items()
        if tested.issuperset((t.network, t.fold) for t in folds)
    }
