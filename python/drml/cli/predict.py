"""Find the faces in your own pictures and videos, and say which AUs they show.

SOURCE is a picture, a video, a folder of them, a pattern ('photos/**/*.jpg'), the
number of a camera (Ctrl-C ends it), or a CSV whose column `path` names files. Weights
that `drml train` made find their net, mean image and AUs beside them; for others give
--net, --mean and --aus. --demo takes the net that `make demo` trained: on drawings,
which every output says.

Writes into OUT pictures.csv, a row a face, and for each video NAME.csv, a row a face
and frame, with OpenFace's columns (docs/predict.md says what they mean); report.html;
with --annotate each picture and video with its faces drawn in. A video that was
interrupted goes on when the command is given again. Damaged files are named and left
out; the exit status is 1 then.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from itertools import chain, count
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from data_prep.base import DamagedFileError, UserError, locked, write
from data_prep.detection import SMALL
from drml.cli.options import UsageError
from drml.predict import tables
from drml.predict.annotate import annotated, write_video
from drml.predict.detector import Detector, Seen
from drml.predict.page import page
from drml.predict.sources import find_sources, is_camera, read_picture
from drml.predict.trained import demo_weights
from drml.predict.video import Frames, analyse

PICTURES = "pictures"  # names their table, and the folder of the annotated ones


def run(options: argparse.Namespace) -> int:
    check_weights(options)
    sources = find_sources(options.sources)
    pictures = named([s.path for s in sources if s.kind == "picture"])
    videos = named([s.path for s in sources if s.kind == "video"], PICTURES)
    keep_sources(options, pictures, videos)
    detector = open_detector(options)
    with locked(options.out, "drml predict"):
        pictures = look_at_pictures(detector, pictures, options) if pictures else None
        videos = watch_videos(detector, videos, options)
        seen = len(videos) + (0 if pictures is None else pictures["file"].nunique())
        if not seen:
            raise UserError("none of it can be read; nothing was written")
        shown = {path: csv for path, csv in videos.items() if Path(path).exists()}
        report = options.out / "report.html"
        write(report, page(detector, pictures, shown))
    print(f"written: {report}")
    if detector.notice:
        print(detector.notice)
    return 1 if seen < len(sources) else 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="picture, video, folder, ...")
    add_weights(parser)
    add("--out", type=Path, required=True, help="folder for the results")
    add(
        "--format", choices=("openface", "fex"), default="openface",
        help="fex: write NAME.fex.csv with py-feat's columns, too",
    )  # fmt: skip
    add("--annotate", action="store_true", help="write pictures and videos with AUs")


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a net."""
    add = parser.add_argument
    add("--weights", type=Path, help=".caffemodel")
    add("--demo", action="store_true", help="take the weights of make demo")
    add("--net", type=Path, help="deploy prototxt")
    add("--mean", type=Path, help="mean.binaryproto of the net's training faces")
    add("--aus", type=int, nargs="+", metavar="AU", help="of the net's outputs")


def check_weights(options: argparse.Namespace) -> None:
    if options.demo == bool(options.weights):
        raise UsageError("give either --weights or --demo")
    if options.demo and (options.net or options.mean or options.aus):
        raise UsageError("--demo knows its net, mean image and AUs")


def open_detector(options: argparse.Namespace) -> Detector:
    """Load the net that the options name; what has to be said of it is said."""
    weights = demo_weights() if options.demo else options.weights
    detector = Detector(options.net, weights, options.mean, options.aus)
    if detector.notice:
        say(f"warning: {weights} was {detector.notice}")
    return detector


def say(text: str) -> None:
    tqdm.write(f"drml predict: {text}", file=sys.stderr)


def look_at_pictures(
    detector: Detector, names: dict[str, str], options: argparse.Namespace
) -> pd.DataFrame | None:
    """Write pictures.csv; returns its table, None where no picture can be read."""
    found = []
    looked = detector.pictures(names)
    for path, seen in tqdm(looked, "faces", len(names), unit="picture", disable=None):
        if isinstance(seen, DamagedFileError):
            say(f"left out: {seen}")
            continue
        warn_of_small(path, seen)
        rows = detector.rows(path, seen)
        found += rows
        if options.annotate:
            picture = read_picture(path), rows, detector.aus, detector.notice
            name = f"{names[path]}.jpg"
            write(options.out / PICTURES / name, annotated(*picture))
    if not found:
        return None
    table = tables.table_of(found, tables.PICTURE, detector.aus, detector.notice)
    csv = options.out / f"{PICTURES}.csv"
    write(csv, tables.csv(table))
    summarise(table, f"{table['file'].nunique()} pictures", detector)
    finish(csv, detector, options)
    return table


def watch_videos(
    detector: Detector, names: dict[str, str], options: argparse.Namespace
) -> dict[str, Path]:
    """Write a table for each video; returns them by the video's path."""
    written = {}
    for path, name in names.items():
        csv = options.out / f"{name}.csv"
        try:
            notes = watch(detector, path, csv)
        except DamagedFileError as damage:
            say(f"left out: {damage}")
            continue
        for note in notes:
            say(f"warning: {note}")
        finish(csv, detector, options, path)
        written[path] = csv
        if options.annotate and not is_camera(path):
            film(detector, path, csv)
    return written


def watch(detector: Detector, path: str, csv: Path) -> list[str]:
    """Write a video's table unless a run before did."""
    with bar(Frames(path).count, Path(path).name) as tick:
        return analyse(detector, path, csv, tick)


def film(detector: Detector, path: str, csv: Path) -> None:
    with bar(Frames(path).count, f"{csv.stem}, annotated") as tick:
        out = write_video(path, csv, detector.aus, detector.notice, tick)
    print(f"written: {out}")


class bar:  # noqa: N801 (used as a function)
    """A progress bar over frames, as a function that is told of frames done."""

    def __init__(self, frames: int, name: str):
        self._bar = tqdm(desc=name, total=frames or None, unit="frame", disable=None)

    def __enter__(self) -> Callable[[int], object]:
        return self._bar.update

    def __exit__(self, *_) -> None:
        self._bar.close()


def finish(
    csv: Path, detector: Detector, options: argparse.Namespace, path: str = ""
) -> None:
    print(f"written: {csv}")
    if options.format == "fex":
        print(f"written: {tables.write_fex(csv, detector.aus, path)}")


def named(paths: Iterable[str], *taken: str) -> dict[str, str]:
    """Name each file's results; of those that would share a name, later ones get -2."""
    names: dict[str, str] = {}
    for path in paths:
        own = f"camera{path}" if is_camera(path) else named_after(path)
        used = {*taken, *names.values()}
        possible = chain([own], (f"{own}-{number}" for number in count(2)))
        names[path] = next(name for name in possible if name not in used)
    return names


def named_after(path: str) -> str:
    """Name results after a file and its folder: photos/a.jpg gives photos-a."""
    *folders, name = Path(path).parts[-2:]
    return "-".join([*folders, Path(name).stem]).lstrip("/-.") or "unnamed"


def keep_sources(
    options: argparse.Namespace, pictures: dict[str, str], videos: dict[str, str]
) -> None:
    """Raise UserError where a result would be written over what is to be looked at."""
    results = [options.out / f"{PICTURES}.csv", options.out / f"{PICTURES}.fex.csv"]
    for name in videos.values():
        kinds = (".csv", ".fex.csv", ".mp4", ".webm")
        results += [options.out / f"{name}{kind}" for kind in kinds]
    results += [options.out / PICTURES / f"{name}.jpg" for name in pictures.values()]
    sources = {
        os.path.realpath(path) for path in (*options.sources, *pictures, *videos)
    }
    for file in results:
        if os.path.realpath(file) in sources:
            raise UserError(f"{file} would be written over: choose another --out")


def warn_of_small(path: str, seen: list[Seen]) -> None:
    small = [face for face in seen if face.face.side < SMALL]
    if small:
        say(
            f"warning: {path}: {len(small)} of {len(seen)} faces are under {SMALL} "
            "pixels, too small for AUs to be seen"
        )


def summarise(table: pd.DataFrame, where: str, detector: Detector) -> None:
    """Print how many faces there are, and how often each AU is called."""
    faces = table[table["success"] == 1]
    if not len(faces):
        print(f"no face was found in {where}")
        return
    print(f"{len(faces)} faces in {where}; AUs called present:")
    called = {au: int(faces[f"AU{au:02d}_c"].sum()) for au in detector.aus}
    print("  ".join(f"AU {au}: {count}" for au, count in called.items()))
