"""An engine in a process of its own, with its own Python."""

import os
import pickle
import subprocess
from pathlib import Path

from data_prep.errors import UserError

PYTHON_FOLDER = Path(__file__).parents[2]


class Worker:
    """Calls the functions that `module` serves; use it in a `with`."""

    def __init__(self, python: Path | str, module: str):
        self.module = module
        self._process = subprocess.Popen(
            [python, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(PYTHON_FOLDER)},
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()  # it may be compiling for minutes
        self._process.communicate()

    def __call__(self, function: str, **arguments):
        """Return what the function returns; UserError if it fails."""
        try:
            pickle.dump((function, arguments), self._process.stdin)
            self._process.stdin.flush()
            done, result = pickle.load(self._process.stdout)
        except (BrokenPipeError, EOFError):
            status = self._process.wait()
            raise UserError(
                f"{self.module} ended with status {status} in {function}; "
                "-9 is what becomes of a process that wants too much memory"
            ) from None
        if not done:
            raise UserError(f"{self.module} failed in {function}: {result}")
        return result
