"""Where BP4D's frames, AU codes and landmarks lie under a dataset's root.

    Sequences(2D+3D)/F001/T1/2440.jpg   or BP4D-training/F001/..., or F001/...
    AUCoding/AU_OCC/F001_T1.csv         or AU_OCC/..., or AUCoding/...
    2DFeatures/F001_T1.mat

Frame numbers are zero-padded to 2, 3 or 4 digits, mixed: files are found by integer.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import UserError

FRAMES = ("Sequences(2D+3D)", "BP4D-training", ".")
LABELS = ("AUCoding/AU_OCC", "AU_OCC", "AUCoding")
LANDMARKS = ("2DFeatures",)

_SUBJECT = re.compile(r"[FM]\d{3}")
_SEQUENCE = re.compile(r"([FM]\d{3})_T(\d+)\.csv")
_IMAGE = re.compile(r"(\d+)\.jpe?g", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """The folders of one copy of BP4D."""

    frames: Path
    labels: Path
    landmarks: Path
    generated: bool  # ROOT/generated.json marks faces that a program drew

    @classmethod
    def find(cls, root: Path) -> "Layout":
        """Find the folders under root, or raise UserError with what was looked for."""
        if not root.is_dir():
            raise UserError(f"{root} is no folder: give the folder that holds BP4D")
        if (root / "generating.json").exists():
            raise UserError(
                f"{root} holds generated faces that are not complete: run "
                "data_prep/generate_faces.py with the same options to its end"
            )
        return cls(
            _first(root, FRAMES, _SUBJECT, "folder of subjects (F001, M001, ...)"),
            _first(root, LABELS, _SEQUENCE, "folder of AU codes (F001_T1.csv, ...)"),
            _first(root, LANDMARKS, None, "folder of landmarks (F001_T1.mat, ...)"),
            (root / "generated.json").is_file(),
        )

    def sequences(self) -> list[tuple[str, int]]:
        """Return (subject, task number) of every coded sequence, sorted."""
        names = (_SEQUENCE.fullmatch(file.name) for file in self.labels.iterdir())
        return sorted((name[1], int(name[2])) for name in names if name)

    def images(self, subject: str, task: int) -> dict[int, Path]:
        """Return a sequence's JPEG files by frame number; empty without a folder."""
        folder = self.frames / subject / f"T{task}"
        images: dict[int, Path] = {}
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if name := _IMAGE.fullmatch(file.name):
                frame = int(name[1])
                if frame in images:
                    raise UserError(
                        f"{images[frame]} and {file.name} are both frame {frame}: "
                        "remove one"
                    )
                images[frame] = file
        return images


def _first(
    root: Path, candidates: tuple[str, ...], entry: re.Pattern | None, what: str
) -> Path:
    """Return the first candidate folder that has an entry of the wanted name."""
    for folder in (root / candidate for candidate in candidates):
        if folder.is_dir() and (
            entry is None
            or any(entry.fullmatch(file.name) for file in folder.iterdir())
        ):
            return folder
    looked = ", ".join(str(root / candidate) for candidate in candidates)
    raise UserError(f"{root} has no {what}: looked in {looked}")
