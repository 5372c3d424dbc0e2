"""What a measurement was taken on."""

import os
from pathlib import Path


def processor() -> str:
    """Name the processor, how many threads Caffe uses of it, and what rules BLAS."""
    threads = os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))
    name = "a CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
    settings = [f"{k}={v}" for k, v in os.environ.items() if k.startswith("OPENBLAS_")]
    return ", ".join([name, f"{threads} threads", *sorted(settings)])
