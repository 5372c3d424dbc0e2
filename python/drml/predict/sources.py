"""What a user names: pictures, folders, patterns, videos, a camera, a CSV of paths."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from data_prep.base import DamagedFileError, UserError, csv_rows
from data_prep.images import decoded, read_image

PICTURES = frozenset(".jpg .jpeg .png .bmp .webp .tif .tiff".split())
VIDEOS = frozenset(".mp4 .avi .mov .mkv .webm .m4v .mpg .mpeg .wmv .3gp .ogv".split())
PATH = "path"  # the column of a CSV


class Source(NamedTuple):
    """A picture, or a video: a file or the number of a camera."""

    path: str
    kind: str  # "picture" or "video"


def is_camera(path: str) -> bool:
    """Whether a source is the number of a camera."""
    return path.isdecimal() and not Path(path).exists()


def find_sources(names: Iterable[str | Path]) -> list[Source]:
    """List what the names stand for, in order and once; folders sorted.

    Raises UserError where a name stands for nothing that can be read.
    """
    found = [source for name in names for source in _find(str(name))]
    if not found:
        raise UserError("there is nothing to look at: name a picture, video or folder")
    return list(dict.fromkeys(found))


def _find(name: str) -> Iterable[Source]:
    path = Path(name)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return _from_csv(path) if path.suffix.lower() == ".csv" else [_file(path)]
    if name.isdecimal():
        return [Source(name, "video")]
    if not has_magic(name):
        raise UserError(f"{name} does not exist")
    found = _all_known(map(Path, sorted(glob(name, recursive=True))))
    if not found:
        raise UserError(f"no picture or video matches {name}")
    return found


def _in_folder(folder: Path) -> list[Source]:
    """List what is in a folder, not in those below it (FOLDER/** finds those)."""
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from None
    found = _all_known(files)
    if not found:
        raise UserError(
            f"{folder} holds no picture or video (those below it: '{folder}/**')"
        )
    return found


def _all_known(paths: Iterable[Path]) -> list[Source]:
    return [source for path in paths if (source := _known(path))]


def _known(path: Path) -> Source | None:
    suffix = path.suffix.lower()
    kind = "picture" if suffix in PICTURES else "video" if suffix in VIDEOS else None
    if kind is None or path.name.startswith(".") or not path.is_file():
        return None
    return Source(str(path), kind)


def _file(path: Path) -> Source:
    """Accept a file that is named, whatever its name ends in."""
    if known := _known(path):
        return known
    if cv2.haveImageReader(str(path)):
        return Source(str(path), "picture")
    if cv2.VideoCapture(str(path), cv2.CAP_FFMPEG).isOpened():
        return Source(str(path), "video")
    raise UserError(f"{path} is neither a picture nor a video that OpenCV reads")


def _from_csv(file: Path) -> Iterator[Source]:
    """Rows name files, seen from the CSV's folder, in the column `path`."""
    rows = csv_rows(file)
    _, header = next(rows, (1, []))
    if PATH not in header:
        raise UserError(f"{file} has no column {PATH!r}, which is to name files")
    column = header.index(PATH)
    for line, row in rows:
        if not row:
            continue
        path = file.parent / "".join(row[column : column + 1]).strip()
        if not path.is_file():
            raise UserError(f"{file}, line {line}: {path} does not exist")
        yield _file(path)


def read_picture(path: str) -> np.ndarray:
    """Return a picture, H x W x 3 uint8 BGR, upright as its EXIF says.

    Raises DamagedFileError where it is not whole.
    """
    image = None
    with suppress(DamagedFileError):  # whose text has the importers' remedy
        whole = Path(path).suffix.lower() in (".jpg", ".jpeg", ".png")
        if whole:
            image = read_image(path)
        else:
            image = decoded(cv2.imread, path, cv2.IMREAD_COLOR)
    if image is None:
        raise DamagedFileError(f"{path} is not a whole picture")
    return image
