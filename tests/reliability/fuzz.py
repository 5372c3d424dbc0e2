"""Fuzz Caffe and drml's parsers (make fuzz): each target for some time in all.

A target is one kind of what users bring. Its corpus, log and finds are kept in a folder
of its own, where the next call goes on. A find ends its target's run, to be mended.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "tests/data/fuzz"
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


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="fuzz_caffe")
    parser.add_argument("--out", type=Path, required=True, help="corpora and finds")
    parser.add_argument("--seconds", type=int, default=3600, help="a target, in all")
    parser.add_argument(
        "--targets", nargs="+", choices=CAFFE + PYTHON, default=CAFFE + PYTHON
    )
    parser.add_argument("--jobs", type=int, default=1, help="targets at once")
    return parser.parse_args(arguments)


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
        self.runs = self.folder / "runs.csv"

    def before(self) -> pd.DataFrame:
        if self.runs.is_file():
            return pd.read_csv(self.runs)
        return pd.DataFrame(columns=list(RUNS))

    def command(self, seconds: int) -> list[str]:
        command = [str(self.options.program.resolve())]
        if self.target in PYTHON:
            command = [sys.executable, str(FOLDER / "fuzz_python.py"), self.target]
        command += [f"-max_total_time={seconds}", f"-timeout={SECONDS_AN_INPUT}"]
        command += ["-rss_limit_mb=4096", f"-artifact_prefix={self.finds}/"]
        if self.target in PROTOTXTS:
            command += [f"-dict={self.options.out.resolve() / 'prototxt.dict'}"]
        return [*command, str(self.corpus), str(SEEDS / self.target)]

    def run(self) -> None:
        """Fuzz for what is left of the time."""
        before = self.before()
        left = self.options.seconds - int(before["seconds"].sum())
        if left <= 0:
            return
        found = len(list(self.finds.iterdir()))
        began = time.monotonic()
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        environment = os.environ | {"FUZZ_TARGET": self.target, "OMP_NUM_THREADS": "1"}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "GLOG_minloglevel": "2"}
        environment["LSAN_OPTIONS"] = f"suppressions={FOLDER / 'lsan.supp'}"
        with tempfile.TemporaryDirectory(dir=memory) as work, self.log.open("w") as log:
            try:
                subprocess.run(
                    self.command(left),
                    cwd=work,
                    env=environment,
                    stdout=log,
                    stderr=log,
                )
            finally:  # by Ctrl-C, too
                seconds = round(time.monotonic() - began)
                finds = len(list(self.finds.iterdir())) - found
                run = pd.DataFrame(
                    [(self.target, self.executions(), seconds, finds)], columns=RUNS
                )
                pd.concat([before, run]).to_csv(self.runs, index=False)

    def executions(self) -> int:
        counts = re.findall(r"^#(\d+)\t", self.log.read_text(errors="replace"), re.M)
        return int(counts[-1]) if counts else 0

    def row(self) -> dict:
        runs = self.before()
        return {
            "target": self.target,
            "executions": int(runs["executions"].sum()),
            "seconds": int(runs["seconds"].sum()),
            "corpus": len(list(self.corpus.iterdir())),
            "finds": len(list(self.finds.iterdir())),
        }


def main() -> int:
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    write_dictionary(options.out / "prototxt.dict")
    fuzzings = [Fuzzing(target, options) for target in options.targets]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(fuzzing.run) for fuzzing in fuzzings]
        for run in tqdm(concurrent.futures.as_completed(runs), total=len(runs)):
            run.result()
    table = pd.DataFrame([fuzzing.row() for fuzzing in fuzzings])
    print(table.to_string(index=False))
    for fuzzing in fuzzings:
        for find in sorted(fuzzing.finds.iterdir()):
            print(f"found: {find} (see {fuzzing.log})", file=sys.stderr)
    return int(table["finds"].sum() > 0)


if __name__ == "__main__":
    sys.exit(main())
