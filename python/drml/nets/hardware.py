"""What a measurement was taken on."""

import os
import re
from pathlib import Path

from drml.nets.pycaffe import engine, usual_mode

CARDS = Path("/proc/driver/nvidia/gpus")


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
