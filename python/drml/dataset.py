"""A prepared dataset: the folder with dataset.json, mean image and face LMDBs."""

from pathlib import Path

from data_prep.base import UserError, read_json
from data_prep.dataset import title

FIELDS = ("dataset", "generated", "aus", "size", "fold", "seed", "splits")


def read_dataset(folder: Path) -> dict:
    """Read FOLDER/dataset.json, the last file that an import writes."""
    path = folder / "dataset.json"
    remedy = "import the dataset (python data_prep/bp4d.py --help)"
    record = read_json(path, remedy)
    missing = [name for name in FIELDS if name not in record]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}; {remedy}")
    return record


def describe(record: dict) -> str:
    """Name the dataset as titles do: generated faces are always called so."""
    fold = "all subjects" if record["fold"] == "all" else f"fold {record['fold']}"
    return f"{title(record['dataset'], record['generated'])}, {fold}"
