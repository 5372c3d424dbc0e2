"""Linear read-out: AUs from a net's features, for AUs that the net has no output for.

1. Subjects are dealt into folds; a fold is scored by classifiers of the others.
2. Of the training subjects' videos, frames are sampled for each AU (paper, 4.1).
3. Each AU has its own logistic regression, on features of zero mean and unit variance;
   both classes weigh alike, so that 0.5 lies between them however rare the AU is.

Or the third step is LSVM's or APL's, on SIFT features (drml/classical).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from data_prep.base import UserError
from data_prep.sampling import Sampling

UNDECIDED = 0.5  # the score of an AU that could not be trained
STRENGTH = 0.001
TRIED = (
    "one of the two best by AUC of five that were tried on 1,080 generated faces in "
    "DISFA's layout"
)


class FaceFeatures(NamedTuple):
    """Features of faces, and what is known of these."""

    features: np.ndarray  # (N, D) float32
    labels: np.ndarray  # (N, C) int8: +1 present, -1 absent, 0 unknown
    subjects: np.ndarray  # (N,) str
    videos: np.ndarray  # (N,) str


@dataclass(frozen=True)
class CrossValidation:
    folds: int
    sampling: Sampling | None  # None: every frame is trained on
    strength: float  # C, the inverse of the regularisation's strength

    @property
    def frames(self) -> str:
        s = self.sampling
        return f"{s.positive}/{s.negative} frames a video" if s else "all frames"

    def __str__(self) -> str:
        frames = self.frames
        origin = TRIED if self.strength == STRENGTH else "as asked for"
        return (
            f"logistic regression on standardised features, {self.folds} folds without "
            f"common subjects, trained on {frames}; C {self.strength:g}, {origin}"
        )


def classifier(strength: float) -> Pipeline:
    logistic = LogisticRegression(
        C=strength, class_weight="balanced", max_iter=1000, tol=1e-3
    )
    return make_pipeline(StandardScaler(copy=False), logistic)


class Logistic(NamedTuple):
    """The classifiers of one fold: logistic regressions."""

    strength: float

    def score(self, faces: FaceFeatures, wanted: np.ndarray, test: np.ndarray):
        """Score the test faces by what was learnt of others.

        wanted: (N, C) bool, the frames to train each AU on; test: rows. Returns scores
        (n, C), nan in the columns of AUs that have not both classes.
        """
        scores = np.full((len(test), wanted.shape[1]), np.nan)
        for column, rows in enumerate(map(np.flatnonzero, wanted.T)):
            present = faces.labels[rows, column] > 0
            if present.any() and not present.all():
                trained = classifier(self.strength).fit(faces.features[rows], present)
                of_test = trained.predict_proba(faces.features[test])
                scores[:, column] = of_test[:, 1]
        return scores


def linear_readout(
    faces: FaceFeatures, how: CrossValidation, method=None
) -> tuple[np.ndarray, list[list[str]], list[int]]:
    """Score every face by classifiers that never saw its subject.

    method: whose `score` is as Logistic's, which is the default. Returns scores (N, C)
    float32 in [0, 1], the subjects of each fold, and the columns of AUs that some fold
    had not both present and absent to train on: these have no score worth the name (0.5
    all through).
    """
    method = method or Logistic(how.strength)
    scores = np.full(faces.labels.shape, UNDECIDED, np.float32)
    sampled, dealt = sample(faces, how.sampling), list(deal(faces, how.folds))
    undefined = set()
    for train, test in tqdm(dealt, "read-out", unit="fold"):
        wanted = np.zeros_like(sampled)
        wanted[train] = sampled[train]
        scores[test] = method.score(faces, wanted, test)
        undefined |= {*np.flatnonzero(np.isnan(scores[test]).any(axis=0)).tolist()}
    scores[:, sorted(undefined)] = UNDECIDED
    tested = [np.unique(faces.subjects[test]).tolist() for _, test in dealt]
    return scores, tested, sorted(undefined)


def deal(faces: FaceFeatures, folds: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows to train on and to score of each fold."""
    subjects = len(np.unique(faces.subjects))
    if subjects < folds:
        raise UserError(
            f"there are {subjects} subjects for {folds} folds; give fewer --folds or "
            "features of more subjects"
        )
    return GroupKFold(folds).split(faces.features, groups=faces.subjects)


def sample(faces: FaceFeatures, sampling: Sampling | None) -> np.ndarray:
    """Return (N, C) bool: the frames to train each AU on, should it be their turn."""
    if sampling is None:
        return faces.labels != 0
    taken = np.zeros(faces.labels.shape, bool)
    for video in np.unique(faces.videos):
        rows = np.flatnonzero(faces.videos == video)
        taken[rows] = sampling.choose(faces.labels[rows], str(video))
    return taken
