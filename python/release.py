"""Write a release's version where it is said, and close CHANGELOG.md's open section.

    python/release.py 1.1.0

Nothing is written unless everything is in order.
"""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
OPEN = "## Unreleased\n"


def fail(why: str) -> None:
    sys.exit(f"make release: error: {why}")


def git(*words: str) -> str:
    return subprocess.run(
        ["git", "-C", ROOT, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def changelog(text: str, version: str, today: date) -> str:
    """Name the open section after the version, and open another.

    Raises ValueError where nothing is in it.
    """
    section = text.partition(OPEN)[2].partition("\n## ")[0]
    if not section.strip():
        raise ValueError(f"CHANGELOG.md says nothing under {OPEN.strip()!r}")
    return text.replace(OPEN, f"{OPEN}\n## {version} ({today})\n", 1)


def written(text: str, pattern: str, version: str) -> str:
    """Replace the version in the one line that has it."""
    (found,) = re.findall(pattern, text, re.MULTILINE)
    return text.replace(found, found.replace(found.split()[-1].strip('"'), version), 1)


def main(version: str) -> None:
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        fail("say which: make release VERSION=1.1.0")
    if git("status", "--porcelain"):
        fail("the working tree has changes; commit or stash them")
    if git("tag", "--list", f"v{version}"):
        fail(f"v{version} is released; git tag has it")
    project, citation, log = (
        ROOT / name for name in ("pyproject.toml", "CITATION.cff", "CHANGELOG.md")
    )
    try:
        closed = changelog(log.read_text(), version, date.today())
    except ValueError as error:
        fail(str(error))
    version_of = {project: r"^version = .*$", citation: r"^version: .*$"}
    texts = {
        file: written(file.read_text(), *(version_of[file], version))
        for file in version_of
    }
    for file, text in {**texts, log: closed}.items():
        file.write_text(text)
        print(f"written: {file.name}")


if __name__ == "__main__":
    main(*sys.argv[1:2] or [""])
