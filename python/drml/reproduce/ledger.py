"""OUT/steps/NAME.json: what each step was run with, and what it made.

The file appears when a step starts and gets its outputs once it is finished, so that
an interrupted step is known, and with which options its unfinished work was begun.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from data_prep.errors import UserError
from drml.files import read_json, write
from drml.reproduce import fingerprints
from drml.reproduce.step import Step

REMEDY = "delete it, and the step is run again"
Fingerprints = dict[str, dict[str, str]]  # by path


@dataclass(frozen=True)
class Record:
    command: list[str]
    needs: dict[str, str]  # digests of what these steps had made
    reads: Fingerprints
    outputs: Fingerprints | None = None  # None: not finished
    seconds: float = 0
    engine: str = ""

    @property
    def finished(self) -> bool:
        return self.outputs is not None


class Ledger:
    """The records under OUT/steps.

    names: datasets' folders and what they are called in records, where the folder may
    be another one as long as its content is the same.
    """

    def __init__(self, out: Path, names: Mapping[Path, str]):
        self.out, self.names = out, {str(path): name for path, name in names.items()}

    def file(self, step: Step) -> Path:
        return self.out / "steps" / f"{step.name}.json"

    def read(self, step: Step) -> Record | None:
        file = self.file(step)
        if not file.exists():
            return None
        try:
            return Record(**read_json(file, REMEDY))
        except TypeError:
            raise UserError(f"{file} is no step's record; {REMEDY}") from None

    def command(self, step: Step) -> list[str]:
        """Return the step's words as records have them."""
        return [self.names.get(word, word) for word in step.command]

    def name(self, path: Path) -> str:
        """Return what records call a path that a step reads."""
        return self.names.get(str(path), str(path))

    def digest(self, step: Step) -> str | None:
        """Return a hash of what a step has made, None while it is not finished."""
        record = self.read(step)
        if record is None or not record.finished:
            return None
        lines = (f"{path} {p['content']}\n" for path, p in record.outputs.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def start(self, step: Step) -> None:
        reads = {
            self.name(path): fingerprints.take(path, once=True)
            for path in step.reads
            if path.exists()
        }
        needs = {need.name: self.digest(need) for need in step.needs}
        self._write(step, Record(self.command(step), needs, reads, engine=step.engine))

    def finish(self, step: Step, seconds: float) -> None:
        by_age = sorted(expand(step.scrap), key=lambda path: path.stat().st_mtime_ns)
        for path in by_age[:-1]:
            path.unlink()
        self._write(step, replace(self.read(step), seconds=round(seconds, 1)), True)

    def adopt(self, step: Step) -> None:
        """Take the outputs as they now are for what the step has made."""
        self._write(step, self.read(step), True)

    def wipe(self, step: Step) -> None:
        """Remove what a step has made; its record stays until it starts again."""
        for path in expand([*step.outputs, *step.leaves]):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _write(self, step: Step, record: Record, finished: bool = False) -> None:
        if finished:
            made = {str(path): fingerprints.take(path) for path in _made(step)}
            record = replace(record, outputs=made)
        write(self.file(step), json.dumps(asdict(record), indent=2) + "\n")


def _made(step: Step) -> Iterator[Path]:
    for pattern in step.outputs:
        found = expand([pattern])
        if not found:
            raise UserError(f"the step {step.name} has ended without making {pattern}")
        yield from found


def finished_steps(out: Path) -> frozenset[str]:
    """Return the names of the steps that OUT holds finished."""
    root = out / "steps"
    return frozenset(
        str(file.relative_to(root).with_suffix(""))
        for file in root.rglob("*.json")
        if read_json(file, REMEDY).get("outputs") is not None
    )


def expand(patterns: Iterable[str]) -> list[Path]:
    """Return the files and folders that there are of these names."""
    return [
        path
        for pattern in patterns
        for path in sorted(Path(pattern).parent.glob(Path(pattern).name))
    ]
