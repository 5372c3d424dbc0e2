"""Read JSON and write files, with a remedy for what is missing."""

import json
from pathlib import Path

from data_prep import atomic
from data_prep.errors import UserError


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
