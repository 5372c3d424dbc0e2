"""Which frames a system is tested on, from one set of kept predictions.

The paper says "for each AU, we sampled 100 positive frames and 200 negative frames for
each video" (800 and 1600 in DISFA), and not whether test frames, too, are sampled. All
readings are label masks over the same predictions, so that no network runs twice:
- all coded frames;
- sampled as in training: of each video and AU at most so many of each kind, as the
  importer samples (data_prep/sampling.py), so that rare AUs stay rare;
- 1:2: of those as many negatives as positives leave for twice as many, and a video
  without a positive gives none.
DISFA's intensities are kept beside its labels, so that another threshold is one, too.
"""

from dataclasses import dataclass

import numpy as np

from data_prep.base import UserError
from data_prep.disfa import labels_at
from data_prep.sampling import Sampling
from drml.evaluate.predictions import Predictions, whose

ALL, SAMPLED, HALF = "all frames", "sampled as in training", "1:2"
FRAMES = (ALL, SAMPLED, HALF)
COUNTS = {"BP4D": (100, 200), "DISFA": (800, 1600)}  # paper, 4.1: a video and AU
THRESHOLDS = (3, 2)  # of DISFA's intensities: the paper's (C level), later papers'


@dataclass(frozen=True)
class Protocol:
    """A reading of the paper's protocol.

    frames: of FRAMES; counts: positive and negative frames that are sampled of a video;
    threshold: the least intensity that counts as present, None: the labels' own.
    """

    frames: str
    counts: tuple[int, int]
    threshold: int | None = None
    seed: int = 0

    def __str__(self) -> str:
        return self.frames

    def of(self, found: Predictions) -> Predictions:
        """Return the predictions with the labels of other frames unknown (0)."""
        labels = found.labels
        if self.threshold is not None:
            if found.intensities is None:
                raise UserError(
                    f"the predictions of {found.about['title']} hold no intensities; "
                    "import the dataset and evaluate again"
                )
            labels = labels_at(found.intensities, self.threshold)
        if self.frames == ALL:
            return found._replace(labels=labels)
        _, videos = whose(found)
        taken = np.zeros(labels.shape, bool)
        for video in np.unique(videos):
            rows = np.flatnonzero(videos == video)
            taken[rows] = self._choose(labels[rows], str(video))
        return found._replace(labels=labels * taken)

    def _choose(self, labels: np.ndarray, video: str) -> np.ndarray:
        """Return (frames, AUs) bool: what is taken of a video."""
        if self.frames == SAMPLED:
            return self._sampling(*self.counts).choose(labels, video)
        columns = [
            self._one_to_two(labels[:, [au]], video) for au in range(labels.shape[1])
        ]
        return np.hstack(columns)

    def _one_to_two(self, labels: np.ndarray, video: str) -> np.ndarray:
        positive, negative = self.counts
        there = int((labels > 0).sum()), int((labels < 0).sum()) // 2
        count = min(positive, negative // 2, *there)
        return self._sampling(count, 2 * count).choose(labels, video)

    def _sampling(self, positive: int, negative: int) -> Sampling:
        return Sampling(positive, negative, self.seed, all_labels=True)


def readings(dataset: str, threshold: int | None = None) -> list[Protocol]:
    """Return all readings for "BP4D" or "DISFA"."""
    return [Protocol(frames, COUNTS[dataset], threshold) for frames in FRAMES]
