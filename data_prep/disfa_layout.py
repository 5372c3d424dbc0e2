"""Where DISFA's videos, AU codes and landmarks lie under a dataset's root.

    Videos_LeftCamera/LeftVideoSN001_comp.avi
    Video_RightCamera/RightVideoSN001_Comp.avi
    ActionUnit_Labels/SN001/SN001_au1.txt
    Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat   or deeper

Folders are found by what they hold, whatever they are called and in whatever case. In
place of videos there may be images: .../SN001/0001.jpg, the right camera's in folders
that are called so.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from data_prep.disfa_landmarks import NAME, check_subject, number_landmarks
from data_prep.errors import UserError
from data_prep.frame_numbers import IMAGE, number_images
from data_prep.source import find_folder, missing_part, unique

CAMERAS = ("left", "right")
SUBJECT = r"(?i:SN\d{3})"
CODES = rf"({SUBJECT})_(?i:au)(\d+)\.txt"


@dataclass(frozen=True)
class Layout:
    """The parts of one copy of DISFA, by subject."""

    root: Path
    camera: str
    videos: dict[str, Path]  # empty where there are images
    images: dict[str, Path]  # folders; empty where there are videos
    labels: dict[str, Path]  # folders
    landmarks: dict[str, Path]  # folders

    @classmethod
    def find(cls, root: Path, camera: str) -> "Layout":
        """Find the parts under root, or raise UserError with what was looked for.

        Landmarks are the left camera's: with the other one there are none.
        """
        labels = _by_subject(root, SUBJECT, CODES)
        if not labels:
            what = "folder of AU codes (SN001/SN001_au1.txt)"
            raise missing_part(root, what, "DISFA")
        videos = _by_subject(root, rf"(?i:{camera}.*{SUBJECT}.*\.avi)")
        images = {} if videos else _images(root, camera)
        if not (videos or images):
            what = f"video of the {camera} camera ({camera.title()}VideoSN001_comp.avi)"
            raise missing_part(root, f"{what} and no images", "DISFA")
        return cls(root, camera, videos, images, labels, _landmarks(root, camera))

    @property
    def parts(self) -> dict[str, dict[str, Path]]:
        """What there is, by the survey's name for it and by subject."""
        parts = {
            "videos": self.videos,
            "images": self.images,
            "AU codes": self.labels,
            "landmarks": self.landmarks,
        }
        return {name: part for name, part in parts.items() if part}

    def describe(self) -> dict[str, str]:
        """Return where the parts are, for the survey."""
        found = {name: self._place(part) for name, part in self.parts.items()}
        none = f"none of the {self.camera} camera: OpenCV detects faces and eyes"
        return found if self.landmarks else found | {"landmarks": none}

    def _place(self, part: dict[str, Path]) -> str:
        folder = next(iter(part.values())).parent.relative_to(self.root)
        return f"{folder}, {len(part)} subjects"

    def coded_aus(self, subject: str) -> dict[int, Path]:
        """Return a subject's files of codes by AU."""
        files = sorted(self.labels[subject].iterdir())
        names = [(re.fullmatch(CODES, file.name), file) for file in files]
        named = [(name, file) for name, file in names if name]
        for name, file in named:
            check_subject(file, name[1], subject)
        return unique(((int(name[2]), file) for name, file in named), f"{subject}'s AU")

    def code_files(self, subject: str, aus: tuple[int, ...]) -> list[Path]:
        """Return a subject's file of codes for each AU."""
        files = self.coded_aus(subject)
        if missing := [au for au in aus if au not in files]:
            raise UserError(
                f"{self.labels[subject]} has no {subject}_au{missing[0]}.txt: "
                "copy it again"
            )
        return [files[au] for au in aus]

    def image_files(self, subject: str) -> dict[int, Path]:
        """Return a subject's images by number; empty without a folder."""
        return number_images(self.images[subject]) if subject in self.images else {}

    def landmark_files(self, subject: str) -> dict[int, Path]:
        """Return a subject's landmark files by label frame."""
        if subject not in self.landmarks:
            return {}
        return number_landmarks(self.landmarks[subject], subject)


def _images(root: Path, camera: str) -> dict[str, Path]:
    """Return folders of images; the right camera's are those that are called so."""
    other = CAMERAS[1 - CAMERAS.index(camera)]
    barred = _word(other)
    own = rf"(?!.*{barred}).*{SUBJECT}.*"
    if camera == "left":
        return _by_subject(root, own, IMAGE, avoid=barred)
    called = _by_subject(root, rf"(?=.*{_word(camera)}){own}", IMAGE, avoid=barred)
    return called or _by_subject(root, own, IMAGE, avoid=barred, within=_word(camera))


def _word(camera: str) -> str:
    """Match Right, but not Bright."""
    return rf"(?:(?<![A-Za-z])(?i:{camera})|{camera.title()})"


def _landmarks(root: Path, camera: str) -> dict[str, Path]:
    if camera != "left":
        return {}
    packed, any_folder = r".*\.zip", r".*"
    inner = [
        (any_folder,) * deep + (name,) for name in (NAME, packed) for deep in range(3)
    ]
    folders = (_by_subject(root, SUBJECT, *levels) for levels in inner)
    return next(filter(None, folders), {})


def _by_subject(
    root: Path, *levels: str, avoid: str | None = None, within: str | None = None
) -> dict[str, Path]:
    """Return what the first level matches, in the folder that is found, by subject."""
    folder = find_folder(root, *levels, avoid=avoid, within=within)
    if folder is None:
        return {}
    entries = sorted(e for e in folder.iterdir() if not e.name.startswith("."))
    named = (
        (re.search(SUBJECT, entry.name)[0].upper(), entry)
        for entry in entries
        if re.fullmatch(levels[0], entry.name) and (len(levels) == 1 or entry.is_dir())
    )
    return unique(named, "subject")
