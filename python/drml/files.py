"""Read JSON and write files, with a remedy for what is missing."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from data_prep import atomic
from data_prep.base import UserError


def write(path: Path, content: str | bytes) -> None:
    """Write a file (text as UTF-8) in one step, making its folder if need be."""
    if isinstance(content, str):
        content = content.encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(path, content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def read_json(path: Path, remedy: str) -> dict:
    """Read a JSON object; `remedy` says what to do where it is missing."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; {remedy}") from None
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, no JSON
        raise UserError(f"{path} cannot be read ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} is not a JSON object; {remedy}")
    return value


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give another name to write to, and rename it to `path` if all went well."""
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def fingerprint(paths: Sequence[Path]) -> str:
    """Return a hash of some files' contents."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
