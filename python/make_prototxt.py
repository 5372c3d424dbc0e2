"""Write <network>_train_val, _deploy and _solver.prototxt.

Without options these are the committed files of prototxt/, as in the paper;
with options, the same networks for other data, batch sizes and lengths.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from data_prep.base import UserError, run, write
from drml.networks import NETWORKS
from drml.options import parser
from drml.prototxt import Training, deploy, solver, train_val

HEADER = "# Written by python/make_prototxt.py; change that, not this.\n"


def prototxts(network: str, training: Training, folder: Path) -> dict[Path, str]:
    """The three files of a network and their texts."""
    net_file = folder / f"{network}_train_val.prototxt"
    return {
        net_file: HEADER + train_val(network, training),
        folder / f"{network}_deploy.prototxt": HEADER + deploy(network, training),
        folder / f"{network}_solver.prototxt": HEADER
        + solver(network, net_file.as_posix(), training),
    }


def parse_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("--network", choices=NETWORKS, help="default: all of them")
    arguments.add_argument("--out", type=Path, default=Path("prototxt"))
    arguments.add_argument(
        "--check", action="store_true", help="write nothing; fail where a file differs"
    )
    for field in fields(Training):
        option = "--" + field.name.replace("_", "-")
        arguments.add_argument(
            option,
            type=field.type,
            default=field.default,
            choices=field.metadata.get("choices"),
            help="%(default)s",
        )
    options = arguments.parse_args()
    if options.network not in (None, "drml") and options.grid != Training.grid:
        arguments.error("--grid is of DRML's region layer; give it with --network drml")
    return options


def main() -> None:
    options = parse_options()
    training = Training(
        **{field.name: getattr(options, field.name) for field in fields(Training)}
    )
    networks = [options.network] if options.network else NETWORKS
    for network in networks:
        for path, text in prototxts(network, training, options.out).items():
            if not options.check:
                write(path, text)
            elif not path.exists() or path.read_text() != text:
                raise UserError(
                    f"{path} is not what python/make_prototxt.py writes; run it"
                )


if __name__ == "__main__":
    run(main)
