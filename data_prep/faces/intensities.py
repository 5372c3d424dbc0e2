"""How strong each AU is when in a DISFA video: intensities 0 to 5 (FACS A is 1)."""

import numpy as np

from data_prep.faces import labels

# Percent of frames at intensity 1, 2, 3, 4, 5 and above: about the database's own
# (second-hand, rounded, unchecked), so that AUs are as rare as on real faces.
SHARES = {
    1: (6.7, 5.0, 3.6, 1.5, 0.4),
    2: (5.6, 4.3, 3.6, 0.9, 0.3),
    4: (18.8, 15.2, 9.4, 4.4, 1.1),
    5: (2.1, 0.9, 0.3, 0.1, 0.0),
    6: (14.9, 7.9, 3.3, 0.6, 0.1),
    9: (5.5, 4.2, 2.6, 0.3, 0.1),
    12: (23.6, 12.9, 7.7, 2.2, 0.2),
    15: (6.0, 2.1, 0.8, 0.0, 0.0),
    17: (9.9, 5.0, 1.8, 0.1, 0.0),
    20: (3.5, 2.2, 1.0, 0.0, 0.0),
    25: (35.2, 27.7, 17.1, 5.1, 0.8),
    26: (19.1, 8.8, 3.1, 0.4, 0.2),
}
AUS = tuple(SHARES)  # those that DISFA codes
# The least strength of 1 to 5. From 3 up, what the paper calls present, faces look
# as they do where the BP4D layout codes an AU as present.
STRENGTHS = (0.15, 0.35, 0.55, 0.72, 0.88)


def sample(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a video: intensity (frames, A) uint8 0..5 and strength (frames, A) 0..1."""
    tails = labels.tails(rng, frames, AUS)
    columns = zip(AUS, tails.T, strict=True)
    strength = np.stack([_strength(SHARES[au], tail) for au, tail in columns], 1)
    return np.digitize(strength, STRENGTHS).astype(np.uint8), strength


def _strength(shares, tail):
    """The strength of which a share `tail` of all frames has more."""
    rates = np.array(shares) / 100
    coded = np.interp(tail, [0, *rates[::-1]], [1, *STRENGTHS[::-1]])
    return np.where(tail < rates[0], coded, labels.at_rest(tail, rates[0]))
