"""Write <network>_train_val, _deploy and _solver.prototxt.

Without options these are the committed files of prototxt/, as in the paper;
with options, the same networks for other data, batch sizes and lengths.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from google.protobuf import text_format

from caffe.proto import caffe_pb2
from data_prep.base import UserError, positive, whole, write
from drml.cli.options import UsageError
from drml.nets.names import TITLES
from drml.nets.prototxt import Training, deploy, solver, train_val

HEADER = "# Written by drml prototxt; change that, not this.\n"
TYPES = {int: whole(1), float: positive}  # of most options


def prototxts(network: str, training: Training, folder: Path) -> dict[Path, str]:
    """The three files of a network and their texts."""
    net_file = folder / f"{network}_train_val.prototxt"
    return {
        net_file: HEADER + train_val(network, training),
        folder / f"{network}_deploy.prototxt": HEADER + deploy(network, training),
        folder / f"{network}_solver.prototxt": HEADER
        + solver(network, net_file.as_posix(), training),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--network", choices=TITLES, help="default: all of them")
    add("--out", type=Path, default=Path("prototxt"))
    add("--check", action="store_true", help="write nothing; fail where a file differs")
    for field in fields(Training):
        option = "--" + field.name.replace("_", "-")
        add(
            option,
            type=field.metadata.get("type", TYPES.get(field.type, field.type)),
            default=field.default,
            choices=field.metadata.get("choices"),
            help=field.metadata.get("help", "%(default)s"),
        )


def check(options: argparse.Namespace) -> None:
    if options.network not in (None, "drml") and options.grid != Training.grid:
        raise UsageError(
            "--grid is of DRML's region layer; give it with --network drml"
        )


def run(options: argparse.Namespace) -> None:
    check(options)
    training = Training(
        **{field.name: getattr(options, field.name) for field in fields(Training)}
    )
    networks = [options.network] if options.network else TITLES
    for network in networks:
        for path, text in prototxts(network, training, options.out).items():
            if not options.check:
                write(path, text)
            elif not path.exists() or not _same(path, path.read_text(), text):
                raise UserError(f"{path} is not what drml prototxt writes; run it")


def _same(path: Path, *texts: str) -> bool:
    """Tell whether texts differ in nothing but the order of a layer's options.

    Each version of protobuf has its own. Comments are compared, too.
    """
    solver = path.name.endswith("_solver.prototxt")
    kind = caffe_pb2.SolverParameter if solver else caffe_pb2.NetParameter
    first, second = (sorted(text.splitlines()) for text in texts)
    if first != second:
        return False
    first, second = (text_format.Parse(text, kind()) for text in texts)
    return first == second
