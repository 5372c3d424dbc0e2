"""What was found in a dataset, as a table and for dataset.json."""

from collections.abc import Iterable

import numpy as np

from data_prep import face_summary
from data_prep.sequence import Sequence
from data_prep.source import Source

LONGEST_LIST = 20  # of sequences that are shown one by one


def survey(source: Source, groups: dict[str, list[Sequence]]) -> dict:
    """Return counts by group of sequences (train, ...) and of all labels.

    Subjects that no fold names are left out and named.
    """
    sequences = [s for members in groups.values() for s in members]
    known = {s.subject for s in sequences}
    faces = [s.labels for s in sequences if s.faces]
    return {
        "root": str(source.root),
        "found": source.found,
        "groups": {name: _count(members) for name, members in groups.items()},
        "left out": _sum(s.left_out for s in sequences),
        "subjects in no fold": sorted(source.readers.keys() - known),
        "labels": face_summary.count_labels(np.concatenate(faces)) if faces else None,
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


def describe(source: Source, found: dict) -> str:
    """Return a survey as text."""
    lines = [f"{source.title}: {source.root}"]
    lines += [f"  {part + ':':<14}{where}" for part, where in source.found.items()]
    lines += ["", *_group_lines(found["groups"])]
    if found["subjects in no fold"]:
        names = ", ".join(found["subjects in no fold"])
        lines.append(f"left out, since no fold names them: {names}")
    lines += _short_list(found["notes"])
    if found["labels"]:
        head, columns = f"\n{source.title}", {"all faces": found["labels"]}
        lines.append(face_summary.table(head, source.aus, columns))
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
