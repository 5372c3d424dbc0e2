"""Subject lists of the three folds, and who trains, validates and tests in each.

A fold file `<dataset>_fold<k>.txt` names a subject per line; `#` opens a comment.
"""

from pathlib import Path

from data_prep.errors import UserError

FOLDS = (1, 2, 3)
FOLD_FILES = Path(__file__).parent / "folds"


def split_subjects(
    dataset: str, fold: int, folder: Path = FOLD_FILES
) -> dict[str, list[str]]:
    """Return the sorted subjects of `train`, `val` and `test` for one fold.

    Fold k tests on list k, validates on the next list (1 follows 3) and trains on
    the remaining one. Raises UserError where a list is missing or empty, or a
    subject stands twice: subjects never leak from one split into another.
    """
    files = {k: folder / f"{dataset}_fold{k}.txt" for k in FOLDS}
    subjects = {k: _read(file) for k, file in files.items()}
    _check_disjoint(files, subjects)
    val = fold % 3 + 1
    (train,) = set(FOLDS) - {fold, val}
    roles = {"train": train, "val": val, "test": fold}
    return {split: sorted(subjects[k]) for split, k in roles.items()}


def _read(file: Path) -> list[str]:
    if not file.is_file():
        raise UserError(f"{file} is missing: a fold file names a subject per line")
    lines = (line.split("#")[0].strip() for line in file.read_text().splitlines())
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
