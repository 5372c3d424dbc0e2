"""The whole generated dataset: who is in it, and what is still to be drawn."""

import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from data_prep.atomic import write_bytes
from data_prep.errors import UserError
from data_prep.faces import files, labels, motion
from data_prep.faces.backdrop import HEIGHT, WIDTH
from data_prep.faces.render import Face
from data_prep.faces.subject import Subject
from data_prep.folds import FOLDS, split_subjects

VERSION = 1  # of what the renderer draws: raise it when the same seed draws otherwise
STARTED, DONE = "generating.json", "generated.json"
FIRST_FRAMES = 300  # a sequence's first frame number is drawn from 1 up to this
EVERYONE = [f"F{k:03d}" for k in range(1, 24)] + [f"M{k:03d}" for k in range(1, 19)]


@dataclass(frozen=True)
class Options:
    """All that the generated files depend on."""

    subjects: int
    tasks: int
    frames: int
    seed: int
    height: int
    version: int = VERSION


def names(count: int) -> list[str]:
    """The first `count` subjects: the folds take turns, women and men take turns."""
    lists = []
    for fold in FOLDS:
        people = split_subjects("bp4d", fold)["test"]
        women = [name for name in people if name.startswith("F")]
        men = [name for name in people if name.startswith("M")]
        turn = (women, men) if fold % 2 else (men, women)
        lists.append([*_in_turn(*turn)])
    return list(_in_turn(*lists))[:count]


def _in_turn(*lists):
    for k in range(max(map(len, lists))):
        yield from (one[k] for one in lists if k < len(one))


def open_root(root: Path, options: Options) -> None:
    """Mark root as being generated, or raise UserError where it is something else."""
    markers = [root / DONE, root / STARTED]
    found = next((marker for marker in markers if marker.is_file()), None)
    if found is None and root.is_dir() and any(root.iterdir()):
        raise UserError(
            f"{root} holds files that were not generated: give an empty or new folder"
        )
    if found and (before := _read(found)) != _marker(options):
        raise UserError(
            f"{root} was begun with other options ({_differences(before, options)}): "
            "repeat those, or give another folder"
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        write_bytes(root / STARTED, json.dumps(_marker(options), indent=2).encode())
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
    return {"what": "generated faces", **asdict(options)}


def _differences(before, options):
    now = _marker(options)
    keys = [key for key in now if before.get(key) != now[key]]
    return ", ".join(f"{key} {before.get(key)}, now {now[key]}" for key in keys)


def close_root(root: Path) -> None:
    """Mark root as complete."""
    os.replace(root / STARTED, root / DONE)


def missing(root: Path, options: Options) -> list[tuple[str, int]]:
    """(subject, task) of all sequences that are not finished yet."""
    return [
        (name, task)
        for name in names(options.subjects)
        for task in range(1, options.tasks + 1)
        if not files.is_finished(root, name, task)
    ]


@lru_cache(maxsize=2)
def face(seed: int, name: str) -> Face:
    """A subject, the same in every task and however many others there are."""
    rng = np.random.default_rng([seed, EVERYONE.index(name)])
    return Face(Subject(name, rng))


def generate(root: Path, options: Options, name: str, task: int) -> int:
    """Draw and write one sequence; returns its number of frames."""
    rng = np.random.default_rng([options.seed, EVERYONE.index(name), task])
    person = face(options.seed, name)
    present, strength = labels.sample(rng, options.frames)
    codes = labels.codes(rng, present)
    first = int(rng.integers(1, FIRST_FRAMES + 1))
    grain = _grain(rng)
    images, points = [], []
    for state in motion.states(person.subject, rng, strength):
        image, marks = person.draw(state)
        row = rng.integers(len(grain) - HEIGHT)
        image = cv2.add(image, grain[row : row + HEIGHT], dtype=cv2.CV_8U)
        image, marks = resized(image, marks, options.height)
        images.append(image)
        points.append(marks)
    files.write(root, name, task, first, images, points, codes)
    return options.frames


def _grain(rng):
    """Sensor noise, int16, with rows to spare: each frame takes another part."""
    level = np.float32(rng.uniform(1.0, 3.5))
    grain = rng.standard_normal((HEIGHT + 200, WIDTH, 3), np.float32)
    return np.rint(level * grain).astype(np.int16)


def resized(image, points, height):
    """Bring a frame and its landmarks to another height at the same aspect."""
    if height == HEIGHT:
        return image, points
    size = (round(WIDTH * height / HEIGHT), height)
    scale = np.array(size) / (WIDTH, HEIGHT)
    way = cv2.INTER_AREA if height < HEIGHT else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=way), (points + 0.5) * scale - 0.5
