"""A step: one of the project's scripts, its options, what it reads and makes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.base import UserError, read_json

FOUND = re.compile(r"\{([^{}]+\.json):(\w+)\}")  # a value of an earlier step; nests


@dataclass(frozen=True)
class Work:
    """What a step's time is reckoned from: how many faces a network works through."""

    network: str
    trained: int = 0  # faces of training iterations
    scored: int = 0  # faces run forwards


@dataclass(frozen=True)
class Step:
    """A step is done once its command has ended well and its outputs are noted.

    The words of the command may hold {FILE.json:NAME}, a value that an earlier step
    found, in whose FILE another may stand. Outputs are files, folders or patterns.
    """

    name: str  # drml/fold1/train
    part: str  # the row of the plan that it stands in
    command: tuple[str, ...]  # after "python"
    outputs: tuple[str, ...]
    needs: tuple["Step", ...] = ()  # all of whose outputs it may read
    reads: tuple[Path, ...] = ()  # what no step makes
    leaves: tuple[str, ...] = ()  # files beside the outputs, to go when it is redone
    scrap: tuple[str, ...] = ()  # files of which it leaves the newest only
    kept: str = ""  # {FILE.json:NAME}: once it is known, other outputs may be deleted
    engine: str = ""  # what computes it, where that is to be known
    joins: bool = False  # of cheap results, which change when others join: no question
    fixed: tuple[str, ...] = ()  # options of such a step whose change is a question
    partial: bool = False  # of whatever there is, though steps before it failed
    resumes: bool = False  # goes on where it was stopped
    editable: bool = False  # a user may edit the outputs, and mean it
    brief: bool = False  # takes seconds
    work: tuple[Work, ...] = ()

    @property
    def trained(self) -> int:
        """Faces of training iterations."""
        return sum(work.trained for work in self.work)


def dependents(roots: Iterable[str], steps: Sequence[Step]) -> list[Step]:
    """Return the steps that need, at any distance, one of these; in order."""
    reached, found = set(roots), []
    for step in steps:
        if any(need.name in reached for need in step.needs):
            reached.add(step.name)
            found.append(step)
    return found


def by_option(command: Sequence[str]) -> dict[str, str]:
    """Return {"--seed": "1"}; what stands before the options is "the command"."""
    options: dict[str, str] = {}
    name = "the command"
    for word in command:
        if word.startswith("--"):
            name = word
            options[name] = ""
        else:
            options[name] = f"{options.get(name, '')} {word}".strip()
    return options


def resolve(word: str) -> str:
    """Put in what earlier steps found: {FILE.json:NAME}, where FILE may hold such."""
    while FOUND.search(word):
        word = FOUND.sub(lambda m: str(_value(Path(m[1]), m[2])), word)
    return word


def _value(file: Path, name: str):
    remedy = "run the same command again"
    record = read_json(file, remedy)
    if name not in record:
        raise UserError(f"{file} lacks {name}; delete it and {remedy}")
    return record[name]
