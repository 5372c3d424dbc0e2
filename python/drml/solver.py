"""A Caffe solver file and the snapshots that its training has left so far."""

import re
from dataclasses import dataclass
from pathlib import Path

import h5py
from google.protobuf import text_format
from google.protobuf.message import DecodeError

from caffe.proto import caffe_pb2
from data_prep.base import UserError


@dataclass(frozen=True)
class Solver:
    """What training needs to know of a solver file; paths as Caffe reads them."""

    path: Path
    max_iter: int
    interval: int  # iterations from one snapshot to the next; 0: only the last
    prefix: str  # snapshots are <prefix>_iter_<N>.<kind>
    ending: str  # after the kind: "", or ".h5" of HDF5 snapshots

    def state(self, iteration: int) -> Path:
        return Path(f"{self.prefix}_iter_{iteration}.solverstate{self.ending}")

    def weights(self, iteration: int) -> Path:
        return Path(f"{self.prefix}_iter_{iteration}.caffemodel{self.ending}")

    @property
    def selection(self) -> Path:
        """The file that says which snapshot is best (selection.py)."""
        return Path(self.prefix).parent / "selection.json"

    def newest_snapshot(self) -> int | None:
        """Return the iteration of the newest snapshot that is whole, if any."""
        found = reversed(self._iterations("solverstate"))
        return next((n for n in found if is_whole(self.state(n))), None)

    def scheduled(self) -> list[int]:
        """Return the iterations whose weights are there, less those of Ctrl-C."""
        return [
            n
            for n in self._iterations("caffemodel")
            if n == self.max_iter or (self.interval and n % self.interval == 0)
        ]

    def _iterations(self, kind: str) -> list[int]:
        prefix, ending = re.escape(Path(self.prefix).name), re.escape(self.ending)
        name = re.compile(rf"{prefix}_iter_(\d+)\.{kind}{ending}")
        files = Path(self.prefix).parent.glob("*")
        return sorted(int(m[1]) for f in files if (m := name.fullmatch(f.name)))


def read_solver(path: Path) -> Solver:
    """Parse a solver file; UserError where it or the net it names is missing."""
    param = caffe_pb2.SolverParameter()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), param)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give a solver prototxt") from None
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise UserError(f"{path} is not a Caffe solver: {error}") from None
    if param.max_iter < 1:
        raise UserError(f"{path} has no max_iter; say how long to train")
    net = param.net or param.train_net
    if net and not Path(net).is_file():
        raise UserError(
            f"{path} names the net {net}, which is not there seen from "
            "this folder; run from the folder its paths start at"
        )
    hdf5 = param.snapshot_format == caffe_pb2.SolverParameter.HDF5
    ending = ".h5" if hdf5 else ""
    prefix = _prefix(path, param)
    return Solver(path, param.max_iter, param.snapshot, prefix, ending)


def _prefix(path: Path, param: caffe_pb2.SolverParameter) -> str:
    """Do as Caffe does with a prefix that is not given, or is a folder."""
    if not param.snapshot_prefix:
        return str(path.with_suffix(""))
    if Path(param.snapshot_prefix).is_dir():
        return str(Path(param.snapshot_prefix) / path.stem)
    return param.snapshot_prefix


def is_whole(state: Path) -> bool:
    """Tell whether a snapshot can be resumed: its weights may have been moved."""
    try:
        return Path(_learned_net(state)).is_file()
    except (OSError, KeyError, DecodeError):
        return False


def _learned_net(state: Path) -> str:
    """Name the .caffemodel that a .solverstate belongs to."""
    if h5py.is_hdf5(state):
        with h5py.File(state) as file:
            return file["learned_net"].asstr()[()]
    return caffe_pb2.SolverState.FromString(state.read_bytes()).learned_net
