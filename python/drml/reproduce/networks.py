"""The steps from a prepared dataset to a network's tested snapshot."""

from dataclasses import dataclass
from pathlib import Path

from drml.nets.names import TITLES
from drml.nets.pycaffe import engine
from drml.reproduce.datasets import Datasets
from drml.reproduce.request import Request
from drml.reproduce.step import Step, Work


@dataclass(frozen=True)
class Trained:
    """A network trained on a fold: its folder, its data and its steps."""

    network: str
    fold: int
    folder: Path
    data: Step
    prototxts: Step
    train: Step
    select: Step
    test: Step


def trained(
    request: Request, datasets: Datasets, network: str, fold: int, grid: int = 0
) -> Trained:
    """Plan a network's training and test; DRML's may have another grid."""
    place = f"grids/{grid}x{grid}/fold{fold}" if grid else f"{network}/fold{fold}"
    title = f"DRML {grid}x{grid}" if grid else TITLES[network]
    plan = _Plan(request, datasets, network, place, f"{title}, fold {fold}", grid)
    data = datasets.bp4d(network, fold)
    prototxts = plan.prototxts(data)
    train = plan.train(data, prototxts)
    select = plan.select(data, prototxts, train)
    test = plan.test(data, prototxts, select)
    return Trained(network, fold, plan.folder, data, prototxts, train, select, test)


@dataclass(frozen=True)
class _Plan:
    request: Request
    datasets: Datasets
    network: str
    place: str
    part: str
    grid: int

    @property
    def folder(self) -> Path:
        return self.request.out / self.place

    @property
    def prefix(self) -> str:
        return f"{self.folder}/{self.network}"

    @property
    def _ending(self) -> str:
        hdf5 = self.network in self.request.protocol.hdf5
        return ".h5" if hdf5 else ""

    def _step(self, name: str, command: list, **more) -> Step:
        words = tuple(map(str, command))
        return Step(f"{self.place}/{name}", self.part, words, **more)

    def prototxts(self, data: Step) -> Step:
        command = ["-m", "drml", "prototxt", "--network", self.network]
        command += ["--out", self.folder, "--data", self.datasets.folder(data)]
        command += ["--snapshot-prefix", self.prefix]
        command += self.request.protocol.solver_options(self.network)
        command += ["--seed", self.request.seed]
        command += ["--grid", self.grid] if self.grid else []
        kinds = ("train_val", "deploy", "solver")
        made = tuple(f"{self.prefix}_{kind}.prototxt" for kind in kinds)
        return self._step("prototxts", command, outputs=made, editable=True, brief=True)

    def train(self, data: Step, prototxts: Step) -> Step:
        request, protocol = self.request, self.request.protocol
        log = f"{self.folder}/train.log"
        command = ["-m", "drml", "train", f"{self.prefix}_solver.prototxt"]
        command += ["--log", log, "--caffe", request.caffe]
        if request.patience:
            command += ["--patience", request.patience, *self._net(data)]
        states = f"{self.prefix}_iter_*.solverstate{self._ending}"
        faces = protocol.lengths[self.network].iterations * protocol.batch
        return self._step(
            "train",
            command,
            outputs=(f"{self.prefix}_iter_*.caffemodel{self._ending}",),
            needs=(data, prototxts),
            leaves=(states, log, f"{self.folder}/selection.json"),
            scrap=(states,),
            resumes=True,
            kept=f"{{{self.folder}/selection.json:weights}}",
            engine=engine(),
            work=(Work(self.network, trained=faces),),
        )

    def _net(self, data: Step) -> list:
        net = f"{self.prefix}_deploy.prototxt"
        return ["--net", net, "--data", self.datasets.folder(data)]

    def select(self, data: Step, prototxts: Step, train: Step) -> Step:
        out = f"{self.folder}/selection.json"
        solver = f"{self.prefix}_solver.prototxt"
        command = ["-m", "drml", "select", "--solver", solver]
        command += [*self._net(data), "--out", out]
        length = self.request.protocol.lengths[self.network]
        faces = length.snapshots * self.datasets.faces(data, "val")
        return self._step(
            "select",
            command,
            outputs=(out,),
            needs=(data, prototxts, train),
            work=(Work(self.network, scored=faces),),
        )

    def test(self, data: Step, prototxts: Step, select: Step) -> Step:
        """Test the chosen snapshot on the fold's own test split."""
        out = f"{self.folder}/test"
        weights = f"{{{self.folder}/selection.json:weights}}"
        command = ["-m", "drml", "evaluate", *self._net(data), "--weights", weights]
        files = ("predictions.h5", "evaluation.json", "evaluation.csv")
        return self._step(
            "test",
            [*command, "--out", out],
            outputs=tuple(f"{out}/{file}" for file in files),
            needs=(data, prototxts, select),
            work=(Work(self.network, scored=self.datasets.faces(data, "test")),),
        )
