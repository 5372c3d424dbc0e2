"""Which image shows which coded frame.

Sources disagree whether BP4D's image number is the coded frame's or one less. Both
ways are tried on what is on disk: a sequence in which one finds more images speaks for
that one. Most sequences tell nothing, since more frames have images than codes, and
one lost image can make one speak wrongly.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from data_prep.records import Frame
from data_prep.source import unique

OFFSETS = (0, -1)
FEWEST = 3  # sequences that must speak for an offset
MOST_AGAINST = 0.1  # of as many may speak for the other
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


def count_votes(pairs: Iterable[tuple[set[int], set[int]]]) -> dict[int, int]:
    """Return by offset how many sequences find more images with it.

    pairs: of every sequence the numbers of its coded frames and of its images.
    """
    votes = dict.fromkeys(OFFSETS, 0)
    for frames, images in pairs:
        hits = {o: sum(frame + o in images for frame in frames) for o in OFFSETS}
        if hits[0] != hits[-1]:
            votes[max(OFFSETS, key=hits.__getitem__)] += 1
    return votes


def choose_offset(votes: dict[int, int], wanted: int | None) -> tuple[int, str]:
    """Return the offset to use and, for the survey, what speaks for it.

    wanted: the user's choice; None takes what the sequences speak for, and 0 where
    they are few or contradict each other.
    """
    told = _told(votes)
    offset = (told or 0) if wanted is None else wanted
    counts = ", ".join(f"{count} for {o}" for o, count in votes.items())
    why = f"{offset:d} (votes of sequences: {counts}"
    if told is None:
        why += "; the files do not tell which is right"
    elif offset != told:
        why += f"; {told} would find more"
    return offset, why + ")"


def _told(votes: dict[int, int]) -> int | None:
    worse, best = sorted(OFFSETS, key=votes.__getitem__)
    clear = votes[best] >= FEWEST and votes[worse] <= MOST_AGAINST * votes[best]
    return best if clear else None
