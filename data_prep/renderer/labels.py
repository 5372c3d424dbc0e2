"""Which AUs are present when (BP4D), and how strong they are (DISFA's intensities): a
thresholded Gaussian process (Gaussian copula).

A latent standard normal per AU moves smoothly in time (AR(1)) and the latents of a
frame correlate as below; an AU is present while its latent exceeds the threshold
that gives its base rate.
"""

from functools import cache
from itertools import combinations, pairwise

import numpy as np
from scipy.stats import norm

from data_prep.renderer.actions import AUS

# Share of frames in which an AU is present. AUs 1, 2, 10, 12, 23, 24: the paper's
# section 4.2 gives negatives/positives as 3.8, 4.9, 0.7, 0.8, 5.0, 5.5. The other
# BP4D AUs: about BP4D's own rates. AUs 5, 9, 20, 25, 26: our choice.
SKEWNESS = {1: 3.8, 2: 4.9, 10: 0.7, 12: 0.8, 23: 5.0, 24: 5.5}
RATES = {au: 1 / (1 + skew) for au, skew in SKEWNESS.items()} | {
    4: 0.20, 6: 0.46, 7: 0.55, 14: 0.47, 15: 0.17, 17: 0.34,
    5: 0.10, 9: 0.10, 20: 0.10, 25: 0.20, 26: 0.12,
}  # fmt: skip

# Latent correlations; pairs not named are 0. Signs follow the paper's Figure 5 and
# the positive and negative pairs of JPML (Zhao et al., 2015); sizes are our choice.
CORRELATION = {
    (1, 2): 0.65, (1, 4): 0.10, (1, 5): 0.25, (2, 5): 0.30, (4, 7): 0.20, (4, 9): 0.30,
    (6, 7): 0.50, (6, 10): 0.50, (6, 12): 0.70, (6, 14): 0.20, (7, 10): 0.45,
    (7, 12): 0.45, (9, 10): 0.20, (10, 12): 0.60, (10, 14): 0.20, (12, 14): 0.25,
    (12, 25): 0.25, (6, 25): 0.20, (15, 17): 0.35, (17, 23): 0.30, (17, 24): 0.50,
    (23, 24): 0.30, (15, 20): 0.15, (20, 25): 0.15, (25, 26): 0.50,
    (1, 6): -0.10, (1, 7): -0.10, (2, 6): -0.10, (2, 7): -0.10, (5, 7): -0.15,
    (10, 17): -0.10, (10, 24): -0.15, (12, 15): -0.20, (12, 17): -0.15,
    (12, 24): -0.20, (12, 23): -0.10, (17, 25): -0.25, (20, 24): -0.15,
    (23, 25): -0.20, (24, 25): -0.45, (24, 26): -0.40,
}  # fmt: skip

MEMORY = 0.88  # of the latents, from one frame to the next: about 8 frames
UNKNOWN = 9
UNKNOWN_SHARE = 0.005


def correlation(aus=AUS) -> np.ndarray:
    """(A, A) correlation of the latents in the order of aus; positive definite."""
    matrix = np.eye(len(aus))
    for (i, a), (j, b) in combinations(enumerate(aus), 2):
        matrix[i, j] = matrix[j, i] = CORRELATION.get((a, b), 0.0)
    return matrix


def wander(rng: np.random.Generator, frames: int, n: int, memory: float) -> np.ndarray:
    """(frames, n) independent AR(1) processes, stationary with variance 1."""
    x = rng.standard_normal((frames, n))
    for before, now in pairwise(x):
        now[:] = memory * before + np.sqrt(1 - memory**2) * now
    return x


def tails(rng: np.random.Generator, frames: int, aus) -> np.ndarray:
    """(frames, A) uniform in 0..1, related as above; small where the AU is strong."""
    return norm.sf(wander(rng, frames, len(aus), MEMORY) @ _root(aus).T)


@cache
def _root(aus: tuple[int, ...]) -> np.ndarray:
    """(A, A): turns independent latents into those that correlate."""
    return np.linalg.cholesky(correlation(aus))


def sample(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a sequence: present (frames, A) bool and strength (frames, A) in 0..1.

    A present AU has strength 0.55 to 1.0, an absent one 0 to 0.1; both follow the
    latent. A = len(AUS).
    """
    rates = np.array([RATES[au] for au in AUS])
    tail = tails(rng, frames, AUS)
    present = tail < rates
    strong = 0.55 + 0.45 * (1 - tail / rates)
    return present, np.where(present, strong, at_rest(tail, rates))


def at_rest(tail, rates):
    """Strength 0..0.1 of absent AUs: a face is never quite still."""
    return 0.10 * np.clip((1 - tail) / (1 - rates), 0, 1) ** 3


def codes(rng: np.random.Generator, present: np.ndarray) -> np.ndarray:
    """Present (frames, A) to uint8 codes 0, 1, and here and there 9 (unknown)."""
    unknown = rng.random(present.shape) < UNKNOWN_SHARE
    return np.where(unknown, UNKNOWN, present).astype(np.uint8)


# ---- DISFA: intensities 0 to 5 (FACS's A is 1)

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
DISFA_AUS = tuple(SHARES)  # those that DISFA codes
# The least strength of 1 to 5. From 3 up, what the paper calls present, faces look
# as they do where the BP4D layout codes an AU as present.
STRENGTHS = (0.15, 0.35, 0.55, 0.72, 0.88)


def sample_intensities(
    rng: np.random.Generator, frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a video: intensity (frames, A) uint8 0..5 and strength (frames, A) 0..1."""
    columns = zip(DISFA_AUS, tails(rng, frames, DISFA_AUS).T, strict=True)
    strength = np.stack([_strength(SHARES[au], tail) for au, tail in columns], 1)
    return np.digitize(strength, STRENGTHS).astype(np.uint8), strength


def _strength(shares, tail):
    """The strength of which a share `tail` of all frames has more."""
    rates = np.array(shares) / 100
    coded = np.interp(tail, [0, *rates[::-1]], [1, *STRENGTHS[::-1]])
    return np.where(tail < rates[0], coded, at_rest(tail, rates[0]))
