"""Tests of a gtest runner by name, so that one that ends it costs only itself."""

import os
import re
from pathlib import Path
from typing import Optional

from gpu.children import LIMIT, Children, Ended

VERDICT = re.compile(r"^\[ +(RUN|OK|FAILED) +\] ([\w/]+\.[\w/]+)", re.M)
DATA = "src/caffe/test/test_data"  # where the runner looks, from the folder it runs in


def folder(runner: Path) -> Optional[Path]:
    """Return the folder to run in: beside a portable runner, or a build's caffe/."""
    for place in (runner.parent, runner.parent.parent / "caffe"):
        if (place / DATA).is_dir():
            return place
    return None


def names(listing: str) -> list[str]:
    """Read what --gtest_list_tests prints: `Case/0.` and, indented, its tests."""
    tests, case = [], ""
    for line in listing.splitlines():
        word = line.split("#")[0].strip()
        if re.fullmatch(r"[\w/]+\.", word) and not line.startswith(" "):
            case = word
        elif re.fullmatch(r"[\w/]+", word) and line.startswith("  ") and case:
            tests.append(case + word)
    return tests


def cases(tests: list[str]) -> dict[str, list[str]]:
    """Group tests by their case, in order."""
    groups: dict[str, list[str]] = {}
    for test in tests:
        groups.setdefault(test.split(".")[0], []).append(test)
    return groups


def run(
    children: Children,
    runner: Path,
    tests: list[str],
    log: Path,
    jobs: int = 1,
    prefix: tuple = (),
    limit: float = LIMIT,
) -> dict:
    """Run tests, and those after one that ended the program in a program anew.

    Returns {"passed": names, "failed": {name: why}, "ended": [reason of every program
    that failed]}; `prefix` comes before the runner, `jobs` such calls share the cores.
    """
    passed, failed, ended, left = [], {}, [], list(tests)
    while left:
        turn = log.with_name(f"{log.stem}.{len(ended)}{log.suffix}") if ended else log
        result = children.run(
            [
                *(*prefix, runner, f"--gtest_filter={':'.join(left)}"),
                "--gtest_color=no",
                "--gtest_death_test_style=threadsafe",  # a forked child has no CUDA
            ],
            turn,
            limit,
            cwd=folder(runner),
            env=_environment(jobs),
        )
        verdicts = _verdicts(result, left)
        passed += [test for test, why in verdicts.items() if why is None]
        failed.update({test: why for test, why in verdicts.items() if why is not None})
        left = [test for test in left if test not in verdicts]
        if result.status != 0:
            ended.append(result.reason)
    return {"passed": passed, "failed": failed, "ended": ended}


def _environment(jobs: int) -> dict:
    threads = max(1, (os.cpu_count() or 1) // jobs)
    own = {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": str(threads)}
    return {**os.environ, **own, "GLOG_logtostderr": "1"}


def _verdicts(result: Ended, asked: list[str]) -> dict[str, Optional[str]]:
    """Return why each test failed, None of one that passed; at least one's."""
    verdicts: dict[str, Optional[str]] = {}
    running = None
    for verdict, test in VERDICT.findall(result.output):
        running = test if verdict == "RUN" else None
        if not running:
            verdicts[test] = None if verdict == "OK" else "failed"
    if running:
        verdicts[running] = f"ended the program: {result.reason}"
    elif not verdicts:
        verdicts = dict.fromkeys(asked, f"not run: {result.reason}")
    return verdicts
