#!/usr/bin/env python3
"""Stands in for caffe, the test runner and compute-sanitizer on a GPU.

It prints what they print. The folder that FAKE_GPU names holds `calls`, a line a call,
and what the tests put there to have things go wrong (`wrong`: one word a line).
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

STATE = Path(os.environ["FAKE_GPU"])
STAMP = "I20261122 20:41:06.027275 31783 {}] {}"
NO_GPU = "CUDA sees no GPU here: make one visible, or use solver_mode: CPU and no -gpu."
DEVICE = """Querying GPUs 0
Device id:                     0
Major revision number:         9
Minor revision number:         0
Name:                          NVIDIA Abacus
Total global memory:           150000000000
Number of multiprocessors:     132"""
CASES = {
    "BenchmarkTest/0": ["TestTimer"],
    "BoxLayerTest/0": ["TestForward"],
    "BoxLayerTest/2": ["TestForward", "TestGradient", "TestBadInputDeathTest"],
    "RegionLayerTest/3": ["TestForward", "TestBackward", "TestReshape"],
    "SyncedMemoryTest": ["TestGPURead"],
}


def wrong(word: str) -> bool:
    file = STATE / "wrong"
    return file.exists() and word in file.read_text().split("\n")


def log(text: str, file: str = "caffe.cpp:152") -> None:
    for line in text.splitlines():
        print(STAMP.format(file, line), file=sys.stderr, flush=True)


def fatal(text: str) -> None:
    print(f"F20261122 20:41:06.028247 31783 caffe.cpp:117] {text}", file=sys.stderr)
    sys.exit(1)


def caffe(command: str, *options: str) -> None:
    words = [word for option in options for word in option.split("=", 1)]
    if command == "device_query":
        fatal(NO_GPU) if wrong("no gpu") else log(DEVICE)
    elif command == "train":
        train(Path(words[words.index("-solver") + 1]).read_text(), words)
    else:
        log("*** Benchmark begins ***")
        for layer in ("faces", "data", "conv1"):
            log(f"{layer:>10}\tforward: 2.5 ms.")
            log(f"{layer:>10}\tbackward: 1.5e-05 ms.")
        log("Average Forward-Backward: 9.5 ms.")


def train(solver: str, words: list[str]) -> None:
    value = dict(re.findall(r'^(\w+): "?([^"\n]*)"?$', solver, re.M))
    end, display = int(value["max_iter"]), int(value["display"])
    off = 1.001 if "-gpu" in words and wrong("gpu off") else 1
    for i in range(0, end, display):
        loss = off * 8 * (1 if wrong("no fall") else 0.98**i)
        said = "nan" if wrong("nan") and "-gpu" in words else f"{loss:g}"
        log(f"Iteration {i} ({i / 9} iter/s, 9s/9 iters), loss = {said}", "solver.cpp")
    weights = str(time.time_ns()) if wrong("other weights") else "weights"
    if not wrong("no snapshot"):
        Path(f"{value['snapshot_prefix']}_iter_{end}.caffemodel").write_text(weights)


def runner(option: str, *_more: str) -> int:
    if option == "--gtest_list_tests":
        for case, tests in CASES.items():
            print(f"{case}.  # TypeParam = it", *tests, sep="\n  ")
        return 0
    asked = option.removeprefix("--gtest_filter=").split(":")
    return max(run_test(test) for test in asked)


def run_test(test: str) -> int:
    print(f"[ RUN      ] {test}", flush=True)
    if wrong(f"crash {test}"):
        fatal("CUDA: an illegal memory access was encountered.")
    while wrong(f"hang {test}"):
        time.sleep(0.05)
    failed = wrong(f"fail {test}")
    print(f"[  FAILED  ] {test}, where TypeParam = it" if failed else ok(test))
    return int(failed)


def ok(test: str) -> str:
    return f"[       OK ] {test} (2 ms)"


def sanitizer(_tool: str, tool: str, _code: str, code: str, *program: str) -> int:
    if wrong("no sanitizer"):
        print("========= Error: Target application terminated before first call")
        return 1
    status = subprocess.run(program).returncode
    found = wrong(f"find {tool}")
    print(f"========= ERROR SUMMARY: {int(found)} errors")
    return int(code) if found else status


if __name__ == "__main__":
    name = Path(sys.argv[0]).name
    with (STATE / "calls").open("a") as calls:
        print(name, *sys.argv[1:], file=calls)
    programs = {"caffe": caffe, "runner": runner, "compute-sanitizer": sanitizer}
    sys.exit(programs[name](*sys.argv[1:]))
