"""Caffe's side of the comparison where there is no pycaffe: the program bench_net.

Its nets are written beforehand, by make_bench_nets.py.
"""

import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data_prep.base import UserError
from drml.bench.engine import Parameters, Trained, averaged, trained
from drml.bench.variants import Arithmetic

Blobs = dict[str, dict[str, list[np.ndarray]]]  # by what they are, and by layer


class Program:
    """bench_net on a CPU or GPU; called as a Worker is."""

    def __init__(self, path: Path, nets: Path, on: Arithmetic):
        self.path, self.nets = path, nets
        self.where = ["-gpu", "0"] if on.device == "cuda" else []
        self.where += ["-tf32"] if on.tf32 else []

    def __call__(self, function: str, **arguments):
        return getattr(self, function)(**arguments)

    def about(self) -> str:
        """Say what it was built with."""
        return self._run("-about").strip()

    def times(
        self, network: str, phase: str, batch: int, iterations: int, rounds: int
    ) -> list[float]:
        """Return milliseconds an iteration, a value for each round of iterations."""
        size = ("-batch", batch, "-iterations", iterations, "-repetitions", rounds)
        lines = self._run(*self._net(network, phase), "-phase", phase, *size)
        return [float(line) for line in lines.split()]

    def train(self, network: str, faces: np.ndarray, labels: np.ndarray) -> Trained:
        """Train for two iterations, without dropout, from random weights."""
        net = (*self._net(network, "check"), "-phase", "train")
        found = self._record(net, faces, labels)
        (loss,) = found["output"].values()
        self.network, self.learned = network, found["after"]
        return trained(
            _averaged(found["before"]),
            {"loss": loss[0]},
            found["gradient"],
            _averaged(found["after"]),
        )

    def score(self, faces: np.ndarray) -> np.ndarray:
        """Return the trained network's probabilities in its TEST phase."""
        weights = [blob for blobs in self.learned.values() for blob in blobs]
        net = (*self._net(self.network, "test"), "-phase", "test")
        return self._record(net, faces, weights=weights)["output"]["prob"][0]

    def _net(self, network: str, use: str) -> tuple[str, Path]:
        path = self.nets / f"{network}_{use}.prototxt"
        if not path.exists():
            raise UserError(f"{path} does not exist; make_bench_nets.py writes it")
        return "-model", path

    def _record(
        self, net: tuple, *inputs: np.ndarray, weights: Iterable[np.ndarray] = ()
    ) -> Blobs:
        """Run the net on given values, and return what it writes down of them."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            given = []
            for option, arrays in (("inputs", inputs), ("weights", weights)):
                if len(arrays := list(arrays)):
                    with open(folder / option, "wb") as file:
                        for values in arrays:
                            values.tofile(file)
                    given += [f"-{option}", folder / option]
            size = ("-batch", len(inputs[0]))
            lines = self._run(*net, *size, *given, "-record", folder / "record")
            return read_record(lines, folder / "record")

    def _run(self, *options: object) -> str:
        command = [str(o) for o in (self.path, *self.where, *options)]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if result.returncode:
            raise UserError(
                f"{self.path.name} ended with status {result.returncode}; see above"
            )
        return result.stdout


def read_record(lines: str, path: Path) -> Blobs:
    """Read what bench_net has recorded; a line says "what layer 32 3 11 11"."""
    found = defaultdict(lambda: defaultdict(list))
    with open(path, "rb") as file:
        for line in lines.splitlines():
            what, layer, *shape = line.split()
            shape = [int(size) for size in shape]
            count = int(np.prod(shape))
            values = np.fromfile(file, np.float32, count).reshape(shape)
            found[what][layer].append(values)
    return found


def _averaged(blobs: Parameters) -> Parameters:
    return {layer: averaged(values) for layer, values in blobs.items()}
