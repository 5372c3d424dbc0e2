"""The stages whose commands `make kills` disturbs, on inputs that are made once.

WORK/inputs holds generated faces, their import, a small net with a Region layer,
trained, and a video; WORK/STAGE/run is where a stage's command runs, so that its paths,
and with them the bytes of its results, are the same each time.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import cv2

from data_prep.base import fingerprint

sys.path.insert(0, str(Path(__file__).parents[1]))  # pytest's files
from reproducing import Project

ROOT = Path(__file__).parents[2]
CAFFE = os.environ.get("CAFFE", ROOT / "build/bin/caffe")
DRML = (sys.executable, "-m", "drml")
INPUTS = "../../inputs"  # as a stage's folder sees it
ITERATIONS = 60
NET = ("solver.prototxt", "net_train_val.prototxt", "net_deploy.prototxt")
WEIGHTS = f"net_iter_{ITERATIONS}.caffemodel"
TRAIN = ("train", "solver.prototxt", "--log", "train.log", "--caffe", str(CAFFE))
FACES = ("--tasks", "2", "--frames", "20", "--height", "174", "--jobs", "1")
IMPORT = ("import", "bp4d", f"{INPUTS}/faces", "--fold", "1", "--sample", "none",
          "--size", "48", "--crop", "40", "--jobs", "1")  # fmt: skip


class Stage(NamedTuple):
    """A command, run in a folder of its own, and what of the folder is no result."""

    name: str
    command: tuple[str, ...]  # of drml
    besides: tuple[str, ...] = ()  # patterns, from the folder on
    fill: Callable[[Path], object] = lambda folder: None  # what is there before
    alone: bool = False  # it finds drml, its steps, in its folder

    def begin(self, folder: Path) -> None:
        """Make the folder anew, as it is before the command's first run."""
        empty(folder)
        self.fill(folder)

    def start(self, folder: Path, log: Path, limits=None) -> subprocess.Popen:
        """Start the command; `log` gets what it prints, limits is called before."""
        env = environment()
        if self.alone:
            env |= {"FAKE": str(folder), "PATH": f"{folder}:{env['PATH']}"}
        with log.open("w") as out:
            return subprocess.Popen(
                [*DRML, *self.command], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, process_group=0, preexec_fn=limits,
            )  # fmt: skip

    def results(self, folder: Path) -> dict[str, str]:
        """Return a hash of every file but those besides, hidden ones included."""
        names = {f: str(f.relative_to(folder)) for f in sorted(folder.rglob("*"))}
        return {
            name: fingerprint([file])
            for file, name in names.items()
            if file.is_file() and not any(fnmatch(name, own) for own in self.besides)
        }


def empty(folder: Path) -> None:
    """Make a folder, or remove what is in it: it may be a mount."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def environment() -> dict[str, str]:
    """One thread a process: sums are then the same whatever the machine has."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    own = os.pathsep.join([str(ROOT / "python"), str(ROOT)])
    path = os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH")]))
    return os.environ | threads | {"PYTHONPATH": path}


def copy_net(folder: Path) -> None:
    for name in NET:
        shutil.copy2(folder / INPUTS / name, folder)


def with_stand_ins(folder: Path) -> None:
    """Have make reproduce's steps done by stand-ins that take no time."""
    Project(folder)
    (folder / "same").touch()


# SQLite's file holds faces in the order in which workers gave them.
STAGES = (
    Stage(
        "import",
        (*IMPORT, "--out", "data", "--format", "both", "--aligned", "aligned"),
        ("data/registered.sqlite*",),
    ),
    Stage("train", TRAIN, ("train.log",), copy_net),
    Stage(
        "evaluate",
        ("evaluate", "--net", f"{INPUTS}/net_deploy.prototxt",
         "--weights", f"{INPUTS}/{WEIGHTS}",
         "--data", f"{INPUTS}/data/fold1", "--batch", "8", "--out", "evaluation"),
    ),
    Stage(
        "predict",
        ("predict", f"{INPUTS}/video.avi", f"{INPUTS}/pictures", "--annotate",
         "--weights", f"{INPUTS}/{WEIGHTS}", "--format", "fex", "--out", "seen"),
    ),
    Stage(
        "reproduce",
        ("reproduce", "--bp4d", "dataset", "--protocol", "short", "--out", "out",
         "--nets", "convnet", "--methods", "none", "--folds", "1",
         "--tables", "2"),
        ("calls", "out/.snakemake/*", "out/*/begun", "out/*.log"), with_stand_ins, True,
    ),
    Stage(
        "steps",
        ("reproduce", "--protocol", "demo", "--faces", "41", "1", "2", "174",
         "--nets", "convnet", "--iterations", "4", "--methods", "lsvm", "--folds", "1",
         "--tables", "2", "--out", "out", "--caffe", str(CAFFE)),
        ("out/.snakemake/*", "out/first_iteration/*", "out/*/import.json",
         "out/*/registered.sqlite*", "out/*/begun", "out/*.log"),
    ),
)  # fmt: skip

DATA = """
layer { name: "data" type: "MultilabelData" top: "data" top: "label"
  include { phase: PHASE }
  transform_param { scale: 0.02 mirror: true crop_size: 40
    mean_file: "INPUTS/data/fold1/mean.binaryproto" }
  data_param { source: "INPUTS/data/fold1/SPLIT_lmdb" batch_size: 8 }
  multilabel_data_param { shuffle: true seed: 1 } }
"""
LAYERS = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1
    weight_filler { type: "msra" } } }
layer { name: "region" type: "Region" bottom: "conv" top: "region"
  region_param { grid: 8 weight_filler { type: "msra" } } }
layer { name: "relu" type: "ReLU" bottom: "region" top: "region" }
layer { name: "fc" type: "InnerProduct" bottom: "region" top: "fc"
  inner_product_param { num_output: 64 weight_filler { type: "msra" } } }
layer { name: "drop" type: "Dropout" bottom: "fc" top: "fc" }
layer { name: "output" type: "InnerProduct" bottom: "fc" top: "output"
  inner_product_param { num_output: 12 weight_filler { type: "msra" } } }
"""
LOSS = """
layer { name: "loss" type: "MultilabelSigmoidCrossEntropyLoss"
  bottom: "output" bottom: "label" top: "loss" }
"""
DEPLOY = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 40 dim: 40 } } }
"""
PROB = 'layer { name: "prob" type: "Sigmoid" bottom: "output" top: "prob" }\n'
SOLVER = f"""
net: "net_train_val.prototxt" snapshot_prefix: "net" max_iter: {ITERATIONS} snapshot: 4
base_lr: 0.01 momentum: 0.9 lr_policy: "fixed" display: 5 random_seed: 1
test_iter: 2 test_interval: 20 solver_mode: CPU
"""


def write_net(folder: Path, data: str, solver: str = SOLVER) -> None:
    """Write the small net; data: the folder whose data/fold1 it is trained on."""
    phases = [("TRAIN", "train"), ("TEST", "val")]
    fed = "".join(
        DATA.replace("PHASE", phase).replace("SPLIT", split) for phase, split in phases
    )
    text = 'name: "small"\n' + fed.replace("INPUTS", data) + LAYERS + LOSS
    (folder / "net_train_val.prototxt").write_text(text)
    (folder / "net_deploy.prototxt").write_text(
        'name: "small"' + DEPLOY + LAYERS + PROB
    )
    (folder / "solver.prototxt").write_text(solver)


def make_inputs(work: Path) -> None:
    """Draw, import and train what the stages read, unless it is there."""
    inputs = work / "inputs"
    if (inputs / "made").exists():
        return
    stage = work / "inputs.making" / "run"  # from here INPUTS leads to the inputs
    stage.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(inputs, ignore_errors=True)
    inputs.mkdir()
    faces = f"{INPUTS}/faces"
    _drml(stage, "generate", faces, "--subjects", "3", *FACES)
    _drml(stage, *IMPORT, "--out", f"{INPUTS}/data")
    write_net(inputs, INPUTS)
    copy_net(stage)
    _drml(stage, *TRAIN)
    shutil.copy2(stage / WEIGHTS, inputs)
    record = (stage / "net_model.json").read_text().replace("../../inputs/", "")
    (inputs / "net_model.json").write_text(record.replace("run/", ""))
    _draw(stage, inputs)
    shutil.rmtree(stage.parent)
    (inputs / "made").touch()


def _drml(folder: Path, *words: str) -> None:
    command = [*DRML, *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"the inputs could not be made: {done.stderr or done.stdout}")


def _draw(stage: Path, inputs: Path) -> None:
    """Draw more faces, into a video and as pictures."""
    _drml(stage, "generate", "large", "--subjects", "2", "--tasks", "1",
          "--frames", "35", "--height", "174", "--jobs", "1")  # fmt: skip
    frames = sorted(stage.glob("large/Seq*/*/T1/*.jpg"))
    (inputs / "pictures").mkdir()
    for file in frames[::35]:
        name = f"{file.parts[-3]}_{file.name}"
        shutil.copy2(file, inputs / "pictures" / name)
    images = [cv2.imread(str(file)) for file in frames]
    size = images[0].shape[1::-1]
    code = cv2.VideoWriter_fourcc(*"MJPG")
    video = cv2.VideoWriter(str(inputs / "video.avi"), code, 25, size)
    for image in images:
        video.write(image)
    video.release()
