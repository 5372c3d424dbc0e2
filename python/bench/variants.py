"""The ways to write a network in PyTorch that are tried; the fastest one counts."""

from itertools import product
from typing import NamedTuple

# How PyTorch runs a network, and the mode of torch.compile that it is.
HOW = {
    "eager": None,
    "compiled": "default",
    "CUDA graphs": "reduce-overhead",
    "autotuned": "max-autotune",  # with CUDA graphs
}
HOW_BY_DEVICE = {"cpu": ("eager", "compiled"), "cuda": tuple(HOW)}


class Arithmetic(NamedTuple):
    """What is computed on, and whether float32 products may be rounded there."""

    device: str = "cpu"  # of HOW_BY_DEVICE
    tf32: bool = False


CPU = Arithmetic()


class Variant(NamedTuple):
    """How PyTorch runs a network."""

    region: str  # formulation of the region layer: torch_networks.REGIONS, or ""
    channels_last: bool
    how: str  # of HOW

    def __str__(self) -> str:
        layout = "channels last" if self.channels_last else "channels first"
        return ", ".join(filter(None, [self.region, layout, self.how]))


def variants(network: str, device: str = "cpu") -> list[Variant]:
    """List what to try of a network, what takes long to compile at the end."""
    regions = ("grouped", "looped") if network in ("drml", "region") else ("",)
    tried = product(HOW_BY_DEVICE[device], regions, (False, True))
    return [Variant(region, last, how) for how, region, last in tried]
