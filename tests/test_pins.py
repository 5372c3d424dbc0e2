"""The pinned versions of each Python fit what is asked for."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHON = Path(__file__).parents[1] / "python"
PINNED = sorted(file.stem for file in PYTHON.glob("pins/*.txt"))


def requirements(*files):
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pins(python):
    found = requirements(PYTHON / f"pins/{python}.txt")
    return {canonicalize_name(pin.name): pin for pin in found}


def test_each_python_is_pinned():
    assert PINNED == ["3.11", "3.12", "3.13", "3.14"]


@pytest.mark.parametrize("python", PINNED)
def test_pins_are_what_is_asked_for(python):
    pinned = pins(python)
    lists = [*PYTHON.glob("requirements*.txt"), PYTHON.parent / "docs/requirements.txt"]
    for wanted in requirements(*lists):
        if wanted.marker and not wanted.marker.evaluate({"python_version": python}):
            continue
        (exactly,) = pinned[canonicalize_name(wanted.name)].specifier
        assert exactly.operator == "=="
        assert wanted.specifier.contains(exactly.version), wanted


def test_numpy_is_what_pycaffe_is_built_for():
    series = {python: str(pins(python)["numpy"].specifier)[2] for python in PINNED}
    assert series == {"3.11": "1", "3.12": "2", "3.13": "2", "3.14": "2"}
