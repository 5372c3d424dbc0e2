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
# Forward reads the weights, and so does the bottom's gradient; theirs is cleared, read
# and written; the update reads and writes them, it and their history.
WEIGHT_PASSES = 2 + 3 + 6
# LCN's convolutions and local2: inputs, outputs, kernel, the top's side; fc8 and fc9.
LCN_LAYERS = (
    *((3, 32, 11, 160), (32, 32, 3, 160), (32, 16, 8, 73), (16, 16, 8, 66)),
    *((16, 16, 6, 31), (16, 16, 5, 27), (16 * 27 * 27, 4096, 1, 1), (4096, 2048, 1, 1)),
)
LCN_PRODUCTS = [i * o * kernel**2 * side**2 for i, o, kernel, side in LCN_LAYERS]


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
    moved = REGION_PASSES * FLOAT * REGION_BLOB * batch
    return _larger(rates, 2 * REGION_PRODUCTS * batch, moved)


def lcn(rates: Rates, batch: int, weights: int) -> tuple[str, Measure]:
    """Return what bounds LCN's training iteration, and milliseconds.

    Of a layer's operations as many are backward for the weights and for the bottom as
    forward; conv1 has no gradient of its bottom.
    """
    products = 3 * sum(LCN_PRODUCTS) - LCN_PRODUCTS[0]
    return _larger(rates, 2 * products * batch, WEIGHT_PASSES * FLOAT * weights)


def _larger(rates: Rates, operations: float, moved: float) -> tuple[str, Measure]:
    floors = {
        "arithmetic": operations / rates.operations,
        "memory": moved / rates.bytes,
    }
    bound = max(floors, key=floors.get)
    return bound, Measure(floors[bound])
