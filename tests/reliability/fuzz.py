"""Fuzz Caffe and drml's parsers (make fuzz): each target for some time in all.

A target is one kind of what users bring. Its corpus, log and finds are kept in a folder
of its own, where the next call goes on. A find ends its target's run, to be mended.

A folder begins with what is kept in the repository (--keep): of each target's corpus
what reaches code that its seeds do not, packed, and how long it was fuzzed in all.
Seconds are a processor's, not a clock's: a busy machine takes longer for them.
"""

import argparse
import concurrent.futures
import math
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import pandas as pd
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "tests/data/fuzz"
KEPT = SEEDS / "kept"
FOLDER = Path(__file__).resolve().parent
CAFFE = (
    "net", "solver", "caffemodel", "solverstate", "record", "mean", "list",
    "hdf5_weights", "hdf5_state", "hdf5_data",
)  # fmt: skip
PYTHON = (
    "bp4d_codes", "bp4d_points", "disfa_codes", "disfa_points", "own_csv",
    "points_npy", "points_pts", "picture", "other_picture", "film", "path_csv",
    "tool_table", "dataset_json", "model_json", "python_mean",
)  # fmt: skip
# A net that begins to compute, on a busy machine under the sanitizers.
SECONDS_AN_INPUT = 60
PROTOTXTS = ("net", "solver")
RUNS = ("target", "executions", "seconds", "finds")
MINUTES = 5  # of a run: then the time is written down
MOST_KEPT = 80_000  # bytes of a target's packed corpus; the smallest inputs first


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="fuzz_caffe")
    parser.add_argument("--out", type=Path, required=True, help="corpora and finds")
    parser.add_argument("--seconds", type=int, default=3600, help="a target, in all")
    parser.add_argument(
        "--targets", nargs="+", choices=CAFFE + PYTHON, default=CAFFE + PYTHON
    )
    parser.add_argument("--jobs", type=int, default=1, help="targets at once")
    parser.add_argument("--caffe", action="store_true", help="Caffe's targets only")
    parser.add_argument(
        "--once", action="store_true", help="only read the seeds and what is kept"
    )
    parser.add_argument(
        "--keep", action="store_true", help=f"then renew {KEPT.relative_to(ROOT)}"
    )
    options = parser.parse_args(arguments)
    if options.caffe:
        options.targets = [name for name in options.targets if name in CAFFE]
    return options


def write_dictionary(file: Path) -> None:
    """The words of prototxts: fields, enums' values and layers' types."""
    from drml.nets.pycaffe import caffe  # isort: skip
    from caffe.proto import caffe_pb2

    words = {f'"{kind}"' for kind in caffe.layer_type_list()}
    for message in caffe_pb2.DESCRIPTOR.message_types_by_name.values():
        words |= {f"{field.name}: " for field in message.fields}
        words |= {value for kind in message.enum_types for value in kind.values_by_name}
    lines = ['"' + word.replace('"', '\\"') + '"\n' for word in sorted(words)]
    file.write_text("".join(lines))


def kept_runs() -> pd.DataFrame:
    if (KEPT / "runs.csv").is_file():
        return pd.read_csv(KEPT / "runs.csv")
    return pd.DataFrame(columns=list(RUNS))


def pack(files: list[Path], archive: Path) -> None:
    """The same bytes of the same files."""
    archive.parent.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for file in sorted(files):
            entry = tarfile.TarInfo(file.name)
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                tar.addfile(entry, content)


def unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for entry in tar:
            (folder / Path(entry.name).name).write_bytes(tar.extractfile(entry).read())


class Fuzzing:
    """One target's fuzzing, in a folder of its own."""

    def __init__(self, target: str, options: argparse.Namespace):
        self.target, self.options = target, options
        self.folder = (options.out / target).resolve()
        self.corpus = self.folder / "corpus"
        self.finds = self.folder / "finds"
        self.corpus.mkdir(parents=True, exist_ok=True)
        self.finds.mkdir(exist_ok=True)
        self.log = self.folder / "log"
        self.pace = 1.0  # seconds of the clock for one of a processor, as it last was
        self.runs = self.folder / "runs.csv"
        self.kept = KEPT / f"{target}.tar.xz"
        if not self.runs.is_file():
            kept_runs().query("target == @target").to_csv(self.runs, index=False)
            if self.kept.is_file():
                unpack(self.kept, self.corpus)

    def before(self) -> pd.DataFrame:
        return pd.read_csv(self.runs)

    def command(self, *words: str | Path) -> list[str]:
        command = [str(self.options.program.resolve())]
        if self.target in PYTHON:
            command = [sys.executable, str(FOLDER / "fuzz_python.py")]
        command += [f"-timeout={SECONDS_AN_INPUT}", "-rss_limit_mb=4096"]
        return command + [str(word) for word in words]

    def call(self, log: Path, *words: str | Path) -> tuple[int, float]:
        """Call the fuzzer in a folder of its own; returns its status and seconds."""
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        environment = os.environ | {"FUZZ_TARGET": self.target, "OMP_NUM_THREADS": "1"}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "GLOG_minloglevel": "2"}
        environment["LSAN_OPTIONS"] = f"suppressions={FOLDER / 'lsan.supp'}"
        with tempfile.TemporaryDirectory(dir=memory) as work, log.open("w") as output:
            program = subprocess.Popen(
                self.command(*words),
                cwd=work,
                env=environment,
                stdout=output,
                stderr=output,
            )
            _, status, used = os.wait4(program.pid, 0)
        return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime

    def run(self) -> None:
        """Fuzz for what is left of the time, or to a find."""
        while not self.run_once():
            pass

    def run_once(self) -> bool:
        """Fuzz for some minutes; returns whether that was the end."""
        before = self.before()
        left = math.ceil(self.options.seconds - before["seconds"].sum())
        if left <= 0:
            return True
        time_left = min(math.ceil(left * self.pace), MINUTES * 60)
        words = [f"-max_total_time={time_left}"]
        words += [f"-artifact_prefix={self.finds}/"]
        if self.target in PROTOTXTS:
            words += [f"-dict={self.options.out.resolve() / 'prototxt.dict'}"]
            words += ["-max_len=3000"]
        elif self.target.startswith("hdf5"):
            words += ["-max_len=30000"]
        found, began = set(self.finds.iterdir()), time.monotonic()
        status, seconds = self.call(self.log, *words, self.corpus, SEEDS / self.target)
        self.pace = max(1, (time.monotonic() - began) / max(seconds, 1))
        finds = len(set(self.finds.iterdir()) - found)
        run = [(self.target, self.executions(), round(seconds, 1), finds)]
        run = pd.DataFrame(run, columns=RUNS)
        run.to_csv(self.runs, mode="a", header=False, index=False)
        if status and not finds:
            print(f"{self.target}: ended, status {status}: {self.log}", file=sys.stderr)
        return status != 0

    def read(self) -> None:
        """Read each seed and what is kept, once; a find ends it, as any run."""
        log = self.folder / "once.log"
        words = ["-runs=0", f"-artifact_prefix={self.finds}/"]
        status, _ = self.call(log, *words, self.corpus, SEEDS / self.target)
        if status:
            said = log.read_text(errors="replace")
            raise SystemExit(f"fuzz.py: {self.target}: {said}")

    def keep(self) -> None:
        """Pack what of the corpus reaches code that the seeds do not."""
        with tempfile.TemporaryDirectory() as folder:
            smallest = Path(folder, "smallest")
            shutil.copytree(SEEDS / self.target, smallest)
            seeds = {file.name for file in smallest.iterdir()}
            status, _ = self.call(
                self.folder / "merge.log", "-merge=1", smallest, self.corpus
            )
            if status:
                raise SystemExit(f"fuzz.py: {self.target}: see {self.folder}/merge.log")
            more = [file for file in smallest.iterdir() if file.name not in seeds]
            more.sort(key=lambda file: (file.stat().st_size, file.name))
            pack(more, self.kept)
            while self.kept.stat().st_size > MOST_KEPT:
                more = more[: len(more) * 9 // 10]
                pack(more, self.kept)

    def executions(self) -> int:
        counts = re.findall(r"^#(\d+)\t", self.log.read_text(errors="replace"), re.M)
        return int(counts[-1]) if counts else 0

    def row(self) -> dict:
        runs = self.before()
        return {
            "target": self.target,
            "executions": int(runs["executions"].sum()),
            "seconds": round(runs["seconds"].sum()),
            "corpus": len(list(self.corpus.iterdir())),
            "finds": len(list(self.finds.iterdir())),
        }


def main() -> int:
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    write_dictionary(options.out / "prototxt.dict")
    return campaign(options)


def campaign(options: argparse.Namespace) -> int:
    fuzzings = [Fuzzing(target, options) for target in options.targets]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        work = Fuzzing.read if options.once else Fuzzing.run
        runs = [pool.submit(work, fuzzing) for fuzzing in fuzzings]
        try:
            for run in tqdm(concurrent.futures.as_completed(runs), total=len(runs)):
                run.result()
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    table = pd.DataFrame([fuzzing.row() for fuzzing in fuzzings])
    if options.keep:
        for fuzzing in tqdm(fuzzings):
            fuzzing.keep()
        runs = kept_runs().groupby("target").sum()
        for fuzzing in fuzzings:
            runs.loc[fuzzing.target] = fuzzing.before()[list(RUNS[1:])].sum()
        runs = runs.reindex([name for name in CAFFE + PYTHON if name in runs.index])
        runs = runs.astype({"executions": int, "finds": int}).round(1)
        runs.to_csv(KEPT / "runs.csv")
    print(table.to_string(index=False))
    for fuzzing in fuzzings:
        for find in sorted(fuzzing.finds.iterdir()):
            print(f"found: {find} (see {fuzzing.log})", file=sys.stderr)
    return int(table["finds"].sum() > 0)


if __name__ == "__main__":
    sys.exit(main())
