"""Disturbs each stage's command at random, and looks at what comes of it.

HOW is one of

    kill      kill -9 of the command, or of one of the processes below it
    disk      its folder is a tmpfs of a random size, which fills; then it gets more
    twice     the same command is started a second time in the same folder
    readonly  its inputs are on a read-only mount
    memory    its address space is limited (ulimit -v)
    cgroup    its memory is: the kernel kills it, or a process below it

Then the same command is run to its end, undisturbed (after `twice` and `readonly`,
which have to end rightly themselves, it is not). A command that ended by itself has to
have done so with status 0 or with a sentence, and the results have to be the bytes of
runs that were never disturbed. Two of these are made first: what differs between them
is not compared (where LMDBs keep their locks, and when a dataset was looked at).

Each try is a line of CSV, so that a campaign that was interrupted goes on. Moments are
drawn uniformly over the time that an undisturbed run took. The exit status is 1 where
there was a fault. `disk`, `readonly` and `cgroup` want root, who may mount and limit.
"""

import argparse
import contextlib
import csv
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from stages import STAGES, Stage, make_inputs
from tqdm import tqdm

from drml.report.tables import lay_out

FIELDS = ("how", "seed", "stage", "number", "what", "status", "fault")
SENTENCE = re.compile(" error: |^F[0-9]{8} .*] |caffe was ended", re.MULTILINE)
LIMIT = 900  # seconds after which a command hangs
MIB = 1 << 20


class Outcome(NamedTuple):
    """What was done to a command, how it ended, and what is wrong ("": nothing)."""

    what: str
    status: int | str
    fault: str


class Trial:
    """A stage in its folder, with what undisturbed runs leave there."""

    def __init__(self, stage: Stage, work: Path):
        self.stage, self.folder = stage, work / stage.name / "run"
        self.log = work / stage.name / "log"
        known = self._undisturbed()  # each time: Caffe may be another than it was
        self.seconds, self.size = known["seconds"], known["size"]
        self.expected, self.varies = known["files"], known["varies"]

    def _undisturbed(self) -> dict:
        one, other = self._whole_run(), self._whole_run()
        files = one["files"]
        names = sorted(files.keys() | other["files"].keys())
        varies = [n for n in names if files.get(n) != other["files"].get(n)]
        return one | {
            "seconds": min(one["seconds"], other["seconds"]),
            "varies": varies,
        }

    def _whole_run(self) -> dict:
        self.stage.begin(self.folder)
        begun = time.monotonic()
        status = self.wait(self.start())
        seconds = time.monotonic() - begun
        if status:
            sys.exit(f"{self.stage.name} fails undisturbed:\n{self.log.read_text()}")
        files = [file.lstat() for file in self.folder.rglob("*")]
        size = sum(512 * file.st_blocks for file in files)
        found = self.stage.results(self.folder)
        return {"seconds": seconds, "size": size, "files": found}

    def start(self, log: Path | None = None, limits=None) -> subprocess.Popen:
        return self.stage.start(self.folder, log or self.log, limits)

    def wait(self, process: subprocess.Popen) -> int:
        """Return the exit status; what does not end is killed."""
        try:
            return process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            for one in tree(process):
                with contextlib.suppress(psutil.Error):
                    one.kill()
            return process.wait()

    def again(self) -> str:
        """Run the command to its end; returns what is wrong then."""
        status = self.wait(self.start())
        if status:
            return f"then status {status}: {self.last_words()}"
        return self.difference()

    def difference(self) -> str:
        found = self.stage.results(self.folder)
        names = sorted((found.keys() | self.expected.keys()) - set(self.varies))
        other = [n for n in names if found.get(n) != self.expected.get(n)]
        return f"differs: {' '.join(other)}" if other else ""

    def last_words(self, log: Path | None = None) -> str:
        lines = (log or self.log).read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def manners(self, status: int, log: Path | None = None) -> str:
        """Return what is wrong with how a command ended by itself."""
        text = (log or self.log).read_text(errors="replace")
        if status < 0:
            return f"died of signal {-status}: {self.last_words(log)}"
        if "Traceback (most recent call last)" in text:
            return f"traceback: {self.last_words(log)}"
        if status and not SENTENCE.search(text):
            return f"status {status} without a sentence"
        return ""


def tree(process: subprocess.Popen) -> list[psutil.Process]:
    """Return a process and all below it."""
    try:
        first = psutil.Process(process.pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


# ---- What is done to a command


def kill(trial: Trial, rng: np.random.Generator) -> Outcome:
    """Kill the command, or every third time a process below it."""
    for _ in range(50):  # it may be faster than it was
        trial.stage.begin(trial.folder)
        at, below = rng.uniform(0, trial.seconds), rng.random() < 1 / 3
        begun, process = time.monotonic(), trial.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(at)
            trial.seconds = time.monotonic() - begun
            continue
        everyone = tree(process)
        if below and len(everyone) > 1:
            victim = everyone[rng.integers(1, len(everyone))]
        else:
            victim = everyone[0]
        with contextlib.suppress(psutil.NoSuchProcess):
            name = " ".join(victim.cmdline()[:4])[-60:]
            victim.kill()
            break
    else:
        sys.exit(f"{trial.stage.name} is over before it can be killed")
    is_command = victim is everyone[0]
    name = "the command" if is_command else name
    status = trial.wait(process)
    fault = "" if is_command else trial.manners(status)
    fault = fault or trial.again()
    for one in everyone:
        with contextlib.suppress(psutil.NoSuchProcess):
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                fault = fault or f"outlived it: {' '.join(one.cmdline())[:80]}"
                one.kill()
    return Outcome(f"{name} at {at:.2f} of {trial.seconds:.2f} s", status, fault)


def disk(trial: Trial, rng: np.random.Generator) -> Outcome:
    size = int(rng.uniform(4096, 1.1 * trial.size))
    with mounted("tmpfs", f"size={size}", trial.folder):
        try:
            trial.stage.begin(trial.folder)
        except OSError:
            return Outcome(f"{size} of {trial.size} bytes", "", "")  # no room to begin
        status = trial.wait(trial.start())
        fault = trial.manners(status)
        more = f"remount,size={4 * trial.size + 64 * MIB}"
        subprocess.run(["mount", "-o", more, trial.folder], check=True)
        return Outcome(f"{size} of {trial.size} bytes", status, fault or trial.again())


def twice(trial: Trial, rng: np.random.Generator) -> Outcome:
    trial.stage.begin(trial.folder)
    after, log = rng.uniform(0, trial.seconds), trial.log.with_name("log2")
    one = trial.start()
    time.sleep(after)
    other = trial.start(log)
    both = trial.wait(one), trial.wait(other)
    fault = trial.manners(both[0]) or trial.manners(both[1], log)
    if not fault and all(both):
        fault = f"neither ended: {trial.last_words()}; {trial.last_words(log)}"
    status = f"{both[0]} and {both[1]}"
    return Outcome(f"{after:.2f} s later", status, fault or trial.difference())


def readonly(trial: Trial, rng: np.random.Generator) -> Outcome:
    inputs = trial.folder.parents[1] / "inputs"
    trial.stage.begin(trial.folder)
    with mounted("bind", "", inputs):
        status = trial.wait(trial.start())
    fault = trial.manners(status)
    return Outcome("inputs read-only", status, fault or trial.difference())


def memory(trial: Trial, rng: np.random.Generator) -> Outcome:
    trial.stage.begin(trial.folder)
    size = int(rng.uniform(100, 3000)) * MIB
    limits = partial(resource.setrlimit, resource.RLIMIT_AS, (size, size))
    status = trial.wait(trial.start(limits=limits))
    fault = trial.manners(status)
    if not fault and not status:
        fault = trial.difference()
    return Outcome(f"{size // MIB} MiB", status, fault or trial.again())


def cgroup(trial: Trial, rng: np.random.Generator) -> Outcome:
    trial.stage.begin(trial.folder)
    size = int(rng.uniform(30, 400)) * MIB
    with memory_group(size) as join:
        status = trial.wait(trial.start(limits=join))
    fault = "" if status == -signal.SIGKILL else trial.manners(status)
    if not fault and not status:
        fault = trial.difference()
    return Outcome(f"{size // MIB} MiB", status, fault or trial.again())


@contextlib.contextmanager
def memory_group(size: int) -> Iterator[Callable[[], object]]:
    """Make a control group; yields what puts the calling process into it."""
    root = Path("/sys/fs/cgroup")
    if (root / "memory").is_dir():  # version 1
        root, limit = root / "memory", "memory.limit_in_bytes"
    else:
        (root / "cgroup.subtree_control").write_text("+memory")
        limit = "memory.max"
    group = root / f"drml-{os.getpid()}"
    group.mkdir()
    members = group / "cgroup.procs"
    try:
        (group / limit).write_text(str(size))
        yield lambda: members.write_text(str(os.getpid()))
    finally:
        while left := members.read_text().split():
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            time.sleep(0.1)
        group.rmdir()


@contextlib.contextmanager
def mounted(kind: str, options: str, folder: Path) -> Iterator[None]:
    """Mount a tmpfs, or a folder on itself and read-only."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "bind":
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
    else:
        subprocess.run(["mount", "-t", kind, "-o", options, kind, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


WAYS = {way.__name__: way for way in (kill, disk, twice, readonly, memory, cgroup)}


# ---- The campaign


def campaign(options: argparse.Namespace) -> int:
    done = rows(options.csv)
    make_inputs(options.work)
    chosen = [s for s in STAGES if s.name in options.stage]
    ways = [(how, s) for how in options.how for s in chosen]
    if unused := [
        s.name for s in chosen if os.path.ismount(options.work / s.name / "run")
    ]:
        sys.exit(
            f"{unused[0]}/run is mounted: umount it, of a campaign that was killed"
        )
    trials: dict[str, Trial] = {}
    tries = [(number, *way) for number in range(options.count) for way in ways]
    bar = tqdm(tries, unit="try", disable=None)
    for number, how, stage in bar:
        bar.set_description(f"{how}, {stage.name}")
        key = {"how": how, "seed": options.seed, "stage": stage.name, "number": number}
        key = {name: str(value) for name, value in key.items()}
        if any(key.items() <= row.items() for row in done):
            continue
        if stage.name not in trials:
            trials[stage.name] = Trial(stage, options.work)
        place = [options.seed, *f"{how} {stage.name}".encode(), number]
        found = WAYS[how](trials[stage.name], np.random.default_rng(place))
        row = key | {name: str(value) for name, value in found._asdict().items()}
        done.append(row)
        add(options.csv, row)
        if found.fault:
            bar.write(f"{how}, {stage.name}, {number}: {found}")
    return show(options, done)


def rows(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def add(file: Path, row: dict[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = not file.exists()
    with file.open("a", newline="") as text:
        writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def show(options: argparse.Namespace, done: list[dict[str, str]]) -> int:
    """Print a table of what there is of these stages and ways; 1 where faults are."""
    lines, faults = [("how", "stage", "tries", "went on", "faults")], 0
    for how in options.how:
        for name in options.stage:
            own = [r for r in done if (r["how"], r["stage"]) == (how, name)]
            bad = sum(bool(row["fault"]) for row in own)
            faults += bad
            lines.append((how, name, str(len(own)), str(len(own) - bad), str(bad)))
    print(lay_out(str(options.csv), lines, 0, foot=False))
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    names = [stage.name for stage in STAGES]
    add("--how", nargs="+", choices=WAYS, default=["kill"], metavar="HOW")
    add("--stage", nargs="+", choices=names, default=names, metavar="STAGE")
    add("--count", type=int, default=200, help="tries in all (200)")
    add("--seed", type=int, default=1)
    add("--work", type=Path, default=Path("build/reliability/work"))
    add("--csv", type=Path, default=Path("build/reliability/kills.csv"))
    options = parser.parse_args()
    options.work = options.work.absolute()
    options.count = -(-options.count // len(options.stage))  # of each stage
    return campaign(options)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # mounts are undone
    sys.exit(main())
