"""Which network is best, here and in the paper, and whether the order is the same."""

from collections.abc import Sequence
from math import isnan

from drml.evaluate.metrics import average
from drml.paper import percent_of
from drml.results.comparison import MEASURES
from drml.results.folds import Folds

Averages = dict[str, float]  # network -> percent


def summary(networks: Sequence[Folds]) -> list[str]:
    """Compare the averages of Table 2 with the paper's, in sentences."""
    if not networks:
        return ["No network has results for Table 2 yet."]
    sentences = [_of_measure(networks, measure) for measure in MEASURES]
    if len({tuple(network.predictions) for network in networks}) > 1:
        sentences.append(
            "The networks have results on different folds, so these averages are not "
            "like for like yet."
        )
    return sentences


def _of_measure(networks: Sequence[Folds], measure: str) -> str:
    name = f"average {MEASURES[measure]}"
    ours = {n.title: 100 * getattr(average(n.mean), measure) for n in networks}
    ours = {title: value for title, value in ours.items() if not isnan(value)}
    papers = {title: percent_of(2, measure, title) for title in ours}
    if not ours:
        return f"No AU has both classes, so there is no {name}."
    if len(ours) == 1:
        return (
            f"By {name} {_first(ours)} stands alone here; the paper: {_first(papers)}."
        )
    return (
        f"By {name} {_first(ours)} is best here, and of the same networks in the paper "
        f"{_first(papers)}. {_order(ours, papers)}"
    )


def _order(ours: Averages, papers: Averages) -> str:
    theirs, here = " > ".join(_ranked(papers)), " > ".join(_ranked(ours))
    if theirs == here:
        return f"The paper's order, {theirs}, holds here."
    return f"The paper's order, {theirs}, does not hold here; it is {here}."


def _ranked(averages: Averages) -> list[str]:
    return sorted(averages, key=averages.get, reverse=True)


def _first(averages: Averages) -> str:
    title = _ranked(averages)[0]
    return f"{title} ({averages[title]:.1f})"
