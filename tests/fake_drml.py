#!/usr/bin/env python3
"""Stands in for `drml` in tests of make reproduce: writes what a subcommand writes.

A result's text is its command and the texts of the files that it names. In the folder
$FAKE it notes each call in `calls`; where `fail/WORD` is there and WORD a word of the
command, it fails; with `hold/WORD` it writes its id into `holding` and waits there. A
training leaves a snapshot before it waits, and says from which it went on, in its
weights, too, unless there is a file `same`.
"""

import hashlib
import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

FAKE = Path(os.environ["FAKE"])
EVALUATION = ("predictions.h5", "evaluation.json", "evaluation.csv")
PAIRS = {"import": 2, "figure": 2, "report": 2}


def main() -> None:
    words = sys.argv[1:]
    name = " ".join(words[: PAIRS.get(words[0], 1)])
    words = words[len(name.split()) :]
    given = dict(pairwise(words))
    with open(FAKE / "calls", "a") as calls:
        print(name, *words, file=calls)
    if is_marked("fail", name, words):
        sys.exit(f"{name} has no room")
    make = {"train": train, "select": select, "best-fold": best_fold}.get(name)
    if make:
        make(words, given)
        return
    wait(name, words)
    for file in files(name, words, given):
        write(Path(file), words)


def files(name: str, words: list[str], given: dict) -> list[str]:
    out, net = given.get("--out", words[0]), given.get("--network")
    if name.startswith("import"):
        out += "/all" if given["--fold"] == "all" else f"/fold{given['--fold']}"
    return {
        "generate": [f"{out}/generated.json"],
        "import bp4d": [f"{out}/{f}" for f in fold("train", "val", "test")],
        "import disfa": [f"{out}/{f}" for f in fold("test")],
        "prototxt": [
            f"{out}/{net}_{kind}.prototxt" for kind in ("train_val", "deploy", "solver")
        ],
        "evaluate": [f"{out}/{file}" for file in EVALUATION],
        "readout": [f"{out}/{file}" for file in EVALUATION],
        "features": [out],
        "classical": [
            f"{out}/model.h5",
            *(f"{out}/{split}/{f}" for split in ("val", "test") for f in EVALUATION),
        ],
        "figure saliency": [
            f"{out}/saliency{f}" for f in (".png", "_mean.png", ".csv")
        ],
        "figure relations": [f"{out}/relations.png", f"{out}/relations.csv"],
        "figure region": [f"{out}/region.png", f"{out}/region.csv"],
        "time": [f"{out}/running_time.csv"],
        "report paper": ["report/results.html", "report/results.md"],
        "report run": [out],
    }[name]


def fold(*splits: str) -> list[str]:
    lmdbs = [f"{split}_lmdb/data.mdb" for split in splits]
    return ["dataset.json", "mean.binaryproto", *lmdbs]


def write(file: Path, words: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    read = [Path(w) for w in words if w.endswith((".prototxt", ".json", ".caffemodel"))]
    file.write_text(" ".join(words) + "".join(f"\n{f.read_text()}" for f in read))


def is_marked(kind: str, name: str, words: list[str]) -> bool:
    marks = (FAKE / kind / word.replace("/", "-") for word in (name, *words))
    return any(mark.is_file() for mark in marks)


def wait(name: str, words: list[str]) -> None:
    while is_marked("hold", name, words):
        (FAKE / "holding").write_text(str(os.getpid()))
        time.sleep(0.01)


def train(words: list[str], given: dict) -> None:
    prefix = words[0].removesuffix("_solver.prototxt")
    state = Path(f"{prefix}_iter_1.solverstate")
    begun = "went on" if state.exists() else "began"
    state.touch()
    with open(given["--log"], "a") as log:
        print(begun, file=log)
    wait("train", words)
    how = "trained" if (FAKE / "same").exists() else begun
    write(Path(f"{prefix}_iter_2.caffemodel"), [how, words[0]])
    Path(f"{prefix}_iter_2.solverstate").touch()


def select(words: list[str], given: dict) -> None:
    wait("select", words)
    (weights,) = Path(given["--out"]).parent.glob("*_iter_*.caffemodel")
    content = hashlib.sha256(hashlib.sha256(weights.read_bytes()).digest()).hexdigest()
    scored = {"iteration": 2, "weights": str(weights), "fingerprint": content}
    scored |= {"f1": 0.5, "auc": 0.5, "aus": 12}
    record = {"weights": str(weights), "snapshots": [scored]}
    Path(given["--out"]).write_text(json.dumps(record))


def best_fold(words: list[str], given: dict) -> None:
    file = Path(given["--selections"])
    weights = json.loads(file.read_text())["weights"]
    found = {"fold": int(str(file.parent)[-1]), "net": "", "weights": weights}
    Path(given["--out"]).write_text(json.dumps(found | {"data": given["--data"]}))


if __name__ == "__main__":
    main()
