"""The steps from a prepared dataset to a network's tested snapshot."""

from dataclasses import dataclass
from pathlib import Path

from drml.networks import TITLES
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

    @property
    def deploy(self) -> str:
        return f"{self.folder}/{self.network}_deploy.prototxt"


def trained(
    request: Request, datasets: Datasets, network: str, fold: int, grid: int = 0
) -> Trained:
    """Plan the training of a network, of DRML with another grid where one is given."""
    place = f"grids/{grid}x{grid}/fold{fold}" if grid else f"{network}/fold{fold}"
    title = f"DRML {grid}x{grid}" if grid else TITLES[network]
    plan = _Plan(request, datasets, network, place, f"{title}, fold {fold}", grid)
    data = datasets.bp4d(network, fold)
    prototxts = plan.prototxts(data)
    train = plan.train(data, prototxts)
    select = plan.select(data, prototxts, train)
    return Trained(network, fold, plan.folder, data, prototxts, train, select)


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
        command = ["python/make_prototxt.py", "--network", self.network]
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
        command = ["python/train.py", f"{self.prefix}_solver.prototxt", "--log", log]
        command += ["--caffe", request.caffe]
        if request.patience:
            command += ["--patience", request.patience, *self._net(data)]
        length = protocol.lengths[self.network]
        earlier = range(length.interval, length.iterations, length.interval)
        return self._step(
            "train",
            command,
            outputs=(f"{self.prefix}_iter_*.caffemodel{self._ending}", log),
            needs=(data, prototxts),
            leaves=(
                f"{self.prefix}_iter_*.solverstate{self._ending}",
                f"{self.folder}/selection.json",
            ),
            scrap=tuple(
                f"{self.prefix}_iter_{n}.solverstate{self._ending}" for n in earlier
            ),
            work=(Work(self.network, trained=length.iterations * protocol.batch),),
        )

    def _net(self, data: Step) -> list:
        net = f"{self.prefix}_deploy.prototxt"
        return ["--net", net, "--data", self.datasets.folder(data)]

    def select(self, data: Step, prototxts: Step, train: Step) -> Step:
        out = f"{self.folder}/selection.json"
        solver = f"{self.prefix}_solver.prototxt"
        command = ["python/select_snapshot.py", "--solver", solver]
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


def tested(datasets: Datasets, net: Trained) -> Step:
    """Test a fold's chosen snapshot on the fold's own test split."""
    out = f"{net.folder}/test"
    command = ["python/evaluate.py", "--net", net.deploy]
    command += ["--weights", f"{{{net.folder}/selection.json:weights}}"]
    command += ["--data", str(datasets.folder(net.data)), "--out", out]
    files = ("predictions.h5", "evaluation.json", "evaluation.csv")
    return Step(
        name=net.select.name.replace("/select", "/test"),
        part=net.select.part,
        command=tuple(command),
        outputs=tuple(f"{out}/{file}" for file in files),
        needs=(net.data, net.prototxts, net.select),
        work=(Work(net.network, scored=datasets.faces(net.data, "test")),),
    )
