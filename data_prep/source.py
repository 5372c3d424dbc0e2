"""A dataset on disk, as all importers see it."""

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from data_prep.errors import UserError
from data_prep.sequence import Sequence

Key = TypeVar("Key")
DEPTH = 3  # folders below the root in which a dataset's parts are looked for

# What tells which dataset this is (for find_folder), and what to do with it.
TELLTALES = {
    (r"[FM]\d{3}_T\d+\.csv",): "it looks like BP4D: use data_prep/bp4d.py",
    (r"SN\d{3}", r"SN\d{3}_au\d+\.txt"): "it looks like DISFA: use data_prep/disfa.py",
    (r"SN\d{3}", r".*", r"AU\d+\.txt"): "it looks like DISFA+, which is not read",
}


@dataclass(frozen=True)
class Source:
    """What a dataset holds, found but not read yet.

    readers: by subject, functions that read a sequence each (they can be pickled).
    """

    name: str  # BP4D
    lists: str  # how its fold lists' names begin: bp4d
    root: Path
    aus: tuple[int, ...]  # the labels' columns
    generated: bool  # the faces were drawn by a program
    found: dict[str, str]  # its parts, as the survey shows them
    readers: dict[str, list[Callable[[], Sequence]]]
    options: dict  # what the reading depends on, for dataset.json

    @property
    def title(self) -> str:
        """The dataset as titles name it."""
        return title(self.name, self.generated)


def title(name: str, generated: bool) -> str:
    """Name a dataset; generated faces are always called so."""
    return f"generated faces in {name}'s layout" if generated else name


def open_root(root: Path, name: str) -> None:
    """Check that root is a folder, and complete where it was generated."""
    if not root.is_dir():
        raise UserError(f"{root} is no folder: give the folder that holds {name}")
    next(root.iterdir(), None)  # one that may not be read ends the import
    are_generated([root])


def are_generated(parts: Iterable[Path]) -> bool:
    """Return whether a file or folder is of generated faces.

    A generated dataset's folder is marked; its parts lie somewhere below it. Raises
    UserError where it is not complete.
    """
    paths = {part.resolve() for part in parts}
    folders = paths.union(*(path.parents for path in paths))
    for folder in folders:
        if (folder / "generating.json").is_file():
            raise UserError(
                f"{folder} holds generated faces that are not complete: run "
                "data_prep/generate_faces.py with the same options to its end"
            )
    return any((folder / "generated.json").is_file() for folder in folders)


def find_folder(
    root: Path, *levels: str, avoid: str | None = None, within: str | None = None
) -> Path | None:
    """Return the folder nearest to root whose entries have names that match.

    levels: regular expressions, of an entry's name, of the name of an entry of that
    one, and so on. avoid: of folders to stay out of. within: what the folder's path
    below root must have in it. Hidden files do not count: macOS leaves some beside
    others (._NAME).
    """
    patterns = [re.compile(level) for level in levels]
    barred = re.compile(avoid) if avoid else None
    folders = deque([(root, 0)])
    while folders:
        folder, depth = folders.popleft()
        place = str(folder.relative_to(root))
        if (not within or re.search(within, place)) and _holds(folder, patterns):
            return folder
        if depth < DEPTH:
            inner = sorted(Path(e) for e in _entries(folder) if e.is_dir())
            folders += [
                (f, depth + 1) for f in inner if not (barred and barred.search(f.name))
            ]
    return None


def _holds(folder: Path, patterns: list[re.Pattern]) -> bool:
    first, *rest = patterns
    return any(
        first.fullmatch(entry.name)
        and (not rest or (entry.is_dir() and _holds(Path(entry), rest)))
        for entry in _entries(folder)
    )


def _entries(folder: Path) -> Iterator[os.DirEntry]:
    # A disk's lost+found may not be read.
    with suppress(PermissionError), os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def unique(found: Iterable[tuple[Key, Path]], kind: str) -> dict[Key, Path]:
    """Return files or folders by key; raise UserError where two have the same one."""
    paths: dict[Key, Path] = {}
    for key, path in found:
        if key in paths:
            both = f"{paths[key]} and {path} are both"
            raise UserError(f"{both} {kind} {key}: remove one")
        paths[key] = path
    return paths


def missing_part(root: Path, what: str, own: str) -> UserError:
    """Return the error that root lacks a part, with what root seems to be instead."""
    hints = [
        hint
        for levels, hint in TELLTALES.items()
        if f"{own}:" not in hint and find_folder(root, *levels)
    ]
    hint = f"; {hints[0]}" if hints else ""
    return UserError(f"{root} has no {what}, down to {DEPTH} folders below it{hint}")
