"""F1-frame and AUC over folds: their mean, and all folds' frames taken together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data_prep.base import UserError
from drml.evaluation import Predictions, of_same_faces
from drml.metrics import AuResult, au_results, mean_of_folds


@dataclass(frozen=True)
class AuMean(AuResult):
    """An AU's measures, each the mean over the folds in which the AU is defined."""

    counted: int  # folds in which it is defined
    folds: int


@dataclass(frozen=True)
class Folds:
    """A network's predictions on the test splits of its folds."""

    title: str
    predictions: Mapping[int, Predictions]

    def __post_init__(self):
        first, *others = self.predictions.values()
        if any(found.aus != first.aus for found in others):
            raise UserError(
                f"{self.title}'s folds were evaluated on different AUs; evaluate all "
                "on imports of one kind"
            )

    @property
    def aus(self) -> list[int]:
        return next(iter(self.predictions.values())).aus

    @property
    def frames(self) -> int:
        return sum(len(found.keys) for found in self.predictions.values())

    @cached_property
    def results(self) -> dict[int, list[AuResult]]:
        """Measure each fold by itself."""
        return {
            fold: au_results(found.scores, found.labels, found.aus)
            for fold, found in self.predictions.items()
        }

    @cached_property
    def mean(self) -> list[AuMean]:
        return [_mean(column) for column in zip(*self.results.values(), strict=True)]

    @cached_property
    def pooled(self) -> list[AuResult]:
        """Measure the frames of all folds at once."""
        every = self.predictions.values()
        scores = np.concatenate([found.scores for found in every])
        labels = np.concatenate([found.labels for found in every])
        return au_results(scores, labels, self.aus)


def _mean(column: Sequence[AuResult]) -> AuMean:
    counted = sum(result.defined for result in column)
    return AuMean(**vars(mean_of_folds(column)), counted=counted, folds=len(column))


def check_alike(networks: Sequence[Folds]) -> None:
    """Raise UserError where two networks were evaluated on different faces."""
    first: dict[int, tuple[str, Predictions]] = {}
    for network in networks:
        for fold, found in network.predictions.items():
            title, other = first.setdefault(fold, (network.title, found))
            if not of_same_faces(found, other):
                raise UserError(
                    f"{network.title} and {title} were evaluated on different faces, "
                    f"AUs or labels of fold {fold}; evaluate both on the same import"
                )
