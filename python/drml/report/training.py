"""How a net was trained: by which solver, on which split of the subjects."""

import re
from pathlib import Path

from drml.nets.log import read_log

THREE_WAY = (
    "three-way, as in the paper: of the three lists of subjects one to train on, "
    "one to validate on, one to test on"
)
TWO_FOLD = (
    "two-fold training: two lists of subjects to train on, the third to test on, "
    "as most later papers do"
)
SOLVER = "Initializing solver from parameters:"
FIELD = re.compile(r'^(type|base_lr|max_iter|iter_size): "?([^"\n]+)', re.MULTILINE)
BATCH = re.compile(r"^\s*batch_size: (\d+)", re.MULTILINE)
LOGGED = re.compile(r"^[IWEF]\d+ ", re.MULTILINE)  # how a line of Caffe's own begins


def describe_splits(dataset: dict) -> str:
    """Say how a dataset's subjects are split, by the lists in dataset.json."""
    lists = dataset.get("fold_lists", {})
    return TWO_FOLD if len(lists.get("train", ())) > 1 else THREE_WAY


def describe_solver(log: Path) -> str:
    """Return "Adam, base_lr 0.0003, batch 8, 420 iterations", as far as it is known."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    _, found, rest = text.rpartition(SOLVER)  # of several runs the last
    if not found:
        return "not in the log"
    fields = dict(FIELD.findall(LOGGED.split(rest, maxsplit=1)[0]))
    said = [fields.get("type", "SGD"), f"base_lr {fields.get('base_lr')}"]
    if batch := BATCH.search(rest):  # the training net's, which is built first
        more = f" x {fields['iter_size']}" if "iter_size" in fields else ""
        said.append(f"batch {batch[1]}{more}")
    return ", ".join([*said, f"{int(fields.get('max_iter', 0)):,} iterations"])


def solver_seed(log: Path) -> int | str:
    """Return the solver's random_seed, or that none was set."""
    seed = read_log(log).random_seed if log.exists() else None
    return "not set" if seed is None else seed
