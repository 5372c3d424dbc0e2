"""Read the folder that `make reproduce` fills; all of it but run.json may lack."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from data_prep.base import UserError, read_json
from drml.evaluate.predictions import Predictions, read_predictions
from drml.evaluate.selection import Scored, read_selection
from drml.nets.names import METHODS, TITLES
from drml.report.pages import Picture
from drml.report.paper import read_paper
from drml.report.tables import distinct

REMEDY = "run make reproduce again"
REDO = f"delete it and {REMEDY}"


class Tool(NamedTuple):
    """Another tool's predictions (drml evaluate --csv)."""

    title: str
    folds: dict[int, Predictions]  # of BP4D
    disfa: Predictions | None


@dataclass(frozen=True)
class Results:
    """The folder and its run.json, what was asked for."""

    folder: Path
    record: dict

    @property
    def generated(self) -> bool:
        return bool(self.record["generated"])

    def marked(self, title: str) -> str:
        """Say in a title that the faces are generated ones, if they are."""
        return f"{title} (generated faces)" if self.generated else title

    def on(self, dataset: str) -> str:
        """Name what was measured on, for a title that marked() completes."""
        return f"in {dataset}'s layout" if self.generated else f"on {dataset}"

    def lacking(self, part: str, name: str) -> list[str]:
        """Say why a part has no results; run.json's "left_out" may know."""
        if known := [s for s in self.record.get("left_out", []) if s.startswith(name)]:
            return known
        asked = part in map(str, self.record.get("parts", [part]))
        return [f"{name}: {'no results yet' if asked else 'not asked for'}"]

    @property
    def nets(self) -> dict[str, str]:
        """Networks asked for or there: folder -> title, in the order of Table 2."""
        order = read_paper()["table2"]["methods"]
        return {
            net: title
            for net, title in sorted(TITLES.items(), key=lambda n: order.index(n[1]))
            if net in self.record["nets"] or (self.folder / net).is_dir()
        }

    @property
    def methods(self) -> dict[str, str]:
        """Classical methods asked for or there: folder -> title."""
        asked = self.record.get("methods", [])
        return {
            method: title
            for method, title in METHODS.items()
            if method in asked or (self.folder / method).is_dir()
        }

    @property
    def systems(self) -> dict[str, str]:
        """What Table 2 compares: the classical methods and the networks."""
        return self.methods | self.nets

    @property
    def grids(self) -> dict[int, str]:
        """Other grids of the region layer that are there: size -> folder."""
        names = [f.name for f in (self.folder / "grids").glob("*x*") if f.is_dir()]
        return {int(n.split("x")[0]): f"grids/{n}" for n in names}

    def by_fold(self, net: str, file: str) -> dict[int, Path]:
        """Return where FILE is in the folds of a network's folder, or of a grid's."""
        folders = sorted((self.folder / net).glob("fold[0-9]"))
        return {
            int(folder.name[-1]): folder / file
            for folder in folders
            if (folder / file).exists()
        }

    def tested(self, net: str) -> dict[int, Predictions]:
        """Return each fold's predictions on its test split."""
        files = self.by_fold(net, "test/predictions.h5")
        return {fold: self.predictions(file) for fold, file in files.items()}

    @cached_property
    def tools(self) -> dict[str, Tool]:
        """Return other tools by folder: tools/NAME/fold1, ..., tools/NAME/disfa."""
        found: dict[str, Tool] = {}
        taken = {*TITLES.values()}
        for folder in sorted((self.folder / "tools").glob("*/")):
            name = f"tools/{folder.name}"
            files = self.by_fold(name, "predictions.h5")
            folds = {fold: self.predictions(file) for fold, file in files.items()}
            disfa = self.predictions(folder / "disfa/predictions.h5")
            said = [*folds.values(), *([disfa] if disfa else [])]
            if said:
                title = distinct(said[0].about["title"], taken)
                taken.add(title)
                found[name] = Tool(title, folds, disfa)
        return found

    def validated(self, net: str) -> dict[int, list[Scored]]:
        """Return each fold's snapshots, measured on its val split."""
        files = self.by_fold(net, "selection.json")
        return {fold: read_selection(file) for fold, file in files.items()}

    def best(self, net: str) -> dict | None:
        """Return best.json: the fold whose model serves tables and figures."""
        file = self.folder / net / "best.json"
        if not file.exists():
            return None
        record = read_json(file, REMEDY)
        check_fields(file, record, ("fold", "iteration", "val_f1"), REDO)
        return record

    def predictions(self, file: Path) -> Predictions | None:
        if not file.exists():
            return None
        found = read_predictions(file)
        if bool(found.about.get("generated")) != self.generated:
            kinds = ("real", "generated")
            raise UserError(
                f"{file} is of {kinds[not self.generated]} faces, while "
                f"{self.folder}/run.json says {kinds[self.generated]} ones; give each "
                "a folder of its own"
            )
        return found

    def csv(self, name: str, texts: str, numbers: str) -> pd.DataFrame | None:
        """Read columns of a CSV file, numbers as floats, nan where empty."""
        file, empty = self.folder / name, {number: [""] for number in numbers.split()}
        types = dict.fromkeys(texts.split(), str) | dict.fromkeys(empty, float)
        if not file.exists():
            return None
        try:
            frame = pd.read_csv(
                file, usecols=[*types], dtype=types, float_precision="round_trip",
                keep_default_na=False, na_values=empty,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise UserError(f"{file} cannot be read ({error}); {REDO}") from None
        if frame.empty:
            raise UserError(f"{file} has no rows; {REDO}")
        return frame

    def picture(self, name: str, caption: str) -> list[Picture]:
        """Return a PNG file as a list of one picture, or of none."""
        file = self.folder / name
        if not file.exists():
            return []
        content = file.read_bytes()
        if not content.startswith(b"\x89PNG") or b"IEND" not in content[-12:]:
            raise UserError(f"{file} is not a whole PNG file; {REDO}")
        return [Picture(file.name, content, self.marked(caption))]

    @property
    def single_models(self) -> str:
        """Name the model of each network that serves where one is wanted."""
        models = {title: self.best(net) for net, title in self.nets.items()}
        named = [
            f"{title} of fold {best['fold']} (iteration {best['iteration']:,}, "
            f"validation F1 {100 * best['val_f1']:.1f})"
            for title, best in models.items()
            if best
        ]
        if not named:
            return "not chosen yet"
        choice = any(len(self.validated(net)) > 1 for net in self.nets)
        how = "; of several folds the one of the best validation F1" if choice else ""
        return ", ".join(named) + how


def read_results(folder: Path) -> Results:
    file = folder / "run.json"
    record = read_json(file, "run make reproduce first")
    check_fields(file, record, ("generated", "nets"), REMEDY)
    return Results(folder, record)


def check_fields(file: Path, record: dict, fields: Sequence[str], remedy: str) -> None:
    if missing := [name for name in fields if name not in record]:
        raise UserError(f"{file} lacks {', '.join(missing)}; {remedy}")


def named_folds(folds: Iterable[int]) -> str:
    """Return "fold 1" or "folds 1, 2"."""
    names = ", ".join(map(str, folds))
    return f"folds {names}" if "," in names else f"fold {names}"
