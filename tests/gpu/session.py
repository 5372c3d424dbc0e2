"""What every step works with, and what it returns."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from data_prep.base import UserError
from gpu.children import Children
from gpu.ledger import Ledger


@dataclass
class Table:
    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


@dataclass
class Result:
    """A step's outcome: passed (None: skipped), a sentence, tables and notes."""

    passed: Optional[bool]
    summary: str
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, record: dict) -> "Result":
        """Read what asdict() made of one."""
        tables = [Table(**table) for table in record["tables"]]
        return cls(**{**record, "tables": tables})


@dataclass
class Session:
    caffe: Path
    runner: Path
    data: Path  # train_0000.h5, ... and the demo's drml_*.prototxt
    nets: Path  # the paper's networks
    out: Path
    jobs: int
    children: Children
    ledger: Ledger

    def run(self, name: str, *options, **more):
        """Run caffe in OUT/work, where the steps put their prototxts."""
        work = self.work
        command = [self.caffe, *options]
        log = self.out / "logs" / f"{name}.log"
        env = {**os.environ, "GLOG_logtostderr": "1"}
        return self.children.run(command, log, cwd=work, env=env, **more)

    @property
    def work(self) -> Path:
        folder = self.out / "work"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def parts(self, step: str, tasks: dict[str, tuple], say: Callable) -> dict:
        """Return each part's result, {name: (made_from, function)}, kept as they come.

        jobs of them are made at once; say(result) is a line of progress.
        """
        results: dict[str, dict] = {}

        def make(name: str, made_from, function) -> str:
            results[name] = self.ledger.once(f"{step}-{name}", made_from, function)
            return name

        made = [lambda a=(name, *task): make(*a) for name, task in tasks.items()]
        for done, name in enumerate(self.children.each(made, self.jobs), 1):
            progress(f"{step}: {done} of {len(tasks)}: {name}: {say(results[name])}")
        return {name: results[name] for name in tasks}


def progress(text: str) -> None:
    print(f"gpu_test.py: {text}", file=sys.stderr, flush=True)


def text_of(path: Path) -> str:
    """Read a prototxt."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); `make gpu-data` writes the "
            "demo's network, prototxt/ holds the paper's"
        ) from None
