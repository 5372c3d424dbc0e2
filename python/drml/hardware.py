"""What a measurement was taken on."""

import os
from pathlib import Path

SETTINGS = ("CAFFE_ENGINE", "OPENBLAS_CORETYPE")  # what changes times several-fold


def processor() -> str:
    """Name the processor, how many threads Caffe uses of it, and by which code."""
    threads = os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))
    name = "a CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
    settings = [f"{k}={os.environ[k]}" for k in SETTINGS if k in os.environ]
    return ", ".join([name, f"{threads} threads", *settings])
