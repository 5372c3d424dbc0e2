"""Draw generated faces and their AU codes and landmarks in BP4D's own layout.

    ROOT/Sequences(2D+3D)/F001/T1/0001.jpg   ROOT/AUCoding/AU_OCC/F001_T1.csv
    ROOT/2DFeatures/F001_T1.mat              ROOT/generated.json (written last)

A run that was interrupted goes on where it stopped. They are drawings: results on
them are never results on real faces.
"""

import argparse
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import cv2
from tqdm import tqdm

from data_prep.atomic import write_bytes
from data_prep.errors import UserError, run
from data_prep.faces import dataset, sheet


def main(argv: list[str] | None = None) -> None:
    """Write a contact sheet, a dataset, or both."""
    args = arguments(argv)
    if args.contact_sheet:
        write_sheet(args.contact_sheet, args.seed, min(args.subjects, 4))
    if args.root:
        fields = ("subjects", "tasks", "frames", "seed", "height")
        options = dataset.Options(**{name: getattr(args, name) for name in fields})
        write_dataset(args.root, options, args.jobs)


def write_sheet(path: Path, seed: int, subjects: int) -> None:
    """Write the contact sheet of some subjects as a PNG."""
    if path.suffix.lower() != ".png":
        raise UserError(f"{path} is no name for a contact sheet: it must end in .png")
    _, png = cv2.imencode(".png", sheet.contact_sheet(seed, subjects))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, png.tobytes())
    print(f"{path}: generated faces, each action unit alone")


def write_dataset(root: Path, options: dataset.Options, jobs: int) -> None:
    """Draw every sequence that root lacks, some at a time; jobs changes no byte."""
    dataset.open_root(root, options)
    todo = dataset.missing(root, options)
    total = options.subjects * options.tasks * options.frames
    done = total - len(todo) * options.frames
    pool = ProcessPoolExecutor(jobs, initializer=prepare_worker)
    with pool, tqdm(total=total, initial=done, unit=" faces") as progress:
        work = [pool.submit(dataset.generate, root, options, *one) for one in todo]
        try:
            for one in as_completed(work):
                progress.update(one.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)  # those begun are finished
            raise
    dataset.close_root(root)


def prepare_worker() -> None:
    """One thread a process; Ctrl-C is the parent's to handle."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the options; argparse exits with 2 on bad usage."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("root", metavar="ROOT", type=Path, nargs="?", help="an empty or new folder")
    add("--subjects", type=between(1, 41), default=41, help="people")
    add("--tasks", type=between(1, 99), default=8, help="sequences of each")
    add("--frames", type=between(1, 9000), default=25, help="frames of a sequence")
    add("--seed", type=between(0, 2**31), default=1, help="same seed, same bytes")
    add("--height", type=between(174, 2784), default=696, help="of a frame; BP4D: 1392")
    add("--jobs", type=between(1, 999), default=os.cpu_count(), help="processes")
    add("--contact-sheet", metavar="PNG", type=Path, help="write a sheet of all AUs")
    args = parser.parse_args(argv)
    if not (args.root or args.contact_sheet):
        parser.error("give ROOT, --contact-sheet or both")
    return args


def between(least: int, most: int):
    """Return an argparse type: a whole number of least..most."""

    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            problem = f"{text!r} is no whole number from {least} to {most}"
            raise argparse.ArgumentTypeError(problem)
        return int(text)

    return number


if __name__ == "__main__":
    run(main)
