"""Has a file or a dataset's folder changed? Told without reading it again, mostly.

A fingerprint has two parts. "seen" is of sizes and times of change: where it is the
same, nothing is read. Otherwise (a copy, a touch) "content" decides: of a file its
bytes; of a folder the names and sizes of its images and videos and the bytes of its
labels and landmarks, since the former are many and large, and flipping a label changes
no size.
"""

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from data_prep.base import fingerprint

READ = {".csv", ".txt", ".mat", ".json"}
COUNTED = {".jpg", ".jpeg", ".png", ".bmp", ".avi", ".mp4"}  # other files are not ours


def take(path: Path, once: bool = False) -> dict[str, str]:
    """Return a path's fingerprint; once: look through a folder once in this process."""
    now = _now(path, once)
    return {"seen": now, "content": _content(path, now)}


def same(path: Path, earlier: dict[str, str], once: bool = False) -> bool:
    """Tell whether a path that exists is as it was."""
    now = _now(path, once)
    return now == earlier["seen"] or _content(path, now) == earlier["content"]


def seen(path: Path) -> str:
    if not path.is_dir():
        return _state(path)
    return _hash(f"{name} {_state(file)}" for name, file in _files(path))


_seen_once = lru_cache(seen)


def _now(path: Path, once: bool) -> str:
    return _seen_once(path) if once and path.is_dir() else seen(path)


@lru_cache
def _content(path: Path, _seen: str) -> str:
    if not path.is_dir():
        return fingerprint([path])
    return _hash(
        f"{name} {fingerprint([file]) if _is_read(file) else file.stat().st_size}"
        for name, file in _files(path)
    )


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


def _is_read(file: Path) -> bool:
    return file.suffix.lower() in READ


def _hash(lines: Iterator[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()
