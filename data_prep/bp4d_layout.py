"""Where BP4D's frames, AU codes and landmarks lie under a dataset's root.

    Sequences(2D+3D)/F001/T1/2440.jpg   or BP4D-training/F001/..., or F001/...
    AUCoding/AU_OCC/F001_T1.csv         or AU_OCC/..., or AUCoding/...
    2DFeatures/F001_T1.mat

Folders are found by what they hold, whatever they are called. Frame numbers are
zero-padded to 2, 3 or 4 digits, mixed: files are found by integer, and so are tasks.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data_prep.frame_numbers import number_images
from data_prep.source import find_folder, missing_part, unique

FRAMES, LABELS, LANDMARKS = "Sequences(2D+3D)", "AUCoding/AU_OCC", "2DFeatures"

NO_LANDMARKS = "none: OpenCV detects faces and eyes"

_SUBJECT, _TASK, _IMAGE = r"[FM]\d{3}", r"T\d+", r"\d+\.(?i:jpe?g)"
_CODES, _POINTS = (rf"({_SUBJECT})_({_TASK})\.{suffix}" for suffix in ("csv", "mat"))


@dataclass(frozen=True)
class Layout:
    """The folders of one copy of BP4D."""

    root: Path
    frames: Path
    labels: Path
    landmarks: Path | None

    @classmethod
    def find(cls, root: Path) -> "Layout":
        """Find the folders under root, or raise UserError with what was looked for."""
        labels = find_folder(root, _CODES)
        if not labels:
            raise missing_part(root, "folder of AU codes (F001_T1.csv, ...)", "BP4D")
        frames = find_folder(root, _SUBJECT, _TASK, _IMAGE)
        if not frames:
            raise missing_part(root, "folder of frames (F001/T1/2440.jpg)", "BP4D")
        landmarks = find_folder(root, _POINTS)
        return cls(root, frames, labels, landmarks)

    @property
    def parts(self) -> dict[str, Path]:
        """The folders that there are, by the survey's names for them."""
        landmarks = {"landmarks": self.landmarks} if self.landmarks else {}
        return {"frames": self.frames, "AU codes": self.labels} | landmarks

    def describe(self) -> dict[str, str]:
        """Return where the parts are, for the survey."""
        found = {
            name: str(place.relative_to(self.root))
            for name, place in self.parts.items()
        }
        return found | ({} if self.landmarks else {"landmarks": NO_LANDMARKS})

    def sequences(self) -> list[tuple[str, int]]:
        """Return (subject, task number) of every coded sequence, sorted."""
        names = (name.split("_T") for name in self._codes)
        return sorted((subject, int(task)) for subject, task in names)

    def codes(self, subject: str, task: int) -> Path:
        """Return a sequence's file of AU codes."""
        return self._codes[f"{subject}_T{task}"]

    def points(self, subject: str, task: int) -> Path | None:
        """Return a sequence's landmark file, if there is one."""
        return self._points.get(f"{subject}_T{task}")

    def images(self, subject: str, task: int) -> dict[int, Path]:
        """Return a sequence's images by number; empty without a folder."""
        folders = _by_sequence(self.frames / subject, rf"()({_TASK})")
        folder = folders.get(f"_T{task}")
        return number_images(folder) if folder else {}

    @cached_property
    def _codes(self) -> dict[str, Path]:
        return _by_sequence(self.labels, _CODES)

    @cached_property
    def _points(self) -> dict[str, Path]:
        return _by_sequence(self.landmarks, _POINTS) if self.landmarks else {}


def _by_sequence(folder: Path, pattern: str) -> dict[str, Path]:
    """Return what matches by F001_T1, whether its name has T1 or T01."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else ()
    names = ((re.fullmatch(pattern, entry.name), entry) for entry in entries)
    named = ((f"{n[1]}_T{int(n[2][1:])}", entry) for n, entry in names if n)
    return unique(named, "sequence")
