"""Runs long, and looks at whether memory stays flat.

    train    iterations of a small net with a Region layer (10,000)
    images   images through one pycaffe net, whose input changes its size (10,000)
    video    minutes of video through drml predict (60)

The memory (RSS) of the process and of all below it is sampled each second into a CSV,
drawn, and judged: after the first fifth of a run, which warms up, the line through the
samples may not rise by more than FLAT of their median over the time that is left. A run
that is interrupted goes on, as a piece of its own, `images` anew; so does one that is
given a higher count. The exit status is 1 where a piece is not flat.
"""

import argparse
import contextlib
import csv
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import psutil
from matplotlib import rc_context
from matplotlib.figure import Figure
from stages import (
    DRML,
    INPUTS,
    SOLVER,
    TRAIN,
    WEIGHTS,
    environment,
    make_inputs,
    write_net,
)
from tqdm import tqdm

from data_prep.base import write
from drml.figures.style import STYLE, colour, png
from drml.report.tables import lay_out

FLAT = 0.02  # of the median; and at least
FLAT_MIB = 4
WARM = 0.2  # of a piece
FEWEST = 20  # samples after that, which a verdict wants
FIELDS = ("part", "piece", "second", "mib", "done")
RATE = 25  # frames a second
SIDES = range(40, 121, 16)  # pixels of an image; 8 x 8 patches divide them
CONVOLUTIONAL = """
name: "convolutional"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 40 dim: 40 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 3 pad: 1
    weight_filler { type: "msra" } } }
layer { name: "region" type: "Region" bottom: "conv1" top: "region"
  region_param { grid: 8 weight_filler { type: "msra" } } }
layer { name: "relu" type: "ReLU" bottom: "region" top: "region" }
layer { name: "pool" type: "Pooling" bottom: "region" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "norm" type: "LRN" bottom: "pool" top: "norm"
  lrn_param { alpha: 0.0001 } }
layer { name: "conv2" type: "Convolution" bottom: "norm" top: "conv2"
  convolution_param { num_output: 12 kernel_size: 5
    weight_filler { type: "msra" } } }
layer { name: "mean" type: "Pooling" bottom: "conv2" top: "output"
  pooling_param { pool: AVE global_pooling: true } }
layer { name: "prob" type: "Sigmoid" bottom: "output" top: "prob" }
"""


class Sample(NamedTuple):
    """A line of the CSV."""

    part: str
    piece: int
    second: float
    mib: float
    done: int  # iterations, images or frames


# ---- What runs; each yields what is done, while a process is at work


def start(folder: Path, *words: str, **variables: str) -> subprocess.Popen:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            words, cwd=folder, env=environment() | variables, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log,
        )  # fmt: skip


def train(work: Path, iterations: int) -> tuple[subprocess.Popen, Path, str]:
    folder = work / "soak_train" / "run"
    folder.mkdir(parents=True, exist_ok=True)
    solver = SOLVER.replace("max_iter: 60 snapshot: 4", f"max_iter: {iterations}")
    assert solver != SOLVER
    write_net(folder, INPUTS, f"{solver} snapshot: {max(1, iterations // 10)}")
    return start(folder, *DRML, *TRAIN), folder / "log", "Iteration "


def images(work: Path, count: int) -> tuple[subprocess.Popen, Path, str]:
    folder = work / "soak_images"
    write(folder / "net.prototxt", CONVOLUTIONAL)
    (folder / "log").unlink(missing_ok=True)
    program = (sys.executable, __file__, "--forward", str(count))
    # oneDNN keeps 1,024 primitives of shapes that it has seen. There are more, and
    # what comes and goes scatters the heap, which would hide a leak.
    without = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"}
    return start(folder, *program, **without), folder / "log", "images "


def forward(count: int) -> None:
    """Put images through one net, and print how many; the command of `images`."""
    from drml.nets.pycaffe import caffe

    net = caffe.Net("net.prototxt", caffe.TEST)
    rng, done = np.random.default_rng(1), 0
    while done < count:
        shape = rng.integers(1, 5), 3, *rng.choice(list(SIDES), 2)
        net.blobs["data"].reshape(*map(int, shape))
        net.blobs["data"].data[...] = rng.normal(0, 60, shape)
        assert np.isfinite(net.forward()["prob"]).all()
        done += shape[0]
        print(f"images {done}", flush=True)


def video(work: Path, minutes: float) -> tuple[subprocess.Popen, Path, str]:
    folder = work / "soak_video" / "run"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{minutes:g}_minutes.mp4"
    if not file.exists():
        film(work / "inputs" / "video.avi", file, round(60 * RATE * minutes))
    words = ("predict", file.name, "--weights", f"{INPUTS}/{WEIGHTS}", "--out", "out")
    return start(folder, *DRML, *words), folder / f"out/.{file.stem}.csv.part", ""


def film(source: Path, file: Path, frames: int) -> None:
    """Play a short video over and over."""
    capture = cv2.VideoCapture(str(source))
    shown = [image for _, image in iter(capture.read, (False, None))]
    shown += shown[::-1]  # no jump where it begins again
    making = file.with_name(f"making_{file.name}")
    code, size = cv2.VideoWriter_fourcc(*"mp4v"), shown[0].shape[1::-1]
    writer = cv2.VideoWriter(str(making), code, RATE, size)
    for number in tqdm(range(frames), "film", unit="frame", disable=None):
        writer.write(shown[number % len(shown)])
    writer.release()
    making.rename(file)


PARTS = {part.__name__: part for part in (train, images, video)}


# ---- Watching it


def soak(part: str, options: argparse.Namespace, piece: int) -> Iterator[Sample]:
    """Run a part to its end and yield its memory each second."""
    count = getattr(options, part)
    process, log, word = PARTS[part](options.work, count)
    total = round(60 * RATE * count) if part == "video" else count
    watched, begun = psutil.Process(process.pid), time.monotonic()
    with tqdm(total=total, desc=part, disable=None) as bar:
        while process.poll() is None:
            time.sleep(1)
            done = progress(log, word)
            bar.update(done - bar.n)
            mib = memory(watched)
            if mib:
                yield Sample(part, piece, time.monotonic() - begun, mib, done)
    if process.returncode:
        sys.exit(f"{part} ended with status {process.returncode}: see {log.parent}/log")


def memory(process: psutil.Process) -> float:
    """Return the MiB of a process and all below it."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += one.memory_info().rss
    return total / 2**20


def progress(log: Path, word: str) -> int:
    """Return the last number behind a word of a log's end, or that begins a line."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 10_000))
        end = file.read().decode(errors="replace")
        for line in reversed(end.splitlines()[1:]):
            number = line.partition(word)[2] if word else line
            number = number.split(",")[0].split()[:1]
            if number and number[0].isdecimal():
                return int(number[0])
    return 0


# ---- Judging it


class Verdict(NamedTuple):
    """Of one piece."""

    samples: list[Sample]
    rise: float | None  # MiB from the end of the warm-up to the end; None: too short

    @property
    def flat(self) -> bool:
        median = float(np.median([s.mib for s in self.samples]))
        return self.rise is None or self.rise <= max(FLAT_MIB, FLAT * median)

    @property
    def row(self) -> tuple[str, ...]:
        last, first = self.samples[-1], self.samples[0]
        least, most = (f(s.mib for s in self.samples) for f in (min, max))
        rise = "too short" if self.rise is None else f"{self.rise:+.1f}"
        return (
            f"{last.part}, piece {last.piece}", f"{last.done - first.done:,}",
            f"{last.second / 60:.1f}", f"{least:.0f}", f"{most:.0f}", rise,
            "-" if self.rise is None else "yes" if self.flat else "NO",
        )  # fmt: skip


def judge(samples: list[Sample]) -> Verdict:
    begun = samples[0].second + WARM * (samples[-1].second - samples[0].second)
    warm = [(s.second, s.mib) for s in samples if s.second >= begun]
    if len(warm) < FEWEST:
        return Verdict(samples, None)
    seconds, mib = np.array(warm).T
    slope = np.polyfit(seconds, mib, 1)[0]
    return Verdict(samples, float(slope * (seconds[-1] - seconds[0])))


def draw(verdicts: list[Verdict]) -> bytes:
    parts = list(dict.fromkeys(v.samples[0].part for v in verdicts))
    with rc_context(STYLE):
        size = (8.4, 1.9 * len(parts) + 0.4)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(parts), 1, squeeze=False)[:, 0]
        for axes, part in zip(grid, parts, strict=True):
            own = [v for v in verdicts if v.samples[0].part == part]
            for number, verdict in enumerate(own):
                minutes = [s.second / 60 for s in verdict.samples]
                mib = [s.mib for s in verdict.samples]
                axes.plot(minutes, mib, color=colour(number), linewidth=1.2)
            axes.set(title=part, ylabel="MiB", xlabel="minutes")
            axes.set_ylim(0, 1.15 * max(s.mib for v in own for s in v.samples))
        return png(figure)


def read(file: Path) -> list[Sample]:
    if not file.exists():
        return []
    with file.open(newline="") as text:
        return [
            Sample(r["part"], int(r["piece"]), float(r["second"]), float(r["mib"]),
                   int(r["done"]))
            for r in csv.DictReader(text)
        ]  # fmt: skip


def run(options: argparse.Namespace) -> int:
    make_inputs(options.work)
    file = options.csv
    file.parent.mkdir(parents=True, exist_ok=True)
    for part in options.part:
        piece = 1 + max((s.piece for s in read(file) if s.part == part), default=0)
        new = not file.exists()
        with file.open("a", newline="", buffering=1) as text:
            writer = csv.writer(text, lineterminator="\n")
            if new:
                writer.writerow(FIELDS)
            for sample in soak(part, options, piece):
                seconds, mib = f"{sample.second:.1f}", f"{sample.mib:.2f}"
                writer.writerow(sample._replace(second=seconds, mib=mib))
    pieces = groupby(read(file), lambda sample: (sample.part, sample.piece))
    verdicts = [judge(list(own)) for _, own in pieces]
    head = ("part", "done", "minutes", "least MiB", "most MiB", "rise", "flat")
    print(lay_out(str(file), [head, *(v.row for v in verdicts)], 0, foot=False))
    write(file.with_suffix(".png"), draw(verdicts))
    print(f"written: {file.with_suffix('.png')}")
    return 0 if all(verdict.flat for verdict in verdicts) else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--part", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    add("--train", type=int, default=10_000, metavar="ITERATIONS")
    add("--images", type=int, default=10_000, metavar="IMAGES")
    add("--video", type=float, default=60, metavar="MINUTES")
    add("--work", type=Path, default=Path("build/reliability/work"))
    add("--csv", type=Path, default=Path("build/reliability/soak.csv"))
    add("--forward", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.forward:
        forward(options.forward)
        return 0
    options.work = options.work.absolute()
    return run(options)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
