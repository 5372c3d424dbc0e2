"""What belongs to trained weights: net, mean image and AUs.

`drml train` writes it beside its snapshots, out/drml_model.json for
out/drml_iter_16000.caffemodel, so that weights alone are enough for `drml predict`:

    net        deploy prototxt, as all paths seen from the JSON's folder
    mean       mean.binaryproto of the faces that it was trained on
    aus        the AUs of its outputs, in order
    generated  whether those faces were drawn by a program
    dataset    what titles call them
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.aus import AU_NAMES
from data_prep.base import UserError, read_json, write_json
from drml.evaluate.dataset import check_kinds, describe, mean_file, read_dataset
from drml.nets.progress import training_folder
from drml.nets.solver import Solver

DEMO = Path("out/demo")
NOTICE = "trained on generated faces (drawings): means nothing on real faces"
FIELDS = {"net": str, "mean": str, "aus": list, "generated": bool, "dataset": str}
_SNAPSHOT = re.compile(r"(.+)_iter_\d+\.caffemodel(\.h5)?")


@dataclass(frozen=True)
class Trained:
    """A net's files and what it was trained on."""

    net: Path
    weights: Path
    mean: Path
    aus: tuple[int, ...]
    generated: bool
    dataset: str  # "" where nothing says it

    @property
    def notice(self) -> str:
        """What has to stand on everything that it predicts; "" if nothing has."""
        return NOTICE if self.generated else ""


def record_file(prefix: str) -> Path:
    """Return the JSON of a training whose snapshots are named PREFIX_iter_N."""
    return Path(f"{prefix}_model.json")


def write_record(solver: Solver) -> Path | None:
    """Write what `drml predict` needs to know of a training.

    Returns None, and writes nothing, where the training net reads no dataset of the
    importers' making or no deploy net lies beside it (`drml prototxt` writes one).
    """
    folder = training_folder(solver)
    if folder is None:
        return None
    net = solver.net.with_name(solver.net.name.replace("_train_val", "_deploy"))
    if net == solver.net or not net.is_file():
        return None
    dataset = read_dataset(folder)
    file = record_file(solver.prefix)
    place = file.resolve().parent
    content = {
        "net": os.path.relpath(net.resolve(), place),
        "mean": os.path.relpath(mean_file(folder).resolve(), place),
        "aus": dataset["aus"],
        "generated": dataset["generated"],
        "dataset": describe(dataset),
    }
    write_json(file, content)
    return file


def find_trained(
    weights: Path,
    net: Path | None = None,
    mean: Path | None = None,
    aus: Sequence[int] | None = None,
) -> Trained:
    """Join what is given with what lies beside the weights, or beside the mean.

    UserError names what is missing, and the option that gives it.
    """
    if not weights.is_file():
        raise UserError(f"{weights} does not exist; give the weights of a trained net")
    found = _beside(weights)
    net = net or found.get("net")
    mean = mean or found.get("mean")
    if missing := [n for n, v in {"--net": net, "--mean": mean}.items() if not v]:
        raise UserError(
            f"nothing beside {weights} says what belongs to it, as drml train writes "
            f"({_record_of(weights).name}): give {' and '.join(missing)}"
        )
    if mean != found.get("mean") and (mean.parent / "dataset.json").is_file():
        dataset = read_dataset(mean.parent)
        about = {k: dataset[k] for k in ("aus", "generated")}
        found |= {**about, "dataset": describe(dataset)}
    aus = aus or found.get("aus")
    if not aus:
        raise UserError(
            f"nothing says which AUs {net} has outputs for: give --aus, in their order"
        )
    if unknown := [au for au in aus if au not in AU_NAMES]:
        raise UserError(f"AU {unknown[0]} is no action unit; they are 1 to 46")
    generated = bool(found.get("generated", False))
    about = generated, found.get("dataset", "")
    return Trained(net, weights, mean, tuple(aus), *about)


def _record_of(weights: Path) -> Path:
    snapshot = _SNAPSHOT.fullmatch(weights.name)
    stem = snapshot[1] if snapshot else weights.name.split(".")[0]
    return weights.with_name(record_file(stem).name)


def _beside(weights: Path) -> dict:
    file = _record_of(weights)
    if not file.is_file():
        return {}
    remedy = "give --net, --mean and --aus instead"
    found = read_json(file, remedy)
    check_kinds(file, found, FIELDS, remedy)
    for name in ("net", "mean"):
        if name in found:
            found[name] = Path(os.path.normpath(file.parent / found[name]))
            if not found[name].is_file():
                raise UserError(
                    f"{found[name]} is gone, which {file} names: give --{name}"
                )
    return found


def demo_weights() -> Path:
    """Return the newest weights that `make demo` trained; UserError without."""
    found = DEMO.glob("*/*/*_iter_*.caffemodel*")
    newest = max(found, key=lambda file: file.stat().st_mtime, default=None)
    if newest is None:
        raise UserError(f"{DEMO} holds no trained net: run make demo first")
    return newest
