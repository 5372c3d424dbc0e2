"""Subject lists of the three folds, and who trains, validates and tests in each.

A fold file `<dataset>_fold<k>.txt` names a subject per line; `#` opens a comment.
"""

from collections.abc import Iterable
from itertools import chain, combinations
from pathlib import Path

import numpy as np

from data_prep.base import UserError, utf8

FOLDS = (1, 2, 3)
FOLD_FILES = Path(__file__).parent / "folds"


def fold_lists(fold: int, train_folds: int = 1) -> dict[str, list[int]]:
    """Return which of the three lists are train, val and test.

    Fold k tests on list k. With one list to train on, as in the paper, the next list
    (1 follows 3) validates and the remaining one trains; with two, as in most later
    papers, both others train, and val is test.
    """
    val = fold % 3 + 1
    (other,) = set(FOLDS) - {fold, val}
    if train_folds == 2:
        return {"train": sorted([val, other]), "val": [fold], "test": [fold]}
    return {"train": [other], "val": [val], "test": [fold]}


def split_subjects(
    dataset: str, fold: int, folder: Path = FOLD_FILES, train_folds: int = 1
) -> dict[str, list[str]]:
    """Return the sorted subjects of `train`, `val` and `test` by the fold files.

    Raises UserError where a list is missing or empty, or a subject stands twice:
    subjects never leak from one split into another.
    """
    files = {k: folder / f"{dataset}_fold{k}.txt" for k in FOLDS}
    subjects = {k: _read(file) for k, file in files.items()}
    _check_disjoint(files, subjects)
    return rotate(subjects, fold, train_folds)


def thirds(subjects: Iterable[str], seed: int) -> dict[int, list[str]]:
    """Return three lists of subjects, as equal in length as can be, by their fold."""
    names = sorted(subjects)
    if len(names) < len(FOLDS):
        raise UserError(
            f"there are {len(names)} subjects: train, val and test need one each; give "
            "--fold all to take everybody for testing"
        )
    order = np.random.default_rng(seed).permutation(names).tolist()
    return {k: order[k - 1 :: len(FOLDS)] for k in FOLDS}


def rotate(
    lists: dict[int, list[str]], fold: int, train_folds: int = 1
) -> dict[str, list[str]]:
    """Return who trains, validates and tests, by three lists of subjects."""
    return {
        split: sorted(chain.from_iterable(lists[k] for k in numbers))
        for split, numbers in fold_lists(fold, train_folds).items()
    }


def assert_disjoint(splits: dict[str, Iterable[str]]) -> None:
    """Fail where a subject is in two splits; checked on what is to be written."""
    for (a, first), (b, second) in combinations(splits.items(), 2):
        both = sorted(set(first) & set(second))
        if both:  # no assert: it must hold under python -O as well
            raise AssertionError(f"{', '.join(both)} would be both in {a} and in {b}")


def _read(file: Path) -> list[str]:
    if not file.is_file():
        raise UserError(f"{file} is missing: a fold file names a subject per line")
    lines = (line.split("#")[0].strip() for line in utf8(file).splitlines())
    subjects = [line for line in lines if line]
    if not subjects:
        raise UserError(f"{file} names no subject: write one per line")
    return subjects


def _check_disjoint(files: dict[int, Path], subjects: dict[int, list[str]]) -> None:
    seen: dict[str, Path] = {}
    for k, file in files.items():
        for subject in subjects[k]:
            if subject in seen:
                raise UserError(
                    f"{subject} stands in {seen[subject].name} and again in {file}: "
                    "a subject belongs to one fold only"
                )
            seen[subject] = file
