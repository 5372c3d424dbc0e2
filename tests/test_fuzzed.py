"""What drml's fuzzers begin with and what they found (tests/data/fuzz), read once."""

from pathlib import Path

import pytest
from reliability.fuzz_python import TARGETS, fuzz

SEEDS = Path(__file__).with_name("data") / "fuzz"
INPUTS = [
    pytest.param(target, file, id=f"{target}-{file.name}")
    for target in TARGETS
    for file in sorted((SEEDS / target).iterdir())
]


@pytest.mark.parametrize(("target", "file"), INPUTS)
def test_input(target, file, tmp_path):
    """Finds named refused_* end in a sentence, found_* may be read, the rest is."""
    refused = fuzz(target, file.read_bytes(), tmp_path)
    if not file.name.startswith("found_"):
        assert bool(refused) == file.name.startswith("refused_"), refused
