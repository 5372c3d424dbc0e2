"""Fuzzers of drml's parsers: what users bring to an import and to `drml predict`.

A mistake that ends in one sentence (data_prep.base.run) is as it should be; any other
exception, a crash or a hang is a find. `make fuzz` runs this with atheris:

    FUZZ_TARGET=own_csv fuzz_python.py [libFuzzer's options and corpora]
"""

import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import data_prep  # noqa: F401  # isort: skip  # before OpenCV, whose limits it sets
import cv2
import numpy as np

if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["data_prep", "drml"]):
        from data_prep import bp4d, disfa, images, landmarks, own_faces
        from drml.evaluate import dataset, tool_csv
        from drml.predict import sources, trained, video
else:
    from data_prep import bp4d, disfa, images, landmarks, own_faces
    from drml.evaluate import dataset, tool_csv
    from drml.predict import sources, trained, video

from data_prep.aus import BP4D_AUS
from data_prep.base import UserError

FRAMES = 40  # of a video, at most
# Files that the inputs name.
BESIDE = {
    "a.png": cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes(),
    "a.npy": b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '<f4', 'fortran_order': False, 'shape': (49, 2), }".ljust(117)
    + b"\n" + np.arange(98, dtype="<f4").tobytes(),
    "x_iter_1.caffemodel": b"",
}  # fmt: skip


def bp4d_codes(file: Path) -> None:
    bp4d.read_aus(file)
    bp4d.read_labels(file, BP4D_AUS)


def bp4d_points(file: Path) -> None:
    bp4d.read_landmarks(file, range(1, 4))


def disfa_codes(file: Path) -> None:
    disfa.labels_at(next(iter(disfa.read_intensities([file]).values()), 0), 3)


def disfa_points(file: Path) -> None:
    disfa.read_landmarks({1: file}, [1])


def own_csv(file: Path) -> None:
    found = own_faces.find_csv(file, skip_damaged=False)
    for readers in found.readers.values():
        for read in readers:
            read()


def points_npy(file: Path) -> None:
    landmarks.tracked(landmarks.read_landmark_file(file))


def points_pts(file: Path) -> None:
    landmarks.tracked(landmarks.read_landmark_file(file))


def picture(file: Path) -> None:
    images.read_image(str(file))
    if images.is_jpeg(str(file)):
        images.read_image(str(file), 8)


def other_picture(file: Path) -> None:
    (source,) = sources.find_sources([file])
    if source.kind == "picture":
        sources.read_picture(source.path)


def film(file: Path) -> None:
    """A video as an import reads it, and as `drml predict` does."""
    try:
        frames = min(images.count_frames(str(file)), FRAMES)
        whole = images.Video(str(file))
        for number in range(frames):
            whole.read(number)
    except UserError:
        pass
    for frame in video.Frames(str(file)):
        if frame.number == FRAMES:
            break


def path_csv(file: Path) -> None:
    sources.find_sources([file])


def tool_table(file: Path) -> None:
    keys = ("00000000_F001_T1_1", "00000001_F001_T1_2")
    tool_csv.read_tool([file], keys, ["F001"], (1, 12))


def dataset_json(file: Path) -> None:
    dataset.describe(dataset.read_dataset(file.parent))


def model_json(file: Path) -> None:
    trained.find_trained(file.with_name("x_iter_1.caffemodel"))


def mean(file: Path) -> None:
    dataset.load_mean(file, 5)


# By name: what reads a file, and the file's name.
TARGETS: dict[str, tuple[Callable[[Path], None], str]] = {
    "bp4d_codes": (bp4d_codes, "F001_T1.csv"),
    "bp4d_points": (bp4d_points, "F001_T1.mat"),
    "disfa_codes": (disfa_codes, "SN001_au1.txt"),
    "disfa_points": (disfa_points, "SN001_0000_lm.mat"),
    "own_csv": (own_csv, "faces.csv"),
    "points_npy": (points_npy, "face.npy"),
    "points_pts": (points_pts, "face.pts"),
    "picture": (picture, "face.jpg"),
    "other_picture": (other_picture, "face.bin"),
    "film": (film, "F001_T1.avi"),
    "path_csv": (path_csv, "paths.csv"),
    "tool_table": (tool_table, "F001_T1.csv"),
    "dataset_json": (dataset_json, "dataset.json"),
    "model_json": (model_json, "x_model.json"),
    "python_mean": (mean, "mean.binaryproto"),
}


def fuzz(target: str, content: bytes, folder: Path) -> str:
    """Read these bytes in a file of `folder`; return what was refused, or ""."""
    read, name = TARGETS[target]
    file = folder / name
    file.write_bytes(content)
    for other, what in BESIDE.items():
        (folder / other).write_bytes(what)
    try:
        read(file)
    except (UserError, OSError) as error:
        return str(error)
    return ""


def main() -> None:
    target = os.environ["FUZZ_TARGET"]
    folder = Path(tempfile.mkdtemp(dir=os.getcwd()))
    # What libFuzzer calls to merge corpora, by a shell.
    sys.argv[0] = f"{shlex.quote(sys.executable)} {shlex.quote(__file__)}"
    # libFuzzer leaves signals to who handles them, as glog does that Caffe brings.
    for fault in ("SEGV", "BUS", "FPE", "ILL", "ABRT", "TERM"):
        signal.signal(signal.Signals[f"SIG{fault}"], signal.SIG_DFL)
    atheris.Setup(sys.argv, lambda content: fuzz(target, content, folder) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
