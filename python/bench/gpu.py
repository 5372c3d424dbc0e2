"""Caffe against PyTorch on one GPU: training iterations, scoring, the region layer.

Needs PyTorch and numpy, the program bench_net (`make portable`), and the nets that
bench.make_nets writes; no pycaffe. Each formulation of PyTorch is tried, and the
fastest one counts; before, both sides' gradients, updates and probabilities are
compared in FP32. Both have TF32 off, then both on.

Writes bench_gpu.md and bench_gpu.csv into --out, and every measurement as soon as it
is taken into bench_gpu.json: the same command goes on from there.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path

if not find_spec("numpy"):
    sys.exit(f"bench.gpu: error: {sys.executable} has no numpy; call it by a Python "
             "that has numpy and PyTorch (make gpu-bench: GPU_PEER=)")  # fmt: skip

from bench.gpu_measure import NETWORKS, PRECISIONS, Bench, Store, cases
from bench.gpu_results import Table
from bench.variants import HOW, HOW_BY_DEVICE, Arithmetic
from data_prep.base import UserError, fingerprint, run, whole, write
from drml.cli.options import parser


def main() -> None:
    options = parse_options()
    check(options)
    names = ("batch", "iterations", "rounds")
    size = {name: getattr(options, name) for name in names}
    bench = Bench(
        options.program, options.nets, options.peer, **size, limit=options.limit
    )
    store = Store(options.out / "bench_gpu.json", made_on(bench, options.device) | size)
    plan = list(cases(options.precisions, options.networks, options.device))
    for how, case in product(HOW_BY_DEVICE[options.device], plan):
        for _ in bench.measure(case, store, how) if how in options.how else ():
            write_tables(
                options.out, Table(plan, store.values, options.batch), store.made_on
            )
    print((options.out / "bench_gpu.md").read_text())


def check(options: argparse.Namespace) -> None:
    """Raise UserError where something is not there."""
    for path, remedy in (
        (options.program, "make portable builds it"),
        (options.nets, "bench.make_nets writes it"),
        (options.peer, "give a Python that has PyTorch"),
    ):
        if not path.exists():
            raise UserError(f"{path} does not exist; {remedy}")
    find = "import importlib.util as i, sys; sys.exit(not i.find_spec('torch'))"
    if subprocess.run([options.peer, "-c", find]).returncode:
        raise UserError(f"{options.peer} has no PyTorch; name one that has: --peer")


def made_on(bench: Bench, device: str) -> dict[str, object]:
    """Name all that a measurement depends on."""
    on = Arithmetic(device)
    caffe = bench.ours(on).about()
    with bench.peer() as peer:
        about = peer("about", on=on)
    built = [bench.program, *sorted(bench.nets.glob("*.prototxt"))]
    return {
        **about,
        "driver": driver(),
        "Caffe": caffe,
        "Caffe and nets": fingerprint(built)[:12],
    }


def driver() -> str:
    """Return the version of NVIDIA's driver, if there is one."""
    if not shutil.which("nvidia-smi"):
        return "none"
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True).stdout
    return (answer.splitlines() or ["none"])[0]


def write_tables(out: Path, table: Table, made_on: dict[str, object]) -> None:
    about = "; ".join(f"{name}: {value}" for name, value in made_on.items())
    text = "\n".join([
        "# Caffe against PyTorch",
        "",
        f"{about}. Medians of the rounds and the width of their middle half, in",
        "milliseconds an iteration; bold: above what is to be reached.",
        f"`python -m bench.gpu {shlex.join(sys.argv[1:])}`",
        "",
        table.markdown(),
    ])  # fmt: skip
    write(out / "bench_gpu.md", text)
    write(out / "bench_gpu.csv", table.csv())


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--out", type=Path, required=True, help="folder for the tables")
    add("--program", type=Path, default="build/portable/bench/bench_net")
    add("--nets", type=Path, default="build/bench_nets")
    add("--peer", type=Path, default=sys.executable, help="a Python that has PyTorch")
    add("--device", choices=HOW_BY_DEVICE, default="cuda", help="cpu: to try it out")
    add("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    add("--how", nargs="+", choices=HOW, default=list(HOW), help="PyTorch's")
    add("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    add("--batch", type=whole(1), default=128, help="faces an iteration (128)")
    add("--iterations", type=whole(1), default=20, help="of a round (20)")
    add("--rounds", type=whole(1), default=7, help="values of a median (7)")
    add("--limit", type=whole(1), default=300, help="seconds for one to compile (300)")
    return arguments.parse_args()


if __name__ == "__main__":
    run(main)
