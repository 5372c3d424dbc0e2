"""What a folder is being written with, so that a rerun goes on and nothing is mixed."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_prep.atomic import write_bytes
from data_prep.errors import UserError

CLAIM = "import.json"
_OTHER = "choose another --out, or delete that folder"


def claim(out: Path, wanted: dict) -> None:
    """Make the folder ours, or refuse one that was written differently.

    What an earlier run did not know (it wrote another format) is added.
    """
    file = out / CLAIM
    empty = not any(out.glob("[!.]*"))
    found = read_json(file)
    if not found and not empty:
        raise UserError(f"{out} holds other files than an import's: {_OTHER}")
    other = [] if empty else _differences(found, wanted)
    if other:
        raise UserError(
            f"{out} holds another import (it differs in: {', '.join(other)}); {_OTHER}"
        )
    if found != found | wanted:
        out.mkdir(parents=True, exist_ok=True)
        write_json(file, found | wanted)


def _differences(found: dict, wanted: dict) -> list[str]:
    if found.get("version") != wanted["version"]:
        return ["version"]
    return [name for name in wanted if name in found and found[name] != wanted[name]]


def read_json(file: Path) -> dict:
    """Return the JSON object that a file holds, an empty one where there is no file."""
    try:
        content = json.loads(file.read_text()) if file.exists() else {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{file} is damaged: delete {file.parent} and import again")
    return content


@contextmanager
def alone(
    folder: Path, who: str = "import", remedy: str = "another --out"
) -> Iterator[None]:
    """Keep others of a kind out of a folder; raise UserError where one is at work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)  # its lock ends with the process
    except OSError as error:
        raise UserError(
            f"{folder} cannot be a folder of results ({error.strerror}): choose "
            f"{remedy}"
        ) from None
    try:
        if not _locks(handle):
            raise UserError(
                f"another {who} is writing {folder}: wait for it, or choose {remedy}"
            )
        yield
    finally:
        os.close(handle)


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some file systems (NFS) cannot lock a folder: go on without
        return True
    return True


def write_json(file: Path, content: dict) -> None:
    """Write a JSON object in one step."""
    write_bytes(file, (json.dumps(content, indent=2) + "\n").encode())
