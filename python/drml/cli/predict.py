"""Find the faces in your own pictures, and say which AUs they show.

SOURCE is a picture, a folder of them, a pattern ('photos/**/*.jpg'), or a CSV whose
column `path` names pictures. Weights that `drml train` made find their net, mean image
and AUs beside them; for others give --net, --mean and --aus. --demo takes the net that
`make demo` trained: on drawings, which every output says.

Writes OUT/pictures.csv, a row a face with OpenFace's columns (docs/predict.md says what
they mean), and with --annotate each picture with its faces under OUT/pictures. Damaged
pictures are named and left out; the exit status is 1 then.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from data_prep.base import DamagedFileError, UserError, write
from data_prep.detection import SMALL
from drml.cli.options import UsageError
from drml.predict import tables
from drml.predict.annotate import annotated
from drml.predict.detector import Detector, Seen
from drml.predict.sources import find_sources, read_picture
from drml.predict.trained import demo_weights


def run(options: argparse.Namespace) -> int:
    check(options)
    paths = find_sources(options.sources)
    weights = demo_weights() if options.demo else options.weights
    detector = Detector(options.net, weights, options.mean, options.aus)
    if detector.notice:
        say(f"warning: {weights} was {detector.notice}")
    found, lost = [], 0
    for path, seen in tqdm(
        detector.pictures(paths), "faces", len(paths), unit="picture", disable=None
    ):
        if isinstance(seen, DamagedFileError):
            say(f"left out: {seen}")
            lost += 1
            continue
        warn_of_small(path, seen)
        found += tables.rows(path, seen, detector.aus, detector.notice)
        if options.annotate:
            draw(path, seen, detector, options.out)
    if lost == len(paths):
        raise UserError("none of the pictures can be read; nothing was written")
    table = tables.frame_of(found, detector.aus, detector.notice)
    summarise(table, detector)
    if options.format == "fex":
        table = tables.as_fex(table, detector.aus)
    out = options.out / "pictures.csv"
    write(out, tables.csv(table))
    print(f"written: {out}")
    return 1 if lost else 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="picture, folder, pattern or CSV")
    add("--weights", type=Path, help=".caffemodel")
    add("--demo", action="store_true", help="take the weights of make demo")
    add("--net", type=Path, help="deploy prototxt")
    add("--mean", type=Path, help="mean.binaryproto of the net's training faces")
    add("--aus", type=int, nargs="+", metavar="AU", help="of the net's outputs")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--format", choices=tables.FORMATS, default="openface", help="of the CSV")
    add("--annotate", action="store_true", help="write pictures with their faces, too")


def check(options: argparse.Namespace) -> None:
    if options.demo == bool(options.weights):
        raise UsageError("give either --weights or --demo")
    if options.demo and (options.net or options.mean or options.aus):
        raise UsageError("--demo knows its net, mean image and AUs")


def say(text: str) -> None:
    tqdm.write(f"drml predict: {text}", file=sys.stderr)


def warn_of_small(path: str, seen: list[Seen]) -> None:
    small = [face for face in seen if face.face.side < SMALL]
    if small:
        say(
            f"warning: {path}: {len(small)} of {len(seen)} faces are under {SMALL} "
            "pixels, too small for AUs to be seen"
        )


def draw(path: str, seen: list[Seen], detector: Detector, out: Path) -> None:
    """Write OUT/pictures/NAME.jpg; of one name in several folders with its folder's."""
    picture = annotated(read_picture(path), seen, detector.aus, detector.notice)
    name = "-".join(Path(path).parts[-2:]).lstrip("/-")
    write(out / "pictures" / f"{Path(name).stem}.jpg", picture)


def summarise(table, detector: Detector) -> None:
    """Print how many faces there are, and how often each AU is called."""
    faces = table[table["success"] == 1]
    pictures = table["file"].nunique()
    if not len(faces):
        print(f"no face was found in {pictures} pictures")
        return
    print(f"{len(faces)} faces in {pictures} pictures; AUs called present:")
    called = {au: int(faces[f"AU{au:02d}_c"].sum()) for au in detector.aus}
    print("  ".join(f"AU {au}: {count}" for au, count in called.items()))
    if detector.notice:
        print(detector.notice)
