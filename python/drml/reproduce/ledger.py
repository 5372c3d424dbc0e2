"""OUT/steps/NAME.json: what each step was run with, and what it made.

The file appears when a step starts and gets its outputs once it is finished, so that
an interrupted step is known, and with which options its unfinished work was begun. The
removal of what was made before is noted ahead, so that an interrupted one is known too.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from data_prep.base import UserError, read_json, write
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
    seconds: float = 0  # so far, of a step that resumes
    engine: str = ""
    trained: int = 0  # faces of training iterations
    adopted: list[str] = field(default_factory=list)  # outputs that a user has edited
    redone: bool = False  # it was finished before
    clearing: bool = False  # what it had made is being removed

    @property
    def finished(self) -> bool:
        return self.outputs is not None

    @property
    def held(self) -> bool:
        """Whether OUT holds the step's results, or did when a redo began."""
        return self.finished or self.redone

    @property
    def changed(self) -> list[str]:
        """The outputs that are there, but not as they were noted."""
        return [
            name
            for name, earlier in (self.outputs or {}).items()
            if Path(name).exists() and not fingerprints.same(Path(name), earlier)
        ]

    @property
    def edited(self) -> list[str]:
        """The outputs that are there, but not as the step made them."""
        return sorted({*self.adopted, *self.changed})


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
        return read_record(file) if file.exists() else None

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
        before = self.read(step)
        goes_on = before and step.resumes and not before.finished
        record = Record(
            command=self.command(step),
            needs={need.name: self.digest(need) for need in step.needs},
            reads=reads,
            seconds=before.seconds if goes_on else 0,
            engine=step.engine,
            trained=step.trained,
            redone=before is not None and before.held,
        )
        self._write(step, record)

    def spend(self, step: Step, seconds: float) -> None:
        """Note how long a step that has started was at work."""
        record = self.read(step)
        self._write(step, replace(record, seconds=round(record.seconds + seconds, 1)))

    def finish(self, step: Step) -> None:
        by_age = sorted(expand(step.scrap), key=lambda path: path.stat().st_mtime_ns)
        for path in by_age[:-1]:
            path.unlink()
        self._write(step, self.read(step), True)

    def adopt(self, step: Step) -> None:
        """Take the outputs as they now are for what the step has made."""
        record = self.read(step)
        self._write(step, replace(record, adopted=record.edited), True)

    def set_aside(self, step: Step) -> list[str]:
        """Copy the outputs that a user has edited to FILE.edited; return these."""
        there = [name for name in self.read(step).edited if Path(name).exists()]
        return [shutil.copy2(name, f"{name}.edited") for name in there]

    def outdated(self, step: Step) -> bool:
        """Tell whether a step's results are there, but not what they were made from."""
        record = self.read(step)
        if record is None or not record.finished:
            return False
        known = [need for need in step.needs if need.name in record.needs]
        return any(record.needs[need.name] != self.digest(need) for need in known)

    def wipe(self, step: Step) -> None:
        """Remove what a step has made."""
        record = self.read(step)
        empty = replace(record, outputs=None, adopted=[], seconds=0)
        self._write(step, replace(empty, redone=record.held, clearing=True))
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


def read_record(file: Path) -> Record:
    try:
        return Record(**read_json(file, REMEDY))
    except TypeError:
        raise UserError(f"{file} is no step's record; {REMEDY}") from None


def finished_steps(out: Path) -> dict[str, Record]:
    """Return by name the steps that OUT holds finished, or did when a redo began."""
    root = out / "steps"
    records = {file: read_record(file) for file in root.rglob("*.json")}
    return {
        str(file.relative_to(root).with_suffix("")): record
        for file, record in records.items()
        if record.held
    }


def expand(patterns: Iterable[str]) -> list[Path]:
    """Return the files and folders that there are of these names."""
    return [
        path
        for pattern in patterns
        for path in sorted(Path(pattern).parent.glob(Path(pattern).name))
    ]
