"""The least time that a card can take, by its measured rates.

Memory: bytes over the rate of a copy. Arithmetic: operations over the rate of a large
matrix product at the same precision.
"""

from dataclasses import dataclass
from typing import NamedTuple

from bench.measure import Measure

FLOAT = 4  # bytes
# The region layer's passes over a blob: forward reads and writes one, backward reads
# two and writes one.
REGION_PASSES = 5
REGION_BLOB = 32 * 160 * 160  # values a face
REGION_PRODUCTS = 3 * 9 * 32 * REGION_BLOB  # forward, and backward for data and weights
# Forward reads the weights; the update reads and writes them and their history, and
# reads their gradients.
WEIGHT_PASSES = 6


class Rates(NamedTuple):
    """Of a device."""

    bytes: float  # a millisecond, read and written
    operations: float  # a millisecond; a multiply-add is two


@dataclass(frozen=True)
class Sizes:
    """What is copied and multiplied to measure the rates."""

    copy_mib: int
    product_side: int

    def rates(self, copy: Measure, product: Measure) -> Rates:
        """From milliseconds."""
        moved = 2 * self.copy_mib * 2**20
        return Rates(moved / copy.median, 2 * self.product_side**3 / product.median)


SIZES = {"cuda": Sizes(1024, 8192), "cpu": Sizes(256, 2048)}


def region(rates: Rates, batch: int) -> tuple[str, Measure]:
    """Return what bounds the layer's forward and backward pass, and milliseconds."""
    floors = {
        "arithmetic": 2 * REGION_PRODUCTS * batch / rates.operations,
        "memory": REGION_PASSES * FLOAT * REGION_BLOB * batch / rates.bytes,
    }
    bound = max(floors, key=floors.get)
    return bound, Measure(floors[bound])


def weights(rates: Rates, count: int) -> Measure:
    """Return milliseconds for reading and updating weights once."""
    return Measure(WEIGHT_PASSES * FLOAT * count / rates.bytes)
