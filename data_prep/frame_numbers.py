"""Which image shows which coded frame.

Sources disagree whether BP4D's image number is the coded frame's or one less. Both
ways are tried on what is on disk, and the one that finds more images is taken.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from data_prep.records import Frame
from data_prep.source import unique

OFFSETS = (0, -1)
IMAGE = r"(?!\.)(?:.*\D)?(\d+)\.(?i:jpe?g|png)"  # hidden files are no images


def number_images(folder: Path) -> dict[int, Path]:
    """Return a folder's images by the number that ends their names, however padded."""
    files = sorted(folder.iterdir()) if folder.is_dir() else ()
    names = ((re.fullmatch(IMAGE, file.name), file) for file in files)
    return unique(((int(name[1]), file) for name, file in names if name), "frame")


def coded_images(images: dict[int, Path], offset: int) -> dict[int, tuple[str, Frame]]:
    """Return by coded frame what its image is called, and the image."""
    return {
        number - offset: (file.stem, Frame(str(file)))
        for number, file in images.items()
    }


def count_hits(pairs: Iterable[tuple[set[int], set[int]]]) -> dict[int, int]:
    """Return by offset how many coded frames have an image.

    pairs: of every sequence the numbers of its coded frames and of its images.
    """
    hits = dict.fromkeys(OFFSETS, 0)
    for frames, images in pairs:
        for offset in OFFSETS:
            hits[offset] += sum(frame + offset in images for frame in frames)
    return hits


def choose_offset(hits: dict[int, int], wanted: int | None) -> tuple[int, str]:
    """Return the offset to use and, for the survey, what speaks for it.

    wanted: the user's choice; None takes what finds more images, and 0 in a tie.
    """
    best = max(OFFSETS, key=hits.__getitem__)
    offset = best if wanted is None else wanted
    counts = ", ".join(f"{count} with {o}" for o, count in hits.items())
    why = f"{offset:d} (images found: {counts}"
    if hits[0] == hits[-1]:
        why += "; the files do not tell which is right"
    elif offset != best:
        why += f"; {best} would find more"
    return offset, why + ")"
