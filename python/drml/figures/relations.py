"""AU correlation tables and their distance (paper 4.2, Fig. 5b-d).

Entry (i, j) is the correlation coefficient of AUs i and j over the frames in which both
labels are known; of binary values that is the phi coefficient. It is undefined (nan)
where one of the two never changes.

The paper gives an "element-wise Euclidean distance" of 0.0068 and 0.0077 without a
formula. Taken as the plain norm it would mean tables that agree to the third decimal;
so it is read here as the norm of the difference divided by the number of entries.
"""

from typing import NamedTuple

import numpy as np

TRUTH = "ground truth"  # its name among tables of nets


class Distance(NamedTuple):
    """How far a table is from another; over the entries that both define."""

    entries: int
    norm: float  # Euclidean (Frobenius) norm of the difference
    per_entry: float  # norm / entries, what stands beside the paper's


def correlations(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (C, C) float64 of values (N, C); labels (N, C) are 0 where unknown."""
    known = labels != 0
    aus = values.shape[1]
    table = np.full((aus, aus), np.nan)
    for i in range(aus):
        for j in range(i, aus):
            both = known[:, i] & known[:, j]
            table[i, j] = table[j, i] = _correlation(values[both, i], values[both, j])
    return table


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(x) == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def distance(table: np.ndarray, truth: np.ndarray) -> Distance:
    """Compare two (C, C) tables; nan where they share no pair of AUs.

    An AU's correlation with itself is 1 in every table, so it says nothing alone.
    """
    difference = (table - truth)[np.isfinite(table - truth)]
    entries = difference.size
    if entries <= np.isfinite(np.diagonal(table - truth)).sum():
        return Distance(entries, np.nan, np.nan)
    norm = float(np.linalg.norm(difference))
    return Distance(entries, norm, norm / entries)
