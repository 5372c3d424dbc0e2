"""What was found in a dataset, and how often each AU is present: as tables and for
dataset.json.
"""

from collections.abc import Iterable

import numpy as np

from data_prep.aus import AU_NAMES, BP4D_SKEWNESS
from data_prep.dataset import Dataset, Sequence

KINDS = ("positive", "negative", "unknown")
LONGEST_LIST = 20  # of sequences that are shown one by one


def survey(dataset: Dataset, groups: dict[str, list[Sequence]]) -> dict:
    """Return counts by group of sequences (train, ...) and of all labels.

    Subjects that no fold names are left out and named.
    """
    sequences = [s for members in groups.values() for s in members]
    known = {s.subject for s in sequences}
    faces = [s.labels for s in sequences if s.faces]
    return {
        "root": str(dataset.root),
        "found": dataset.found,
        "groups": {name: _count(members) for name, members in groups.items()},
        "left out": _sum(s.left_out for s in sequences),
        "subjects in no fold": sorted(dataset.readers.keys() - known),
        "labels": count_labels(np.concatenate(faces)) if faces else None,
        "notes": [note for s in sequences for note in (*_missing(s), *s.notes)],
    }


def _count(sequences: list[Sequence]) -> dict[str, int]:
    return {
        "subjects": len({s.subject for s in sequences}),
        "sequences": len(sequences),
        "coded frames": sum(s.coded for s in sequences),
        **_sum(s.left_out for s in sequences),
        "faces": sum(len(s.faces) for s in sequences),
    }


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add up by name; unlike Counter's, the sum names what is 0."""
    total: dict[str, int] = {}
    for own in counts:
        total |= {name: total.get(name, 0) + n for name, n in own.items()}
    return total


def _missing(sequence: Sequence) -> list[str]:
    counts = {reason: n for reason, n in sequence.left_out.items() if n}
    parts = ", ".join(f"{n} ({reason})" for reason, n in counts.items())
    return [f"{sequence.name}: coded frames left out: {parts}"] if parts else []


def describe(dataset: Dataset, found: dict) -> str:
    """Return a survey as text."""
    lines = [f"{dataset.title}: {dataset.root}"]
    lines += [f"  {part + ':':<14}{where}" for part, where in dataset.found.items()]
    lines += ["", *_group_lines(found["groups"])]
    if found["subjects in no fold"]:
        names = ", ".join(found["subjects in no fold"])
        lines.append(f"left out, since no fold names them: {names}")
    lines += _short_list(found["notes"])
    if found["labels"]:
        head, columns = f"\n{dataset.title}", {"all faces": found["labels"]}
        lines.append(label_table(head, dataset.name, dataset.aus, columns))
    return "\n".join(lines)


def _group_lines(groups: dict[str, dict[str, int]]) -> list[str]:
    """Return a line per group and one for their sum."""
    total = _sum(groups.values())
    columns = max(groups.values(), key=len)
    rows = {"": {name: name for name in columns}, **groups, "all": total}
    widths = {name: max(10, len(name) + 3) for name in columns}
    return [
        f"{title:<8}"
        + "".join(f"{row.get(name, 0):>{widths[name]}}" for name in columns)
        for title, row in rows.items()
    ]


def _short_list(notes: list[str]) -> list[str]:
    rest = len(notes) - LONGEST_LIST
    more = [f"  ... and {rest} more, all in dataset.json"] if rest > 0 else []
    return [f"  {note}" for note in notes[:LONGEST_LIST]] + more


# ---- How often each AU is present, absent and unknown


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


def count_pairs(sequences: Iterable[Sequence]) -> dict:
    """Return how often AUs occur together in all coded frames, sampled or not.

    Each is (AUs, AUs): `known`, frames in which both AUs are coded; `present`, those of
    them in which the row's AU is present; `both`, in which both are.
    """
    codes = np.concatenate([s.codes for s in sequences if s.codes is not None])
    known, present = (codes != 0).astype(np.int64), (codes > 0).astype(np.int64)
    return {
        "frames": len(codes),
        "known": (known.T @ known).tolist(),
        "present": (present.T @ known).tolist(),
        "both": (present.T @ present).tolist(),
    }


def label_table(
    title: str, dataset: str, aus: list[int], columns: dict[str, dict]
) -> str:
    """Return counts as text: a line per AU, and for each column what count_labels says.

    Skewness is negatives over positives; for BP4D the paper's (section 4.2) is beside.
    """
    bp4d = dataset == "BP4D"
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
