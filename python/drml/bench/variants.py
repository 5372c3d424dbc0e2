"""The ways to write a network in PyTorch that are tried; the fastest one counts."""

from itertools import product
from typing import NamedTuple


class Variant(NamedTuple):
    """How PyTorch runs a network."""

    region: str  # formulation of DRML's region layer: torch_networks.REGIONS, or ""
    channels_last: bool
    compiled: bool  # by torch.compile

    def __str__(self) -> str:
        layout = "channels last" if self.channels_last else "channels first"
        how = "compiled" if self.compiled else "eager"
        return ", ".join(filter(None, [self.region, layout, how]))


def variants(network: str) -> list[Variant]:
    """List what to try of a network."""
    regions = ("grouped", "looped") if network == "drml" else ("",)
    return [Variant(*v) for v in product(regions, (False, True), (False, True))]
