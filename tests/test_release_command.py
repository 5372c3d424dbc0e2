"""`make release`: the version where it is said, and the change log."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = ("pyproject.toml", "CITATION.cff", "CHANGELOG.md", "python/release.py")


@pytest.fixture
def tree(tmp_path):
    """A clean clone of what a release writes to, its change log's section filled."""
    for file in FILES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## Unreleased\n\n- New.\n")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def git(tree, *words):
    who = ("-c", "user.name=n", "-c", "user.email=e")
    subprocess.run(["git", "-C", tree, *who, *words], check=True)


def commit(tree):
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "all")


def release(tree, version):
    return subprocess.run(
        [sys.executable, tree / "python/release.py", version],
        capture_output=True,
        text=True,
    )


def test_version_is_written_and_the_section_closed(tree):
    result = release(tree, "12.3.4")
    assert result.returncode == 0, result.stderr
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    assert project["version"] == "12.3.4"
    assert "\nversion: 12.3.4\n" in (tree / "CITATION.cff").read_text()
    assert (tree / "CITATION.cff").read_text().startswith("cff-version: 1.2.0\n")
    log = (tree / "CHANGELOG.md").read_text()
    assert log.startswith("# Changes\n\n## Unreleased\n\n## 12.3.4 (20")
    commit(tree)
    again = release(tree, "12.3.5")
    assert again.returncode == 1
    assert "says nothing under '## Unreleased'" in again.stderr


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.3"])
def test_what_is_no_version_is_refused(tree, version):
    assert "make release VERSION=1.1.0" in release(tree, version).stderr


def test_changes_and_old_tags_are_refused(tree):
    git(tree, "tag", "v2.0.0")
    assert "v2.0.0 is released" in release(tree, "2.0.0").stderr
    (tree / "CITATION.cff").write_text("")
    result = release(tree, "2.0.1")
    assert result.returncode == 1
    assert "has changes; commit or stash" in result.stderr
    assert not (tree / "CITATION.cff").read_text()
