"""One region layer and the release's branches with the same weights: do they agree, how
long do they take, how much memory?

Both nets take the blob "conv1" (N, C, H, W) to one output. They hold nothing else, or
DRML's layers before and after (in_drml): between those, blobs are in the layouts that
the layers want, which a net's input never is.
"""

import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from caffe import layers as L
from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.nets.networks import WEIGHT_AND_BIAS, convolution, max_pooling, rectified
from drml.nets.pycaffe import caffe, load_net
from drml.nets.release import Grid, branches, convert

TOLERANCE = 1e-5  # of a sum of thousands of float32 products, whose rounding is 6e-8
CAFFE = caffe_pb2.ConvolutionParameter.CAFFE  # the same number in all layers


def fill(_std: float, _bias: float, _behind_relu: bool = True) -> dict:
    """Weights that give the convolutions as much to say as the identity."""
    return dict(
        weight_filler=dict(type="msra"), bias_filler=dict(type="gaussian", std=0.1)
    )


def region_net(
    num: int, channels: int, grid: Grid, global_stats=False, in_drml=False
) -> caffe_pb2.NetParameter:
    """A net of one Region layer, region2."""
    net = _before(num, channels, grid, in_drml)
    net.region2 = L.Region(
        net.conv1,
        param=WEIGHT_AND_BIAS,
        region_param=dict(
            grid_h=grid.rows,
            grid_w=grid.columns,
            use_global_stats=global_stats,
            **fill(0.01, 1),
        ),
    )
    return _after(net, net.region2, in_drml)


def branches_net(
    num: int, channels: int, grid: Grid, global_stats=False, in_drml=False
) -> caffe_pb2.NetParameter:
    """The same as the authors released it, all of it by Caffe's own code."""
    net = _before(num, channels, grid, in_drml)
    add = branches(net, net.conv1, grid, fill, channels, global_stats)
    param = _after(net, add, in_drml)
    for layer in param.layer:
        if layer.type in ("Convolution", "ReLU", "Pooling"):
            getattr(layer, f"{layer.type.lower()}_param").engine = CAFFE
    return param


def _before(num: int, channels: int, grid: Grid, in_drml: bool) -> caffe.NetSpec:
    net = caffe.NetSpec()
    height, width = grid.rows * grid.height, grid.columns * grid.width
    if in_drml:
        net.data = L.Input(shape=dict(dim=[num, 3, height + 10, width + 10]))
        net.conv1 = convolution(net.data, fill, channels, 11)
    else:
        net.conv1 = L.Input(shape=dict(dim=[num, channels, height, width]))
    return net


def _after(net: caffe.NetSpec, blob, in_drml: bool) -> caffe_pb2.NetParameter:
    if in_drml:
        net.pool3 = max_pooling(rectified(net, 2, blob), 2)
    param = net.to_proto()
    param.force_backward = True  # down to conv1
    return param


def load_pair(
    num, channels, grid, phase=caffe.TRAIN, global_stats=False, in_drml=False
):
    """Load both nets; the branches get the region layer's weights and statistics."""
    options = num, channels, grid, global_stats, in_drml
    region = load_net(region_net(*options), phase)
    branched = load_net(branches_net(*options), phase)
    copy_weights(region, branched)
    return region, branched


def copy_weights(region: caffe.Net, branched: caffe.Net) -> None:
    """Copy by way of the files that users convert."""
    with tempfile.TemporaryDirectory() as folder:
        ours, release = Path(folder, "ours"), Path(folder, "release")
        region.save(str(ours))
        release.write_bytes(convert(ours, "branches"))
        branched.copy_from(str(release))


def compare(region: caffe.Net, branched: caffe.Net, seed=1) -> dict[str, float]:
    """Run both nets on one random batch, forward and backward.

    Returns the relative error, max |a - b| / max |b|, of the branches' outputs,
    gradients (of the input, the weights and the bias) and statistics.
    """
    rng = np.random.default_rng(seed)
    shape = region.blobs["conv1"].data.shape
    # Away from the mean, where rounding decides on which side of ReLU's kink one is.
    x = rng.choice([-1, 1], shape) * rng.uniform(0.5, 1.5, shape)
    gradient = rng.standard_normal(shape, np.float32)
    ours, release = (_run(net, x, gradient) for net in (region, branched))
    return {
        name: float(abs(release[name] - ours[name]).max() / abs(ours[name]).max())
        for name in ours
    }


def agreement(region: caffe.Net, branched: caffe.Net) -> float:
    """Return the largest error of `compare`; UserError where it is no rounding."""
    error = np.max(list(compare(region, branched).values()))  # keeps a NaN
    if not error <= TOLERANCE:
        raise UserError(f"the two forms differ by {error:.1e}; nothing was timed")
    return error


def _run(net: caffe.Net, x: np.ndarray, gradient: np.ndarray) -> dict[str, np.ndarray]:
    """`gradient` is the loss's by the output; the patches' blobs are put together."""
    (output,) = net.outputs
    net.clear_param_diffs()
    y = net.forward(conv1=x)[output].copy()
    net.backward(**{output: gradient})
    learned = [blobs for name, blobs in net.params.items() if "bn" not in name]
    statistics = [list(blobs)[-3:] for blobs in net.params.values() if len(blobs) > 2]
    return {
        "output": y,
        "input gradient": net.blobs["conv1"].diff.copy(),
        "weight gradient": np.concatenate([blobs[0].diff for blobs in learned]),
        "bias gradient": np.concatenate([blobs[1].diff for blobs in learned]),
        "means": np.concatenate([blobs[0].data for blobs in statistics]),
        "variances": np.concatenate([blobs[1].data for blobs in statistics]),
    }


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
