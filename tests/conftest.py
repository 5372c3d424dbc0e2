"""What several test files share: one made-up folder of results a session."""

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reported_results(tmp_path_factory):
    """A folder with whole results, and the report on them, as "out"."""
    from results_reader import report
    from tiny_results import make_out

    folder, before = tmp_path_factory.mktemp("results"), Path.cwd()
    make_out(folder / "out")
    os.chdir(folder)
    try:
        assert report() == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def out(reported_results, tmp_path, monkeypatch):
    """A copy of them, not reported on, as "out" in the current folder."""
    report = shutil.ignore_patterns("report")
    shutil.copytree(reported_results / "out", tmp_path / "out", ignore=report)
    monkeypatch.chdir(tmp_path)
    return Path("out")
