"""OUT/results/NAME.json: each result as soon as it is there, and what it was made from.

A result is not made again while that is the same: the programs, the card, the faces,
and what its step says of itself.
"""

import json
from pathlib import Path
from typing import Callable, Optional

from data_prep.base import write


class Ledger:
    """made_by: what all results hang on."""

    def __init__(self, folder: Path, made_by: dict):
        self.folder, self.made_by = folder, made_by
        folder.mkdir(parents=True, exist_ok=True)

    def once(self, name: str, made_from, make: Callable[[], dict]) -> dict:
        """Return the result of that name; make it where there is none."""
        kept = self._read(name)
        if kept and kept["made_from"] == json.loads(json.dumps(made_from)):
            return kept["result"]
        return self.keep(name, made_from, make())

    def keep(self, name: str, made_from, result: dict) -> dict:
        """Keep a result; returns it as it will be read."""
        record = {"made_by": self.made_by, "made_from": made_from, "result": result}
        content = json.dumps(record, indent=1) + "\n"
        write(self.folder / f"{name}.json", content)
        return json.loads(content)["result"]

    def kept(self, name: str) -> Optional[dict]:
        """Return a result, whatever its step would say of itself today."""
        kept = self._read(name)
        return kept and kept["result"]

    def forget(self, step: str) -> None:
        """Have a step's result and those of its parts (STEP-PART) made again."""
        for file in [self.folder / f"{step}.json", *self.folder.glob(f"{step}-*.json")]:
            file.unlink(missing_ok=True)

    def _read(self, name: str) -> Optional[dict]:
        try:
            record = json.loads((self.folder / f"{name}.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return record if record["made_by"] == self.made_by else None
