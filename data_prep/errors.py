"""How every script of the project ends on a user's mistake: one sentence, exit 1."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """A mistake the user can mend; its text names the thing and the remedy."""


class DamagedFileError(UserError):
    """A file that is there but does not hold a whole image, video or landmarks."""


@contextmanager
def leaving_out(damage: list[str] | None) -> Iterator[None]:
    """Name a damaged file in `damage` and go on behind the block.

    Without such a list (--on-damaged refuse) its DamagedFileError is raised.
    """
    try:
        yield
    except DamagedFileError as error:
        if damage is None:
            raise
        damage.append(f"left out: {error}")


def run(main: Callable[[], int | None]) -> None:
    """Run a script's main and exit: 0, 1 after a UserError, 130 after Ctrl-C."""
    try:
        status = main() or 0
    except UserError as error:
        print(f"{Path(sys.argv[0]).name}: error: {error}", file=sys.stderr)
        status = 1
    except BrokenPipeError:  # `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except OSError as error:  # no permission, no room, ...
        print(f"{Path(sys.argv[0]).name}: error: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to go on", file=sys.stderr)
        status = 130
    sys.exit(status)
