"""What all scripts share: errors in one sentence, whole files, stamps and locks.

Standard library only: it also runs where none of our packages is installed.
"""

from __future__ import annotations  # tests/gpu runs on Python 3.9

import csv
import fcntl
import hashlib
import json
import os
import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from math import inf
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# ---- How a script ends on a user's mistake: one sentence, status 1


class UserError(Exception):
    """A mistake the user can mend; its text names the thing and the remedy."""


class DamagedFileError(UserError):
    """A file that is there but does not hold a whole image, video or landmarks."""


class HeldBackError(DamagedFileError):
    """A frame that a whole file holds and no reader gets out of it: left out, named."""


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
    """Run a script's main and exit: 0, 1 after a UserError, 130 when interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = main() or 0
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`: nobody reads on
        status = 1
    except (UserError, OSError) as error:  # OSError: no permission, no room, ...
        print(f"{_name()}: error: {error}", file=sys.stderr)
        status = 1
    except MemoryError as error:
        told = f" ({error})" if str(error) else ""
        print(f"{_name()}: error: there is not enough memory{told}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to go on", file=sys.stderr)
        status = 130
    try:
        sys.stdout.flush()
    except OSError:  # it cannot be written: Python would try again, and say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _name() -> str:
    return Path(sys.argv[0]).name


# ---- Files that are either whole or not there


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give another name to write to, and rename it to `path` if all went well."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{path} is a device: give a file's name")
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write(path: Path, content: str | bytes) -> None:
    """Write a file (text as UTF-8) in one step, making its folder if need be."""
    if isinstance(content, str):
        content = content.encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as unfinished:
            unfinished.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def write_json(path: Path, content: dict) -> None:
    """Write a JSON object in one step."""
    write(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path, remedy: str) -> dict:
    """Read a JSON object; `remedy` says what to do where it is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; {remedy}") from None
    # ValueError: no UTF-8, no JSON; RecursionError: [[[[...
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} is not a JSON object; {remedy}")
    return value


def utf8(file: Path) -> str:
    """Return a file's text; UserError names the line of what is no UTF-8."""
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{file}, line {line}: a letter that is no UTF-8; save it as UTF-8"
        ) from None


def csv_rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's line and cells; UserError names the line of what is no CSV."""
    with file.open(newline="", encoding="utf-8-sig") as text:
        rows = csv.reader(text)
        try:
            for row in rows:
                if any("\0" in cell for cell in row):
                    raise csv.Error("a byte of 0, as in UTF-16")
                yield rows.line_num, row
        except UnicodeDecodeError:
            utf8(file)  # names the line
            raise
        except csv.Error as error:
            raise UserError(
                f"{file}, line {rows.line_num}: {error}; save it as a CSV in UTF-8"
            ) from None


def whole_number(text: str) -> int | None:
    """Return the number that up to nine digits are, None where the text is another."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def whole(least: int, most: int = 2**31 - 1) -> Callable[[str], int]:
    """Return an argparse type: a whole number from least to most, Caffe's largest."""

    def number(text: str) -> int:
        found = int(text) if text.isdecimal() and len(text) < 11 else -1
        if not least <= found <= most:
            range_ = f"from {least} to {most}"
            raise ArgumentTypeError(f"{text!r} is no whole number {range_}")
        return found

    return number


def positive(text: str) -> float:
    """Read a number above 0, as an argparse type."""
    number = float(text)
    if not 0 < number < inf:
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def fingerprint(paths: Sequence[Path]) -> str:
    """Return a hash of some files' contents."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


# ---- What results are made with, so that a rerun goes on and nothing is mixed


def stamp(file: Path, made_with: dict, remedy: str) -> None:
    """Write into `file` what its folder is made with, or go on with what is there.

    A setting that only one of two runs names (the later one writes another format as
    well) is no difference, and is added. Raises UserError, which ends in `remedy`,
    where one differs, or where the folder holds files but no stamp.
    """
    if not file.exists() and any(file.parent.glob("[!.]*")):
        raise UserError(f"{file.parent} holds files of something else; {remedy}")
    before = read_json(file, remedy) if file.exists() else {}
    check_stamp(file.parent, before, made_with, remedy)
    if before | _as_json(made_with) != before:
        write_json(file, before | made_with)


def check_stamp(place: Path, before: dict, now: dict, remedy: str) -> None:
    """Raise UserError where `place` was made with another value of a setting."""
    now = _as_json(now)
    other = [name for name in now if name in before and before[name] != now[name]]
    if other:
        told = ", ".join(_difference(name, before[name], now[name]) for name in other)
        raise UserError(f"{place} was made with another {told}; {remedy}")


def _as_json(content: dict) -> dict:
    return json.loads(json.dumps(content))  # tuples become lists


def _difference(name: str, before: object, now: object) -> str:
    short = len(f"{before}{now}") < 60  # hashes and lists say nothing to a user
    return f"{name} ({before}, now {now})" if short else name


def folder_of_results(folder: Path, remedy: str = "another --out") -> None:
    """Make a folder unless it is there; raise UserError where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be a folder of results ({error.strerror}): choose "
            f"{remedy}"
        ) from None


@contextmanager
def locked(
    folder: Path, who: str = "import", remedy: str = "another --out"
) -> Iterator[None]:
    """Keep others of a kind out of a folder; raise UserError where one is at work."""
    folder_of_results(folder, remedy)
    handle = os.open(folder, os.O_RDONLY)  # its lock ends with the process
    try:
        if not _lock(handle):
            raise UserError(
                f"another {who} is at work on {folder}: wait for it, or choose {remedy}"
            )
        yield
    finally:
        os.close(handle)


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Wait for others who are writing the same files into a folder that is there."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, wait=True)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, wait: bool = False) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # some file systems (NFS) cannot lock a folder: go on without
        return True
    return True


# ---- Iterating


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items in order; the last may be shorter.

    (itertools.batched is Python 3.12's.)
    """
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
