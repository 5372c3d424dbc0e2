"""Time the nets of region_pair.py, and take their peak memory."""

import multiprocessing
import re
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

from caffe.proto import caffe_pb2
from drml.nets.pycaffe import caffe, load_net


class Times(NamedTuple):
    """Medians in milliseconds."""

    forward: float
    backward: float
    both: float


def times(nets: dict[str, caffe.Net], iterations: int) -> dict[str, Times]:
    """Run the nets in turn, so that whatever else the machine does falls on all."""
    for net in nets.values():
        _timed_pass(net)  # allocates
    passes = {name: [] for name in nets}
    for _ in range(iterations):
        for name, net in nets.items():
            passes[name].append(_timed_pass(net))
    return {
        name: Times(*(1e3 * median(column) for column in zip(*rows, strict=True)))
        for name, rows in passes.items()
    }


def _timed_pass(net: caffe.Net) -> tuple[float, float, float]:
    """Time what is after the layer conv1 and before relu2, if there is one."""
    names = list(net._layer_names)
    end = len(names) - 1
    first = names.index("conv1") + 1
    last = names.index("relu2") - 1 if "relu2" in names else end
    net._forward(0, first - 1)
    forward = _seconds(net._forward, first, last)
    if last < end:
        net._forward(last + 1, end)
        net._backward(end, last + 1)
    backward = _seconds(net._backward, last, first)
    return forward, backward, forward + backward


def _seconds(run: Callable[[int, int], None], start: int, end: int) -> float:
    before = time.perf_counter()
    run(start, end)
    return time.perf_counter() - before


def peak_memory(param: caffe_pb2.NetParameter | None) -> int:
    """Peak resident MiB of a new process that runs the net (None: no net) once."""
    text = param.SerializeToString() if param else None
    context = multiprocessing.get_context("spawn")  # a fork would inherit our memory
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_peak_memory_here, text).result()


def _peak_memory_here(param: bytes | None) -> int:
    if param is not None:
        net = load_net(caffe_pb2.NetParameter.FromString(param), caffe.TRAIN)
        _timed_pass(net)
    status = Path("/proc/self/status").read_text()
    return round(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024)


def table(taken: dict[str, Times], peaks: dict[str, int]) -> str:
    """Lay out the measures of two nets, the second one's as a ratio of the first's."""
    rows = {name: [*taken[name], peaks[name]] for name in taken}
    before, after = rows.values()
    ratios = [f"{b / a:.2f}" for a, b in zip(before, after, strict=True)]
    lines = [("", "forward", "backward", "both [ms]", "peak [MiB]")]
    lines += [(name, *(f"{x:.0f}" for x in row)) for name, row in rows.items()]
    lines.append(("ratio", *ratios))
    return "\n".join(
        f"{line[0]:<12}" + "".join(f"{x:>12}" for x in line[1:]) for line in lines
    )
