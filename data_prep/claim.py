"""What a folder is being written with, so that a rerun goes on and nothing is mixed."""

import json
from pathlib import Path

from data_prep.atomic import write_bytes
from data_prep.errors import UserError

CLAIM = "import.json"


def claim(out: Path, wanted: dict) -> None:
    """Make the folder ours, or refuse one that was written differently.

    What an earlier run did not know (it wrote another format) is added.
    """
    file = out / CLAIM
    empty = not any(out.glob("[!.]*"))
    found = json.loads(file.read_text()) if file.exists() else {}
    other = [] if empty else _differences(found, wanted)
    if other:
        raise UserError(
            f"{out} holds another import (it differs in: {', '.join(other)}); "
            "choose another --out, or delete that folder"
        )
    if found != found | wanted:
        out.mkdir(parents=True, exist_ok=True)
        write_json(file, found | wanted)


def _differences(found: dict, wanted: dict) -> list[str]:
    if found.get("version") != wanted["version"]:
        return ["version"]
    return [name for name in wanted if name in found and found[name] != wanted[name]]


def write_json(file: Path, content: dict) -> None:
    """Write a JSON object in one step."""
    write_bytes(file, (json.dumps(content, indent=2) + "\n").encode())
