"""Measurements that outlive the run that took them."""

from collections.abc import Callable
from pathlib import Path

from data_prep.base import check_stamp, read_json, write_json


class Kept:
    """Measurements by name, in a JSON file; `made_on` is what they were taken with."""

    def __init__(self, path: Path, made_on: dict[str, object]):
        """UserError where the file is of measurements made otherwise."""
        self.path, self.made_on, self.values = path, made_on, {}
        if not path.exists():
            return
        kept = read_json(path, "delete it to measure again")
        remedy = "give another --out, or delete it"
        check_stamp(path, kept["made_on"], made_on, remedy)
        self.values = kept["values"]

    def once(self, name: str, measure: Callable[[], object]) -> None:
        """Measure, and keep the value, unless it was done."""
        if name not in self.values:
            self.values[name] = measure()
            write_json(self.path, dict(made_on=self.made_on, values=self.values))
