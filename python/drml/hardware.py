"""What a measurement was taken on."""

import os
from pathlib import Path


def processor() -> str:
    """Name the processor and how many threads Caffe uses of it."""
    threads = os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {threads} threads"
    return f"a CPU, {threads} threads"
