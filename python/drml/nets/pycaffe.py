"""pycaffe without Caffe's chatter, `from drml.nets.pycaffe import caffe`; and what it
runs on."""

import os
import re
import tempfile
from pathlib import Path

import caffe
from caffe.proto import caffe_pb2
from data_prep.base import UserError

CARDS = Path("/proc/driver/nvidia/gpus")

caffe.init_log(1, True)  # warnings and errors only; glog allows one call a process


def load_net(param: caffe_pb2.NetParameter, phase: int = caffe.TEST) -> caffe.Net:
    """Build a net that is in no file."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(str(param))
        file.flush()
        return caffe.Net(file.name, phase)


def usual_mode() -> str:
    """Return "gpu" where there is a usable one, which `caffe train` uses, or "cpu"."""
    return "gpu" if caffe.has_usable_gpu() else "cpu"


def check_mode(asked: str | None) -> None:
    """Raise UserError where a GPU is asked for that nets cannot be computed on."""
    if asked == "gpu" and usual_mode() == "cpu":
        raise UserError(
            "there is no GPU here that this build of Caffe can use: ask for the CPU, "
            "or build Caffe with CUDA (make CPU_ONLY=0)"
        )


def choose_mode(asked: str | None = None) -> str:
    """Have nets computed as asked, or else in the usual mode; returns which.

    UserError where a GPU is asked for that this machine or this Caffe does not have.
    """
    check_mode(asked)
    mode = asked or usual_mode()
    caffe.set_mode_gpu() if mode == "gpu" else caffe.set_mode_cpu()
    return mode


def engine(mode: str | None = None) -> str:
    """Name the code that computes nets, in the usual mode or another."""
    if (mode or usual_mode()) == "gpu":
        return "CUDA"
    return "oneDNN" if caffe.onednn_is_default() else "Caffe's own code"


def hardware(mode: str | None = None) -> str:
    """Name what nets are computed on in this mode, and by which code."""
    return gpu() if (mode or usual_mode()) == "gpu" else processor()


def gpu() -> str:
    """Name the graphics card, unless there are different ones."""
    texts = [file.read_text() for file in CARDS.glob("*/information")]
    names = {m[1] for text in texts if (m := re.search(r"Model:\s*(.+)", text))}
    return names.pop() if len(names) == 1 else "a GPU"


def processor() -> str:
    """Name the processor, how many threads Caffe uses of it, and by which code."""
    threads = os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))
    name = "a CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
    core = os.environ.get("OPENBLAS_CORETYPE")  # changes times several-fold
    said = [f"OPENBLAS_CORETYPE={core}"] if core else []
    return ", ".join([name, f"{threads} threads", engine("cpu"), *said])
