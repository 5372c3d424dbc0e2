"""Every test of the runner, Caffe's own and ours, on the CPU and on the GPU."""

from functools import partial

from gpu import gtest
from gpu.session import Result, Session, Table, progress

PART = 40  # tests at least that one program runs
CLOCKS = "BenchmarkTest"  # compares clocks: alone, and in three tries
TRIES = 3
GPU_TYPES = ("/2", "/3")  # of a typed test case: float and double on the GPU


def run(session: Session) -> Result:
    tests = gtest.names(list_tests(session))
    timed = [test for test in tests if test.startswith(CLOCKS)]
    tasks = {
        f"{number:02d}": (part, partial(_run, session, part, f"{number:02d}"))
        for number, part in enumerate(parts([t for t in tests if t not in timed]))
    }
    progress(f"suite: {len(tests)} tests in {len(tasks)} parts, {session.jobs} at once")
    results = session.parts("suite", tasks, _line)
    clocks = partial(_try_clocks, session, timed)
    results["clocks"] = session.ledger.once("suite-clocks", timed, clocks)
    return _result(results.values())


def list_tests(session: Session) -> str:
    log = session.out / "logs/suite-list.log"
    command = [session.runner, "--gtest_list_tests"]
    return session.children.run(command, log, cwd=gtest.folder(session.runner)).output


def parts(tests: list[str]) -> list[list[str]]:
    """Divide tests between cases, so that a part has PART of them or a few more."""
    groups: list[list[str]] = [[]]
    for case in gtest.cases(tests).values():
        if len(groups[-1]) >= PART:
            groups.append([])
        groups[-1] += case
    return groups


def _run(session: Session, tests: list[str], name: str, jobs: int = 0) -> dict:
    log = session.out / "logs" / f"suite-{name}.log"
    jobs = jobs or session.jobs
    return gtest.run(session.children, session.runner, tests, log, jobs)


def _try_clocks(session: Session, tests: list[str]) -> dict:
    for _ in range(TRIES):
        result = _run(session, tests, "clocks", jobs=1)
        if not result["ended"]:
            break
    return result


def _line(result: dict) -> str:
    failed = len(result["failed"])
    return f"{len(result['passed'])} passed" + (f", {failed} failed" if failed else "")


def _result(results) -> Result:
    results = list(results)
    passed = [test for result in results for test in result["passed"]]
    failed = {test: why for r in results for test, why in r["failed"].items()}
    ended = [why for r in results if not r["failed"] for why in r["ended"]]
    on_gpu = sum(test.split(".")[0].endswith(GPU_TYPES) for test in passed)
    summary = (
        f"{len(passed)} tests passed, {len(failed)} failed; {on_gpu} of those that "
        "passed are a typed test's GPU half"
    )
    tables = []
    if failed or ended:
        rows = [[test, why] for test, why in failed.items()]
        rows += [["(after its last test)", why] for why in ended]
        tables = [Table("Failed tests", ["test", "why"], rows)]
    return Result(not failed and not ended, summary, tables)
