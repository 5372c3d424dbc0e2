"""How every script of the project ends on a user's mistake: one sentence, exit 1."""

import os
import sys
from collections.abc import Callable
from pathlib import Path


class UserError(Exception):
    """A mistake the user can mend; its text names the thing and the remedy."""


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
