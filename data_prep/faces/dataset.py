"""The whole generated dataset: its options, and what is still to be drawn."""

import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from data_prep.atomic import write_bytes
from data_prep.errors import UserError
from data_prep.faces import bp4d, disfa, irregular, people

VERSION = 1  # of what the renderer draws: raise it when the same seed draws otherwise
STARTED, DONE = "generating.json", "generated.json"
LAYOUTS = {"bp4d": bp4d, "disfa": disfa}  # each has title, is_finished and generate


@dataclass(frozen=True)
class Options:
    """All that the generated files depend on."""

    layout: str
    subjects: int
    tasks: int  # sequences of each subject
    frames: int
    seed: int
    height: int
    irregular: tuple[str, ...] = ()
    version: int = VERSION

    @cached_property
    def sequences(self) -> list[tuple[str, int]]:
        """(subject, task) of every sequence."""
        return [
            (name, task)
            for name in people.names(self.layout, self.subjects)
            for task in range(1, self.tasks + 1)
        ]

    @cached_property
    def hits(self) -> dict[str, list[tuple[str, int]]]:
        """The sequences that each irregularity hits."""
        return irregular.deal(self.seed, self.irregular, self.sequences)

    def faults(self, name: str, task: int) -> set[str]:
        """The irregularities that hit a sequence."""
        return {kind for kind, hit in self.hits.items() if (name, task) in hit}


def open_root(root: Path, options: Options) -> None:
    """Mark root as being generated, or raise UserError where it is something else."""
    markers = [root / DONE, root / STARTED]
    found = next((marker for marker in markers if marker.is_file()), None)
    if found is None and root.is_dir() and any(root.iterdir()):
        raise UserError(
            f"{root} holds files that were not generated: give an empty or new folder"
        )
    marker = _marker(options)
    if found and (before := _read(found)) != marker:
        raise UserError(
            f"{root} was begun with other options ({_differences(before, marker)}): "
            "repeat those, or give another folder"
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        write_bytes(root / STARTED, json.dumps(marker, indent=2).encode())
    except OSError as error:
        raise UserError(
            f"{root} cannot be written ({error.strerror}): give another folder"
        ) from None
    (root / DONE).unlink(missing_ok=True)


def _read(marker):
    try:
        return dict(json.loads(marker.read_text()))
    except ValueError:
        raise UserError(
            f"{marker} is damaged: remove its folder, or give another"
        ) from None


def _marker(options):
    """The options, and in `hit` the sequences of each irregularity by name."""
    title = LAYOUTS[options.layout].title
    hit = {
        kind: [title(*sequence) for sequence in sequences]
        for kind, sequences in options.hits.items()
    }
    marker = {"what": "generated faces", **asdict(options), "hit": hit}
    return marker | {"irregular": list(options.irregular)}


def _differences(before, now):
    keys = [key for key in now if key != "hit" and before.get(key) != now[key]]
    return ", ".join(f"{key} {before.get(key)}, now {now[key]}" for key in keys)


def close_root(root: Path) -> None:
    """Mark root as complete."""
    os.replace(root / STARTED, root / DONE)


def missing(root: Path, options: Options) -> list[tuple[str, int]]:
    """(subject, task) of all sequences that are not finished yet."""
    layout = LAYOUTS[options.layout]
    return [
        sequence
        for sequence in options.sequences
        if not layout.is_finished(root, *sequence, options.faults(*sequence))
    ]


def generate(root: Path, options: Options, name: str, task: int) -> int:
    """Draw and write one sequence; returns its number of frames."""
    faults = options.faults(name, task)
    LAYOUTS[options.layout].generate(root, options, name, task, faults)
    return options.frames
