"""Read the folder OUT that `make reproduce` fills; all of it but run.json may lack."""

import csv
from dataclasses import dataclass
from pathlib import Path

from data_prep.base import UserError, read_json
from drml.evaluation import Predictions, read_predictions
from drml.names import TITLES
from drml.paper import read_paper
from drml.results.section import Picture
from drml.selection import Scored, read_selection

REMEDY = "run make reproduce again"
REDO = f"delete it and {REMEDY}"


@dataclass(frozen=True)
class Out:
    """OUT and its run.json, what was asked for."""

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

    def asked(self, part: str) -> bool:
        return "parts" not in self.record or part in map(str, self.record["parts"])

    def lacking(self, part: str, name: str) -> list[str]:
        """Say why a part has no results; run.json's "left_out" may know."""
        if known := [s for s in self.record.get("left_out", []) if s.startswith(name)]:
            return known
        why = "no results yet" if self.asked(part) else "not asked for"
        return [f"{name}: {why}"]

    @property
    def nets(self) -> dict[str, str]:
        """Networks asked for or there: folder -> title, in the order of Table 2."""
        there = [
            n for n in TITLES if n in self.record["nets"] or (self.folder / n).is_dir()
        ]
        order = read_paper()["table2"]["methods"]
        return {
            n: TITLES[n] for n in sorted(there, key=lambda n: order.index(TITLES[n]))
        }

    def folds(self, net: str) -> dict[int, Predictions]:
        """Return the test splits' predictions of OUT/NET/foldK, or of a grid's."""
        files = sorted((self.folder / net).glob("fold[0-9]/test/predictions.h5"))
        return {fold_of(file.parents[1]): self.predictions(file) for file in files}

    def selections(self, net: str) -> dict[int, list[Scored]]:
        """Return each fold's snapshots of OUT/NET, or of a grid, on its val split."""
        files = sorted((self.folder / net).glob("fold[0-9]/selection.json"))
        return {fold_of(file.parent): read_selection(file) for file in files}

    @property
    def grids(self) -> dict[int, str]:
        """Other grids of the region layer that are there: size -> folder."""
        names = [f.name for f in (self.folder / "grids").glob("*x*") if f.is_dir()]
        return {int(n.split("x")[0]): f"grids/{n}" for n in names}

    def best(self, net: str) -> dict | None:
        """Return best.json: the fold whose model serves tables and figures."""
        return self.json(self.folder / net / "best.json", "fold", "iteration", "val_f1")

    def predictions(self, file: Path) -> Predictions | None:
        if not file.exists():
            return None
        found = read_predictions(file)
        if bool(found.about.get("generated")) != self.generated:
            kinds = ("real", "generated")
            raise UserError(
                f"{file} is of {kinds[not self.generated]} faces, while "
                f"{self.folder}/run.json says {kinds[self.generated]} ones; give each "
                "an OUT of its own"
            )
        return found

    def json(self, file: Path, *fields: str) -> dict | None:
        if not file.exists():
            return None
        record = read_json(file, REMEDY)
        if lacking := [name for name in fields if name not in record]:
            raise UserError(f"{file} lacks {', '.join(lacking)}; {REDO}")
        return record

    def csv(self, name: str, texts: str, numbers: str) -> list[dict] | None:
        """Read columns of OUT/NAME, numbers as floats, nan where empty; or None."""
        file = self.folder / name
        if not file.exists():
            return None
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
            rows = [
                {column: row[column] for column in texts.split()}
                | {column: float(row[column] or "nan") for column in numbers.split()}
                for row in csv.DictReader(lines)
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{file} cannot be read ({error}); {REDO}") from None
        if not rows:
            raise UserError(f"{file} has no rows; {REDO}")
        return rows

    def picture(self, name: str, caption: str) -> list[Picture]:
        """Return OUT/NAME, a PNG, as a list of one picture, or of none."""
        file = self.folder / name
        if not file.exists():
            return []
        content = file.read_bytes()
        if not content.startswith(b"\x89PNG") or b"IEND" not in content[-12:]:
            raise UserError(f"{file} is not a whole PNG file; {REDO}")
        return [Picture(file.name, content, caption)]


def fold_of(folder: Path) -> int:
    return int(folder.name.removeprefix("fold"))


def read_out(folder: Path) -> Out:
    record = read_json(folder / "run.json", "run make reproduce first")
    if lacking := [name for name in ("generated", "nets") if name not in record]:
        raise UserError(f"{folder}/run.json lacks {', '.join(lacking)}; {REMEDY}")
    return Out(folder, record)
