"""A step: one of the project's scripts, its options, what it reads and makes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


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
    scrap: tuple[str, ...] = ()  # files that are of no use once it is done
    joins: bool = False  # of cheap results, which change when others join: no question
    editable: bool = False  # a user may edit the outputs, and mean it
    brief: bool = False  # takes seconds
    work: tuple[Work, ...] = ()


def dependents(roots: Iterable[str], steps: Sequence[Step]) -> list[Step]:
    """Return the steps that need, at any distance, one of these; in order."""
    reached, found = set(roots), []
    for step in steps:
        if any(need.name in reached for need in step.needs):
            reached.add(step.name)
            found.append(step)
    return found
