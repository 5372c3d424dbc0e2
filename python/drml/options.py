"""What the scripts' command lines share."""

import argparse


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser that shows a script's docstring as it is written."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def positive(text: str) -> int:
    """Read a whole number of at least 1 (argparse turns the error into exit 2)."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
