"""What several test files share: what is made once a session."""

import os
import shutil
from pathlib import Path

import pytest

# What takes longest begins first: no worker is left with it at the end.
LONGEST = (
    "test_reproduce_steps.py",
    "test_twin.py",
    "test_expected.py",
    "test_reproduce.py",
    "test_slurm.py",
)


def pytest_collection_modifyitems(items):
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


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


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder as a training leaves it, and pictures, all imported by the mesh."""
    from predicting import make_place

    return make_place(tmp_path_factory.mktemp("place"))


@pytest.fixture
def weights(place, monkeypatch):
    """The weights there, with what belongs to them beside them."""
    from drml.nets.solver import read_solver
    from drml.predict.trained import write_record

    monkeypatch.chdir(place)
    assert write_record(read_solver(Path("solver.prototxt"))) is not None
    return place / "out" / "net_iter_7.caffemodel"
