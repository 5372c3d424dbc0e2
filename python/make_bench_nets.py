"""Write the nets that bench_gpu.py times, for a machine without pycaffe.

NAME_train, NAME_test and NAME_check (without dropout) of each network, from Input
layers to the loss or the probabilities, and region_train, DRML's region layer alone.
"""

import argparse
from pathlib import Path

from data_prep.base import run, write
from drml.branches import Grid
from drml.names import TITLES
from drml.options import parser
from drml.region_pair import region_net
from drml.timing import scoring_net, training_net

BATCH = 1  # bench_net is told another
CHANNELS = 32  # of conv1


def main() -> None:
    options = parse_options()
    for name, net in nets().items():
        write(options.out / f"{name}.prototxt", str(net))


def nets() -> dict[str, object]:
    found = {"region_train": region_net(BATCH, CHANNELS, Grid())}
    for network in TITLES:
        given = (network, BATCH, "msra")
        found[f"{network}_train"] = training_net(*given)
        found[f"{network}_check"] = training_net(*given, dropout=False)
        found[f"{network}_test"] = scoring_net(*given)
    return found


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("--out", type=Path, required=True, help="folder to write to")
    return arguments.parse_args()


if __name__ == "__main__":
    run(main)
