"""Programs that are run, each with a log, a time limit and nothing left behind."""

import math
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Optional

from data_prep.processes import start

LIMIT = 1800  # seconds for one program: what takes longer hangs
FATAL = re.compile(r"^F\d{4,8} \S+ +\d+ \S+\] (.*)")


class StoppedError(Exception):
    """The run is over before it is done; its text says why."""


@dataclass
class Ended:
    """A program that has ended; status None: it was killed after its time limit."""

    status: Optional[int]
    output: str
    seconds: float

    @property
    def reason(self) -> str:
        """Why it failed."""
        if self.status is None:
            return f"did not end within {self.seconds:.0f} s"
        return f"status {self.status}: {self.sentence}"

    @property
    def sentence(self) -> str:
        """Caffe's fatal message, or what was printed last."""
        lines = [line for line in self.output.splitlines() if line.strip()]
        fatal = [m[1] for line in lines if (m := FATAL.match(line))]
        return (fatal or lines or ["nothing was printed"])[-1].strip()


class Children:
    """Runs programs until the time for all of them (seconds; None: any) is up."""

    def __init__(self, seconds: Optional[float] = None):
        self._seconds = seconds or math.inf
        self._begin = monotonic()
        self._running: set[subprocess.Popen] = set()
        self._stopped = False

    def run(self, command, log: Path, limit: float = LIMIT, **options) -> Ended:
        """Run a program to its end; what it prints is in the log.

        Ctrl-C does not reach it (Caffe would end as if all were well): stop() does.
        """
        begin, left = monotonic(), self._left()
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as file:
            child = start(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )
        status = self._wait(child, min(limit, left))
        if self._stopped:
            raise StoppedError("interrupted")
        if status is None:
            self._left()
        output = log.read_text(encoding="utf-8", errors="replace")
        return Ended(status, output, monotonic() - begin)

    def _wait(self, child: subprocess.Popen, seconds: float) -> Optional[int]:
        self._running.add(child)
        try:
            return child.wait(None if seconds == math.inf else seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if child.poll() is None:
                _kill(child)
            self._running.discard(child)

    def each(self, tasks, jobs: int):
        """Call functions, `jobs` at a time; yields their results as they come."""
        with ThreadPoolExecutor(jobs) as pool:
            try:
                for future in as_completed([pool.submit(task) for task in tasks]):
                    yield future.result()
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    self.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def stop(self) -> None:
        """Kill what runs, and run nothing more."""
        self._stopped = True
        for child in list(self._running):
            _kill(child)

    def _left(self) -> float:
        left = self._begin + self._seconds - monotonic()
        if self._stopped or left <= 0:
            raise StoppedError(f"the {self._seconds:g} s are up")
        return left


def _kill(child: subprocess.Popen) -> None:
    """Kill a child and what it has started (compute-sanitizer starts the program)."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
