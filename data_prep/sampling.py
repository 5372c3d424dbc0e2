"""The paper's sampling (section 4.1): so many positive and negative frames per AU and
video. It says 100 and 200 for BP4D, 800 and 1600 for DISFA.
"""

from dataclasses import dataclass

import numpy as np

from data_prep.dataset import FaceFrame, Sequence


@dataclass(frozen=True)
class Sampling:
    """How many frames to take of a video for each AU; a video with fewer gives all."""

    positive: int
    negative: int
    seed: int
    all_labels: bool  # keep the labels of AUs that a frame was not sampled for

    def sample(self, sequence: Sequence) -> list[FaceFrame]:
        """Return the faces sampled for any AU, in order, with their labels."""
        labels = sequence.labels
        chosen = self.choose(labels, sequence.name)
        kept = labels if self.all_labels else labels * chosen
        return [
            sequence.faces[i]._replace(labels=kept[i])
            for i in np.flatnonzero(chosen.any(axis=1))
        ]

    def choose(self, labels: np.ndarray, name: str) -> np.ndarray:
        """Return (frames, AUs) bool: which frames of a sequence are taken for each AU.

        labels: (frames, AUs). What is sampled depends on the seed and the sequence
        alone, so a video gives the same frames whatever the fold.
        """
        rng = np.random.default_rng([self.seed, *name.encode()])
        chosen = np.zeros(labels.shape, bool)
        for au, column in enumerate(labels.T):
            for kind, count in ((1, self.positive), (-1, self.negative)):
                frames = np.flatnonzero(column == kind)
                chosen[rng.permutation(frames)[:count], au] = True
        return chosen

    def short(self, sequences: list[Sequence]) -> dict[str, list[int]]:
        """Return by AU how many sequences have fewer frames than asked for."""
        counts = np.array(  # (sequences, 2, AUs)
            [
                [(s.labels > 0).sum(axis=0), (s.labels < 0).sum(axis=0)]
                for s in sequences
            ]
        )
        fewer = counts < np.array([[self.positive], [self.negative]])
        positive, negative = fewer.sum(axis=0).tolist()
        return {"positive": positive, "negative": negative}
