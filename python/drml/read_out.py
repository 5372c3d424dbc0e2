"""Linear read-out: AUs from a net's features, for AUs that the net has no output for.

1. Subjects are dealt into folds; a fold is scored by classifiers of the others.
2. Of the training subjects' videos, frames are sampled for each AU (paper, 4.1).
3. Each AU has its own logistic regression, on features of zero mean and unit variance;
   both classes weigh alike, so that 0.5 lies between them however rare the AU is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from data_prep.errors import UserError
from data_prep.sampling import Sampling

NO_VERDICT = 0.5


class Faces(NamedTuple):
    """Faces that features were extracted of."""

    features: np.ndarray  # (N, D) float32
    labels: np.ndarray  # (N, C) int8: +1 present, -1 absent, 0 unknown
    subjects: np.ndarray  # (N,) str
    videos: np.ndarray  # (N,) str


@dataclass(frozen=True)
class Protocol:
    folds: int
    sampling: Sampling | None  # None: every frame is trained on
    strength: float  # C, the inverse of the regularisation's strength

    def __str__(self) -> str:
        s = self.sampling
        frames = f"{s.positive}/{s.negative} frames a video" if s else "all frames"
        return (
            f"logistic regression (C {self.strength:g}) on standardised features, "
            f"{self.folds} folds without common subjects, trained on {frames}"
        )


def classifier(strength: float) -> Pipeline:
    logistic = LogisticRegression(
        C=strength, class_weight="balanced", max_iter=1000, tol=1e-3
    )
    return make_pipeline(StandardScaler(copy=False), logistic)


def read_out(
    faces: Faces, protocol: Protocol
) -> tuple[np.ndarray, list[list[str]], list[int]]:
    """Score every face by classifiers that never saw its subject.

    Returns scores (N, C) float32 in [0, 1], the subjects of each fold, and the columns
    of AUs that some fold had not both present and absent to train on: these have no
    score worth the name (0.5 all through).
    """
    scores = np.full(faces.labels.shape, NO_VERDICT, np.float32)
    sampled, dealt = sample(faces, protocol.sampling), list(deal(faces, protocol.folds))
    undefined = set()
    for fold, column in tqdm(list(np.ndindex(len(dealt), scores.shape[1])), "read-out"):
        train, test = dealt[fold]
        train = train[sampled[train, column]]
        present = faces.labels[train, column] > 0
        if present.all() or not present.any():
            undefined.add(column)
            continue
        trained = classifier(protocol.strength).fit(faces.features[train], present)
        scores[test, column] = trained.predict_proba(faces.features[test])[:, 1]
    scores[:, sorted(undefined)] = NO_VERDICT
    tested = [np.unique(faces.subjects[test]).tolist() for _, test in dealt]
    return scores, tested, sorted(undefined)


def deal(faces: Faces, folds: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows to train on and to score of each fold."""
    subjects = len(np.unique(faces.subjects))
    if subjects < folds:
        raise UserError(
            f"there are {subjects} subjects for {folds} folds; give fewer --folds or "
            "features of more subjects"
        )
    return GroupKFold(folds).split(faces.features, groups=faces.subjects)


def sample(faces: Faces, sampling: Sampling | None) -> np.ndarray:
    """Return (N, C) bool: the frames to train each AU on, should it be their turn."""
    if sampling is None:
        return faces.labels != 0
    taken = np.zeros(faces.labels.shape, bool)
    for video in np.unique(faces.videos):
        rows = np.flatnonzero(faces.videos == video)
        taken[rows] = sampling.choose(faces.labels[rows], str(video))
    return taken


def subjects_and_videos(
    keys: Sequence[str], subjects: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Tell subject and video, (N,) str each, of keys as 00000017_F001_T1_2440.

    subjects: those of the dataset. What stands before the frame names the video.
    """
    names = [key.split("_", 1)[-1] for key in keys]
    longest_first = sorted(subjects, key=len, reverse=True)
    found = []
    for name in names:
        subject = next((s for s in longest_first if name.startswith(f"{s}_")), None)
        if subject is None:
            raise UserError(f"face {name} is of no subject of the dataset; see --data")
        found.append(subject)
    return np.array(found), np.array([name.rsplit("_", 1)[0] for name in names])
