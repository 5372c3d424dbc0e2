"""The command `drml`: its subcommands in the order of the work.

A subcommand is a module with `add_arguments(parser)` and `run(options)`, whose
docstring is its help. Only the one that is asked for is imported, so that `drml --help`
is quick, and an import of faces needs no Caffe before it writes them.
"""

import difflib
import os
import resource
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import NoReturn

import drml
from data_prep.base import UserError, run
from drml.cli.options import UsageError, parser

COMMANDS = {
    "generate": "draw faces with known AUs in BP4D's or DISFA's layout",
    "import bp4d": "BP4D -> registered faces and labels for one fold",
    "import disfa": "DISFA -> the same, for one fold or all subjects",
    "import csv": "your own faces, listed in a CSV -> the same",
    "prototxt": "write a network's train_val, deploy and solver prototxt",
    "networks": "describe the networks: layers, sizes, parameters (docs/networks.md)",
    "train": "train with Caffe, going on from the newest snapshot",
    "select": "choose the snapshot with the best F1 on the val split",
    "best-fold": "say which fold's model stands for a network",
    "evaluate": "F1 and AUC per AU on a split, as a table and files",
    "features": "write a blob of every face, fc9 say, to HDF5",
    "classical": "LSVM, APL or JPML on SIFT: train, choose, evaluate",
    "readout": "AUs that a net has no output for, from its features",
    "figure saliency": "what a net looks at for each AU (Fig. 4)",
    "figure region": "what each patch of the region layer learned",
    "figure training": "losses over iterations (Fig. 5a)",
    "figure signal": "what of each layer differs between faces: why a plateau",
    "figure relations": "AU correlations in predictions and labels (Fig. 5b-d)",
    "predict": "AUs of your own pictures and videos",
    "serve": "a page on this machine: AUs of a webcam or a file, live",
    "export": "a Caffe net with its weights as ONNX, checked against Caffe",
    "time": "running time of the networks (Table 4)",
    "branches": "DRML as its authors released it: nets, weights, time",
    "report run": "one HTML report of evaluations and training logs",
    "report paper": "the paper's results section over what `reproduce` left",
    "reproduce": "the paper's experiments from start to end",
}
# The modules of data_prep are scripts, too: their `main` takes the words.
ELSEWHERE = {
    "generate": "data_prep.generate_faces",
    "import bp4d": "data_prep.bp4d",
    "import disfa": "data_prep.disfa",
    "import csv": "data_prep.own_faces",
}
OVERVIEW = """\
usage: drml COMMAND ...

Facial action units by Deep Region and Multi-label Learning, on Caffe.

{commands}

`drml COMMAND --help` says more of one; `drml --version` is the version.
Exit status: 0 done, 1 a mistake that one sentence names, 2 bad usage, 130 Ctrl-C."""


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the subcommand that the words (those of the command line) name."""
    words = list(sys.argv[1:] if words is None else words)
    name = next((c for c in COMMANDS if words[: c.count(" ") + 1] == c.split()), None)
    if name is None:
        sys.exit(front(words))
    sys.argv[0] = f"drml {name}"  # how messages begin
    run(partial(start, name, words[name.count(" ") + 1 :]))


def start(name: str, words: list[str]) -> int | None:
    """Import a subcommand and run it; returns its exit status."""
    reserve_buffers()
    os.environ["MPLBACKEND"] = "agg"  # figures are files, in a notebook, too
    module = load(name)
    try:
        if name in ELSEWHERE:
            return module.main(words)
        arguments = parser(module.__doc__, f"drml {name}")
        module.add_arguments(arguments)
        options = arguments.parse_args(words)
        options.command = shlex.join(["drml", *name.split(), *words])
        return module.run(options)
    except UsageError as error:
        arguments.error(str(error))
    except Exception as error:
        caffe, cv2 = (sys.modules.get(name) for name in ("caffe", "cv2"))
        if caffe and isinstance(error, caffe.Error):
            raise UserError(str(error)) from error  # Caffe's sentence
        if cv2 and isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from error
        raise


def reserve_buffers() -> None:
    """Have OpenBLAS map its buffers where the address space is limited (ulimit -v).

    It tries for ever to get them, one a thread: UserError where they and the libraries
    have no room; numpy's and scipy's are mapped before something else takes the room,
    Caffe's when it is loaded.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]  # 4, or 4,2: nested
    threads = int(asked) if asked.isdecimal() else os.cpu_count()
    least = (1024 + 128 * threads) << 20
    if limit < least:
        raise UserError(
            f"the address space is limited to {limit >> 20} MiB (ulimit -v), and the "
            f"libraries alone want {least >> 20} with {threads} threads: raise the "
            "limit, or set OMP_NUM_THREADS to less"
        )
    for library in ("numpy.linalg", "scipy.linalg"):
        import_module(library).cholesky([[1.0]])


def load(name: str) -> ModuleType:
    own = "drml.cli." + name.replace(" ", "_").replace("-", "_")
    try:
        return import_module(ELSEWHERE.get(name, own))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "caffe":
            raise
        raise UserError("Caffe is not built yet, which this needs: run make") from None


def front(words: list[str]) -> int:
    """Answer what names no subcommand; returns the exit status."""
    if words[:1] == ["--version"]:
        print(f"drml {drml.__version__}")
        return 0
    group = [c for c in COMMANDS if words and c.startswith(f"{words[0]} ")]
    rest = words[1:] if group else words
    if rest[:1] in (["-h"], ["--help"]):
        print(overview(group or COMMANDS))
        return 0
    if not rest:
        print(overview(group or COMMANDS), file=sys.stderr)
        return 2
    near = difflib.get_close_matches(" ".join(words[:2]), COMMANDS, 1)
    near = near or difflib.get_close_matches(words[0], COMMANDS, 1)
    hint = (
        f"did you mean drml {near[0]}?" if near else "drml --help lists what there is"
    )
    asked = " ".join(words[: 2 if group else 1])
    print(f"drml: error: there is no command {asked}; {hint}", file=sys.stderr)
    return 2


def overview(names: Sequence[str]) -> str:
    """List subcommands with a line each."""
    width = max(map(len, names)) + 2
    lines = [f"  {name:{width}}{COMMANDS[name]}" for name in names]
    return OVERVIEW.format(commands="\n".join(lines))
