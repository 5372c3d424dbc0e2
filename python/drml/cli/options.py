"""What the subcommands' options share."""

import argparse

from data_prep.base import UserError


class UsageError(UserError):
    """Options that do not go together; ends as argparse ends on bad usage."""


def parser(description: str, prog: str | None = None) -> argparse.ArgumentParser:
    """Return a parser that shows a module's docstring as it is written."""
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
