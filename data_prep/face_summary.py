"""How often each AU is present, absent and unknown."""

import numpy as np

from data_prep.aus import AU_NAMES, BP4D_AUS, BP4D_SKEWNESS

KINDS = ("positive", "negative", "unknown")


def count_labels(labels: np.ndarray) -> dict:
    """Return the number of faces and, for each AU, of every kind of label.

    labels: (faces, AUs) int8, +1, -1 or 0. `skewness` is None without a positive.
    """
    counts = {
        "faces": len(labels),
        "positive": (labels > 0).sum(axis=0).tolist(),
        "negative": (labels < 0).sum(axis=0).tolist(),
        "unknown": (labels == 0).sum(axis=0).tolist(),
    }
    aus = range(labels.shape[1])
    return counts | {"skewness": [skewness(counts, i) for i in aus]}


def table(title: str, aus: list[int], columns: dict[str, dict]) -> str:
    """Return counts as text: a line per AU, and for each column what count_labels says.

    Skewness is negatives over positives; for BP4D the paper's (section 4.2) is beside.
    """
    bp4d = tuple(aus) == BP4D_AUS
    heads = "".join(f"{name:>22}{'skew':>7}" for name in columns)
    lines = [
        f"{title}: present/absent/unknown, and skewness",
        f"{'AU':<26}{heads}{'in the paper' if bp4d else '':>15}".rstrip(),
    ]
    for i, au in enumerate(aus):
        cells = "".join(_cells(counts, i) for counts in columns.values())
        paper = f"{BP4D_SKEWNESS.get(au, '') if bp4d else '':>15}"
        lines.append(f"{au:>2} {AU_NAMES[au]:<23}{cells}{paper}".rstrip())
    totals = "".join(f"{counts['faces']:>22}{'':7}" for counts in columns.values())
    return "\n".join([*lines, f"{'faces':<26}{totals}".rstrip()])


def skewness(counts: dict, i: int) -> float | None:
    """Return negatives over positives of AU i; None without a positive."""
    positive, negative = counts["positive"][i], counts["negative"][i]
    return negative / positive if positive else None


def _cells(counts: dict, i: int) -> str:
    numbers = "/".join(str(counts[kind][i]) for kind in KINDS)
    skew = skewness(counts, i)
    return f"{numbers:>22}{'-' if skew is None else f'{skew:.1f}':>7}"
