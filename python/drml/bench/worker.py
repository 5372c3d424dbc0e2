"""An engine in a process of its own, with its own Python."""

import os
import pickle
import select
import subprocess
from pathlib import Path

from data_prep.base import UserError

PYTHON_FOLDER = Path(__file__).parents[2]


class Worker:
    """Calls the functions that `module` serves; use it in a `with`.

    The first call starts the process, and so does the first one after its end.
    """

    def __init__(self, python: Path | str, module: str, limit: float | None = None):
        """limit: seconds that a call may take."""
        self.python, self.module, self.limit = python, module, limit
        self._process = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process; the next call finds a new one."""
        if self._process:
            self._process.kill()  # it may be compiling for minutes
            self._process.communicate()
            self._process = None

    def __call__(self, function: str, **arguments):
        """Return what the function returns; UserError if it fails."""
        if self._process is None:
            self._process = self._start()
        try:
            done, result = self._ask(function, arguments)
        except (BrokenPipeError, EOFError):
            status, self._process = self._process.wait(), None
            raise UserError(
                f"{self.module} ended with status {status} in {function}; "
                "-9 is what becomes of a process that wants too much memory"
            ) from None
        except TimeoutError:
            self.stop()
            raise UserError(
                f"{self.module} took more than {self.limit:g} s in {function}"
            ) from None
        if not done:
            raise UserError(f"{self.module} failed in {function}: {result}")
        return result

    def _start(self) -> subprocess.Popen:
        return subprocess.Popen(
            [self.python, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(PYTHON_FOLDER)},
        )

    def _ask(self, function: str, arguments: dict) -> tuple[bool, object]:
        pickle.dump((function, arguments), self._process.stdin)
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], self.limit)[0]:
            raise TimeoutError
        return pickle.load(self._process.stdout)
