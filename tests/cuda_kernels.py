"""What nvcc makes of our kernels may not get worse; `make cuda-check` runs it.

For each kernel in float, compiled for compute capability 9.0: registers, bytes spilled,
bytes of shared memory, and the loads from global memory that a thread has under way:
their number over that of the places where a store or a barrier ends a row of them.
After a change that is meant, `python tests/cuda_kernels.py BUILD` writes the table.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pandas as pd
import pytest

TABLE = Path(__file__).parent / "data/cuda_kernels.csv"
SOURCES = ("region_convolution", "region_parameters", "region_statistics", "local_gpu")
COMPILED = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores, (\d+) bytes spill "
    r"loads.*?Used (\d+) registers(?:.*?(\d+) bytes smem)?",
    re.DOTALL,
)
INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)")
ENDS = ("STG", "STS", "BAR")


def main() -> None:
    found = measure(Path(sys.argv[1]))
    found.to_csv(TABLE)
    print(found.to_string())


def measure(build: Path) -> pd.DataFrame:
    """Return a row a kernel, by its name, of a CUDA build's folder."""
    build = build.resolve()
    rows = [row for source in SOURCES for row in kernels(build, source)]
    return pd.DataFrame(rows).set_index("kernel").sort_index()


def kernels(build: Path, source: str) -> list[dict]:
    said, code = compiled(build, source)
    loads = {
        section.split(",")[0]: loads_under_way(INSTRUCTION.findall(section))
        for section in re.split(r"(?m)^\s*\.section\s+\.text\.", code)[1:]
    }
    rows = []
    # An entry ends where the next one begins.
    for entry in re.split(r"(?=Compiling entry function)", said)[1:]:
        name, stores, reads, registers, shared = COMPILED.search(entry).groups()
        rows.append(
            {
                "kernel": short(name),
                "registers": int(registers),
                "spilled": int(stores) + int(reads),
                "shared": int(shared or 0),
                "loads": loads[name],
            }
        )
    return [row for row in rows if "<float" in row["kernel"]]


def compiled(build: Path, source: str) -> tuple[str, str]:
    """Return what ptxas says of a source, and its machine code as text."""
    commands = json.loads((build / "compile_commands.json").read_text())
    (entry,) = [c for c in commands if c["file"].endswith(f"util/{source}.cu")]
    words = shlex.split(entry["command"])
    words = words[: words.index("-o")]
    words = [w for w in words if not w.startswith(("-c", "--generate-code", "-X"))]
    binary = build / f"{source}.cubin"
    command = [*words, "-arch=sm_90", "-cubin", "-Xptxas", "-v", "-o", binary]
    said = subprocess.run(
        list(map(str, command)), cwd=entry["directory"], text=True, check=True,
        stderr=subprocess.PIPE,
    ).stderr  # fmt: skip
    code = subprocess.run(
        [disassembler(), "-c", binary], check=True, capture_output=True, text=True
    ).stdout
    return said, code


def disassembler() -> Path:
    packages = Path(sysconfig.get_path("purelib"))
    return next(packages.glob("nvidia/cu*/bin/nvdisasm"))


def loads_under_way(instructions: list[str]) -> float:
    rows, row = [], 0
    for instruction in [*instructions, ENDS[0]]:
        if instruction.startswith("LDG"):
            row += 1
        elif instruction.startswith(ENDS) and row:
            rows.append(row)
            row = 0
    return round(sum(rows) / len(rows), 1) if rows else 0.0


def short(name: str) -> str:
    """Return a mangled name as one reads it, without what it takes."""
    shown = subprocess.run(
        ["c++filt", name], capture_output=True, text=True, check=True
    )
    return re.search(r"caffe::(\w+<.*?>)\(", shown.stdout)[1].replace("caffe::", "")


def compiler() -> str:
    nvcc = Path(os.environ.get("CUDA_PATH", "/usr/local/cuda")) / "bin/nvcc"
    command = [nvcc if nvcc.exists() else "nvcc", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.search(r"release ([\d.]+)", said)[1]


def test_no_kernel_gets_worse():
    if compiler() != COMPILER:
        pytest.skip(f"the table is of nvcc {COMPILER}, here is {compiler()}")
    found, known = measure(Path(os.environ["CUDA_BUILD"])), table()
    assert list(found.index) == list(known.index), "write the table anew"
    sizes = ["registers", "spilled", "shared"]
    worse = (found[sizes] > known[sizes]).any(axis=1)
    worse |= found["loads"] < known["loads"]
    both = known.join(found, rsuffix=" now")
    assert not worse.any(), both[worse].to_string()


COMPILER = "13.0"  # nvcc, of which the table is


def table() -> pd.DataFrame:
    return pd.read_csv(TABLE, index_col="kernel")


if __name__ == "__main__":
    main()
