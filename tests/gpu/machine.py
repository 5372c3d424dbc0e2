"""The machine, its card and what the programs were built with."""

import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import Optional

from data_prep.base import UserError
from gpu import gtest
from gpu.children import Children
from gpu.nets import face_files
from gpu.session import Result, Session, Table

QUERY = ("driver_version", "memory.total", "clocks.max.sm", "power.limit")
LIBRARIES = re.compile(r"lib(cudart|cublas|curand|cudnn|nccl)\.so")


def check(caffe: Path, runner: Path, data: Path, children: Children, out: Path) -> dict:
    """Return what device_query says, or end with a sentence before anything long."""
    for program in (caffe, runner):
        if not os.access(program, os.X_OK) or program.is_dir():
            raise UserError(f"{program} is no program; build it or give another path")
        if missing := [name for name, path in libraries(program).items() if not path]:
            raise UserError(
                f"{program} needs {', '.join(missing)}, which this machine lacks; "
                "install that, or name its folder in LD_LIBRARY_PATH"
            )
    device = query(caffe, children, out)
    if gtest.folder(runner) is None:
        raise UserError(f"{runner} wants the folder {gtest.DATA} of Caffe beside it")
    if not face_files(data):
        raise UserError(f"{data} has no train_0000.h5; `make gpu-data` makes faces")
    return device


def query(caffe: Path, children: Children, out: Path) -> dict:
    """Return the card's properties by the names that Caffe gives them."""
    command = [caffe, "device_query", "-gpu", "0"]
    environment = {**os.environ, "GLOG_logtostderr": "1"}
    ended = children.run(command, out / "logs/device_query.log", 120, env=environment)
    if ended.status != 0:
        raise UserError(ended.sentence if ended.status else ended.reason)
    return dict(re.findall(r"\] ([^:\]]+):\s+(.+)$", ended.output, re.M))


def digest(files: list[Path]) -> str:
    """Return a hash of files' contents."""
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def made_by(caffe: Path, runner: Path, data: Path, device: dict) -> dict:
    """What a result hangs on: programs (and their libcaffe), faces and card."""
    own = [Path(p) for name, p in libraries(caffe).items() if "caffe" in name and p]
    return {
        "programs": digest([caffe, runner, *own]),
        "faces": digest(face_files(data)),
        "card": device.get("Name", "a GPU"),
    }


def libraries(program: Path) -> dict[str, str]:
    """Return the shared libraries of a program and where they are ("": nowhere)."""
    ldd = subprocess.run(["ldd", program], capture_output=True, text=True)
    found = re.findall(r"^\s*(\S+) => (/\S+|not found)", ldd.stdout, re.M)
    return {name: path if path.startswith("/") else "" for name, path in found}


def run(session: Session, device: dict) -> Result:
    named = {
        m[1]: p
        for n, p in libraries(session.caffe).items()
        if (m := LIBRARIES.match(n))
    }
    capability = (
        f"{device.get('Major revision number')}.{device.get('Minor revision number')}"
    )
    facts = [
        ("card", device.get("Name", "a GPU")),
        ("compute capability", capability),
        ("memory of the card", _gib(device.get("Total global memory", ""))),
        ("multiprocessors", device.get("Number of multiprocessors", "")),
        *smi(),
        *((name, Path(path).resolve().name) for name, path in sorted(named.items())),
        ("NCCL", "in the program" if "nccl" in named else "not in the program"),
        ("cuDNN", "in the program" if "cudnn" in named else "not in the program"),
        ("processor", processor()),
        ("tests and programs", session.ledger.made_by["programs"][:12]),
    ]
    rows = [[name, value] for name, value in facts]
    summary = f"{facts[0][1]}, compute capability {capability}"
    return Result(True, summary, [Table("Machine", ["what", "value"], rows)])


def smi() -> list[tuple[str, str]]:
    """What nvidia-smi adds, where there is one."""
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    values = said.stdout.splitlines()[:1] if said.returncode == 0 else []
    names = [name.replace("_", " ").replace(".", " ") for name in QUERY]
    return [pair for line in values for pair in zip(names, line.split(", "))]


def processor() -> str:
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} x {models[0] if models else 'a CPU'}"


def _gib(text: str) -> Optional[str]:
    return f"{int(text) / 2**30:.1f} GiB" if text.isdigit() else text
