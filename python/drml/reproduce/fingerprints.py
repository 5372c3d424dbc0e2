"""Has a dataset's folder changed? Told without reading all of it.

Its content is the names and sizes of its images and videos and the bytes of its labels
and landmarks, since the former are many and large, and flipping a label changes no
size. While sizes and times of change are as they were, nothing is read.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from data_prep.base import UserError, fingerprint, read_json, write

READ = {".csv", ".txt", ".mat", ".json"}
COUNTED = {".jpg", ".jpeg", ".png", ".bmp", ".avi", ".mp4"}  # other files are not ours


def content(folder: Path, memory: Path | None = None) -> str:
    """Return a dataset's fingerprint, wherever it lies.

    memory: a JSON file that keeps it, for the next time.
    """
    files = list(_files(folder))
    seen = _hash(f"{folder} {name} {_state(file)}" for name, file in files)
    known = _remembered(memory)
    if seen not in known:
        known = {seen: _hash(f"{name} {_content(file)}" for name, file in files)}
        if memory:
            write(memory, json.dumps(_remembered(memory) | known, indent=2) + "\n")
    return known[seen]


def _remembered(memory: Path | None) -> dict:
    try:
        return read_json(memory, "") if memory else {}
    except UserError:
        return {}


def _content(file: Path) -> str | int:
    is_read = file.suffix.lower() in READ
    return fingerprint([file]) if is_read else file.stat().st_size


def _state(file: Path) -> str:
    stat = file.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the dataset's files with their names inside the folder, in order.

    Folders that are links are entered, as the importers enter them.
    """
    found = (
        Path(parent, name)
        for parent, _, names in os.walk(folder, followlinks=True)
        for name in names
    )
    for name in sorted(str(file.relative_to(folder)) for file in found):
        file = folder / name
        if file.suffix.lower() in READ | COUNTED and file.is_file():
            yield name, file


def _hash(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()
