"""Run on a GPU all that can be checked there, and write a report of it.

Needs a CUDA build of `caffe` and of the test runner, and a folder of faces and nets
from `make gpu-data`; no package beside Python's own. Each result is kept in --out as
soon as it is there: a run that was interrupted, or ended by --seconds, goes on when
started again, and nothing is repeated with the same programs, card and faces unless
--redo says so. Exit status: 0 if all steps asked for passed or were skipped, else 1.
"""

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "python"), str(ROOT / "tests")]

from data_prep.base import UserError, run  # noqa: E402
from gpu import losses, machine, report, sanitizer, suite, times, training  # noqa: E402
from gpu.children import Children, StoppedError  # noqa: E402
from gpu.ledger import Ledger  # noqa: E402
from gpu.session import Result, Session, progress  # noqa: E402

STEPS = {
    "suite": suite.run,
    "losses": losses.run,
    "times": times.run,
    "train": training.run,
    "sanitizer": sanitizer.run,
}


def main() -> int:
    options = parse_options()
    children = Children(options.seconds)
    caffe, runner = options.caffe.resolve(), options.runner.resolve()
    out, data = options.out.resolve(), options.data.resolve()
    try:
        device = machine.check(caffe, runner, data, children, out)
        made_by = machine.made_by(caffe, runner, data, device)
        ledger = Ledger(out / "results", made_by)
        session = Session(
            caffe, runner, data, options.nets.resolve(), out, max(1, options.jobs),
            children, ledger,
        )  # fmt: skip
        return run_steps(session, options, machine.run(session, device))
    except StoppedError as stopped:
        raise UserError(f"{stopped}; the same command goes on") from None
    except KeyboardInterrupt:
        children.stop()
        raise


def run_steps(session: Session, options: argparse.Namespace, host: Result) -> int:
    """Run the steps asked for, writing the report after each."""
    results = {"machine": host, **{step: kept(session, step) for step in STEPS}}
    if options.redo:
        for step in options.only:
            session.ledger.forget(step)
            results[step] = None
    for number, step in enumerate(options.only, 1):
        complete = False
        try:
            results[step] = run_step(session, step)
            complete = number == len(options.only)
        finally:
            report.write(options.report, results, options.commit, complete)
    failed = [step for step in options.only if results[step].passed is False]
    progress(f"report: {options.report}" + (f"; failed: {failed}" if failed else ""))
    return 1 if failed else 0


def run_step(session: Session, step: str) -> Result:
    """Run one; what it lacks is its failure, and no other's."""
    progress(f"== {step}")
    try:
        result = STEPS[step](session)
    except (UserError, OSError) as error:
        result = Result(False, str(error))
    session.ledger.keep(step, None, asdict(result))
    progress(f"{step}: {report.verdict(result)}: {result.summary}")
    return result


def kept(session: Session, step: str):
    record = session.ledger.kept(step)
    return record and Result.of(record)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--caffe", type=Path, required=True, help="the caffe program, built for CUDA")
    add("--runner", type=Path, required=True, help="the test runner, likewise")
    add("--data", type=Path, required=True, help="what `make gpu-data` wrote")
    add("--report", type=Path, required=True, help="Markdown file to write")
    add("--nets", type=Path, default=ROOT / "prototxt", help="the paper's networks")
    add("--out", type=Path, default=Path("out/gpu/run"), help="results and logs")
    add("--only", nargs="+", choices=STEPS, default=[*STEPS], help="some of the steps")
    add("--redo", action="store_true", help="repeat these steps")
    add("--seconds", type=float, help="end after so long; the same command goes on")
    jobs = max(1, min(4, (os.cpu_count() or 1) // 2))
    add("--jobs", type=int, default=jobs, help="test programs at once (%(default)s)")
    add("--commit", default=report.commit_of(ROOT), help="of the programs")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
