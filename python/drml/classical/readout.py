"""LSVM and APL by the protocol of the networks' read-out (drml/evaluate/readout.py).

In each fold the training subjects are dealt into two halves; a path on one half is
measured on the other, and each AU is then trained on both, at the parameter of best F1
there. So nothing is chosen on a subject that is scored.
"""

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import GroupKFold

from data_prep.base import UserError
from drml.classical.path import (
    Points,
    measures,
    prepare,
    retrain,
    train,
)
from drml.evaluate.readout import FaceFeatures


class Classical(NamedTuple):
    """The classifiers of one fold."""

    method: str  # LSVM or APL
    aus: list[int]
    scale: float  # of the features as they are kept

    def score(
        self, faces: FaceFeatures, wanted: np.ndarray, test: np.ndarray
    ) -> np.ndarray:
        """Return scores (n, C), nan in the columns of AUs without both classes."""
        rows = np.flatnonzero(wanted.any(axis=1))
        labels = np.where(wanted, faces.labels, 0)
        groups = faces.subjects[rows]
        if len(np.unique(groups)) < 2:
            raise UserError(
                "a fold has one subject to train on, where half are to choose "
                "on; give features of more subjects"
            )
        halves = next(GroupKFold(2).split(rows, groups=groups))
        half, other = (rows[part] for part in halves)
        tried = self._prepared(faces, half, labels[half])
        path = Points(tried, lambda model: self._measured(model, faces, other, labels))
        chosen = train(self.method, path)
        whole = self._prepared(faces, rows, labels[rows])
        middle = chosen.points[int(np.median(chosen.which))].names
        names = dict(zip(tried.columns, chosen.which, strict=True))
        own = [
            chosen.points[names[c]].names if c in names else middle
            for c in whole.columns
        ]
        scores = retrain(self.method, whole, own).scores(
            faces.features[test], self.scale
        )
        lacking = np.setdiff1d(np.arange(len(self.aus)), whole.columns)
        scores[:, lacking] = np.nan
        return scores

    def _prepared(self, faces: FaceFeatures, rows: np.ndarray, labels: np.ndarray):
        return prepare(self.method, self.aus, faces.features[rows], self.scale, labels)

    def _measured(
        self, model, faces: FaceFeatures, rows: np.ndarray, labels: np.ndarray
    ):
        scores = model.scores(faces.features[rows], self.scale)
        return measures(scores, labels[rows], self.aus)
