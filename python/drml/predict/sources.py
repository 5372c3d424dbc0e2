"""What a user names: pictures, folders, patterns, a CSV of paths."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import suppress
from glob import glob, has_magic
from pathlib import Path

import cv2
import numpy as np

from data_prep.base import DamagedFileError, UserError
from data_prep.images import read_image

PICTURES = frozenset(".jpg .jpeg .png .bmp .webp .tif .tiff".split())
PATH = "path"  # the column of a CSV


def find_sources(names: Iterable[str | Path]) -> list[str]:
    """List the pictures that the names stand for, in order and once; folders sorted.

    Raises UserError where a name stands for nothing that can be read.
    """
    found = [path for name in names for path in _find(str(name))]
    if not found:
        raise UserError("there is nothing to look at: name a picture or a folder")
    return list(dict.fromkeys(map(str, found)))


def _find(name: str) -> Iterable[Path]:
    path = Path(name)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return _from_csv(path) if path.suffix.lower() == ".csv" else [_file(path)]
    if not has_magic(name):
        raise UserError(f"{name} does not exist")
    found = list(filter(_is_picture, map(Path, sorted(glob(name, recursive=True)))))
    if not found:
        raise UserError(f"no picture matches {name}")
    return found


def _in_folder(folder: Path) -> list[Path]:
    """List the pictures in a folder, not in those below it (FOLDER/** finds those)."""
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from None
    found = list(filter(_is_picture, files))
    if not found:
        raise UserError(f"{folder} holds no picture (those below it: '{folder}/**')")
    return found


def _is_picture(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.suffix.lower() in PICTURES and not hidden and path.is_file()


def _file(path: Path) -> Path:
    """Accept a file that is named, whatever its name ends in."""
    if path.suffix.lower() not in PICTURES and not cv2.haveImageReader(str(path)):
        raise UserError(f"{path} is no picture that OpenCV reads")
    return path


def _from_csv(file: Path) -> Iterator[Path]:
    """Rows name files, seen from the CSV's folder, in the column `path`."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as text:
        rows = csv.DictReader(text)
        if PATH not in (rows.fieldnames or []):
            raise UserError(f"{file} has no column {PATH!r}, which is to name pictures")
        for row in rows:
            path = file.parent / (row[PATH] or "").strip()
            if not path.is_file():
                raise UserError(f"{file}, line {rows.line_num}: {path} does not exist")
            yield _file(path)


def read_picture(path: str) -> np.ndarray:
    """Return a picture, H x W x 3 uint8 BGR, upright as its EXIF says.

    Raises DamagedFileError where it is not whole.
    """
    image = None
    with suppress(DamagedFileError):  # whose text has the importers' remedy
        whole = Path(path).suffix.lower() in (".jpg", ".jpeg", ".png")
        image = read_image(path) if whole else cv2.imread(path, cv2.IMREAD_COLOR)
    if image is None:
        raise DamagedFileError(f"{path} is not a whole picture")
    return image
