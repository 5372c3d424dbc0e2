"""compute-sanitizer over the tests of our layers' kernels."""

import re
import shutil
from functools import partial
from pathlib import Path

from gpu import gtest
from gpu.session import Result, Session, Table, progress
from gpu.suite import list_tests

TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
LAYERS = "Region|LocallyConnected|Box|Splice|Batch|MultilabelSigmoidCrossEntropyLoss"
CASES = re.compile(rf"(?:{LAYERS})(?:Layer|Branches|Shapes)Test/[23]")
# A gradient check is hundreds of passes of kernels that the other tests launch too;
# what a death test starts is a program of its own.
LEFT_OUT = re.compile("Gradient$|DeathTest$")
LIMIT = 900  # seconds for one case under one tool
FOUND = re.compile(r"^========= (?:ERROR|RACECHECK) SUMMARY: (.*)$", re.M)
USUAL_PLACE = "/usr/local/cuda/bin/compute-sanitizer"


def run(session: Session) -> Result:
    program = shutil.which("compute-sanitizer") or shutil.which(USUAL_PLACE)
    if program is None:
        where = f"neither on the PATH nor at {USUAL_PLACE}"
        return Result(None, f"compute-sanitizer is {where}")
    groups = sanitized(gtest.names(list_tests(session)))
    first = next(iter(groups.values()), [])[:1]
    probe = partial(_problem, session, program, first)
    problem = session.ledger.once("sanitizer-probe", first, probe)
    if problem:
        return Result(None, f"compute-sanitizer does not run here: {problem}")
    tasks = {
        f"{tool}-{case.replace('/', '_')}": (
            tests,
            partial(check, session, program, tool, case, tests),
        )
        for tool in TOOLS
        for case, tests in groups.items()
    }
    progress(f"sanitizer: {len(groups)} test cases under {len(TOOLS)} tools")
    results = session.parts("sanitizer", tasks, lambda result: result["found"])
    return _result(groups, list(results.values()))


def sanitized(tests: list[str]) -> dict[str, list[str]]:
    """Return the tests that are run, by their case."""
    chosen = [test for test in tests if not LEFT_OUT.search(test)]
    groups = gtest.cases(chosen)
    return {case: names for case, names in groups.items() if CASES.fullmatch(case)}


def _problem(session: Session, program: str, tests: list[str]) -> str:
    """Say why tests that pass do not end in a summary under compute-sanitizer.

    In a sandbox (gVisor) it cannot attach to the program.
    """
    log = session.out / "logs/sanitizer-probe.log"
    run = partial(gtest.run, session.children, session.runner, tests, log)
    result = run(prefix=(program, "--tool", TOOLS[0], "--error-exitcode", "9"))
    said = log.read_text(errors="replace")
    if FOUND.search(said) or run()["passed"] != tests:
        return ""
    lines = [line for line in said.splitlines() if line.startswith("=========")]
    return lines[-1].strip("= ") if lines else "; ".join(result["ended"]) or "silent"


def check(
    session: Session, program: str, tool: str, case: str, tests: list[str]
) -> dict:
    """Run a case's tests under a tool."""
    log = session.out / "logs" / f"sanitizer-{tool}-{case.replace('/', '_')}.log"
    prefix = (program, "--tool", tool, "--error-exitcode", "9")
    result = gtest.run(
        session.children, session.runner, tests, log, session.jobs, prefix, LIMIT
    )
    found = FOUND.findall(log.read_text(errors="replace"))
    return {
        "tool": tool,
        "case": case,
        "tests": len(tests),
        "clean": not result["ended"] and bool(found),
        "found": found[-1] if found else "no summary of compute-sanitizer's",
        "why": "; ".join([*result["failed"].values(), *result["ended"]]),
        "log": Path(log).name,
    }


def _result(groups: dict, results: list[dict]) -> Result:
    bad = [result for result in results if not result["clean"]]
    rows = [
        [tool, str(len(of)), str(sum(r["tests"] for r in of)), str(_bad(of))]
        for tool in TOOLS
        for of in [[r for r in results if r["tool"] == tool]]
    ]
    header = ["tool", "test cases", "tests", "cases with findings"]
    tables = [Table("What compute-sanitizer ran", header, rows)]
    if bad:
        rows = [[r["tool"], r["case"], r["found"], r["why"], r["log"]] for r in bad]
        header = ["tool", "test case", "found", "why", "log"]
        tables.append(Table("Findings", header, rows))
    summary = f"{len(groups)} test cases under {len(TOOLS)} tools: "
    summary += f"{len(bad)} with findings" if bad else "nothing found"
    return Result(bool(results) and not bad, summary, tables)


def _bad(results: list[dict]) -> int:
    return sum(not result["clean"] for result in results)
