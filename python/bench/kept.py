"""Measurements that outlive the run that took them."""

import json
from collections.abc import Callable
from pathlib import Path

from data_prep.errors import UserError
from drml import files


class Kept:
    """Measurements by name, in a JSON file; `made_on` is what they were taken with."""

    def __init__(self, path: Path, made_on: dict[str, object]):
        """UserError where the file is of measurements made otherwise."""
        self.path, self.made_on, self.values = path, made_on, {}
        if not path.exists():
            return
        kept = files.read_json(path, "delete it to measure again")
        for name in sorted(made_on.keys() | kept["made_on"].keys()):
            before, now = kept["made_on"].get(name), made_on.get(name)
            if before != now:
                raise UserError(
                    f"{path} was measured with {name}: {before}, and now it is {now}; "
                    "give another --out, or delete it"
                )
        self.values = kept["values"]

    def once(self, name: str, measure: Callable[[], object]) -> None:
        """Measure, and keep the value, unless it was done."""
        if name not in self.values:
            self.values[name] = measure()
            content = dict(made_on=self.made_on, values=self.values)
            files.write(self.path, json.dumps(content, indent=1))
