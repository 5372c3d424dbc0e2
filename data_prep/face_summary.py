"""How often each AU is present, absent and unknown in the faces that were written."""

from pathlib import Path

from data_prep.aus import AU_NAMES
from data_prep.face_lmdb import read_labels


def count_labels(lmdb_folder: Path) -> dict:
    """Return an LMDB's number of faces and, for each AU, of every kind of label."""
    labels = read_labels(lmdb_folder)
    return {
        "faces": len(labels),
        "positive": (labels > 0).sum(axis=0).tolist(),
        "negative": (labels < 0).sum(axis=0).tolist(),
        "unknown": (labels == 0).sum(axis=0).tolist(),
    }


def table(dataset: dict) -> str:
    """Return dataset.json's content as text: a line per AU, columns per split.

    Skewness is negatives over positives, as in section 4 of the paper.
    """
    splits = dataset["splits"]
    kind = " (generated faces)" if dataset["generated"] else ""
    head = f"{dataset['dataset']}{kind}, fold {dataset['fold']}: present/absent/unknown"
    titles = "".join(f"{split:>22}{'skew':>7}" for split in splits)
    lines = [f"{head}, and skewness", f"{'AU':<24}{titles}"]
    for i, au in enumerate(dataset["aus"]):
        cells = "".join(_cells(split, i) for split in splits.values())
        lines.append(f"{au:>2} {AU_NAMES[au]:<21}{cells}")
    totals = "".join(f"{split['faces']:>22}{'':7}" for split in splits.values())
    return "\n".join([*lines, f"{'faces':<24}{totals}".rstrip()])


def _cells(split: dict, i: int) -> str:
    counts = [split[kind][i] for kind in ("positive", "negative", "unknown")]
    skewness = f"{counts[1] / counts[0]:.1f}" if counts[0] else "-"
    return f"{'/'.join(map(str, counts)):>22}{skewness:>7}"
