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


def positive(text: str) -> int:
    """Read a whole number of at least 1 (argparse turns the error into exit 2)."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
