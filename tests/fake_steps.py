"""A plan of toy steps in a process of its own, for the tests of make reproduce.

    dataset/ -> data -> prototxt (editable) -> train -> test -> report (joins)
                        prototxt2           -> train2 -> test2 ^

Each step writes OUT/NAME.txt: its own options and what it read. It notes its name in
`calls`. With a file `hold/NAME` it waits there until it is stopped.
"""

import sys
from pathlib import Path

from data_prep.base import locked, run
from drml.reproduce.driver import bring_about
from drml.reproduce.estimate import Estimate
from drml.reproduce.ledger import Ledger
from drml.reproduce.step import Step

OUT = Path("out")
WORK = """
import pathlib, sys, time
from data_prep.base import UserError, run

def main():
    out, *words = sys.argv[1:]
    name = pathlib.Path(out).stem
    with open("calls", "a") as calls:
        print(name, file=calls)
    unfinished = pathlib.Path(out).with_suffix(".part")
    begun = unfinished.exists()
    unfinished.touch()
    if pathlib.Path("fail", name).exists():
        raise UserError(f"{name} has no room")
    while pathlib.Path("hold", name).exists():
        pathlib.Path("holding").write_text(str(__import__("os").getpid()))
        time.sleep(0.01)
    read = [pathlib.Path(w) for w in words if w.endswith(".txt")]
    texts = [file.read_text() for file in read if name != "report" or file.exists()]
    options = " ".join(w for w in words if not w.endswith(".txt"))
    if not pathlib.Path("silent", name).exists():
        pathlib.Path(out).write_text(f"{name} {options} {begun} ({' '.join(texts)})")
    unfinished.unlink()

run(main)
"""


def step(name: str, *needs: Step, options=(), **more) -> Step:
    made = f"{OUT}/{name}.txt"
    words = ("-c", WORK, made, *(need.outputs[0] for need in needs), *options)
    return Step(
        name, name, words, (made,), needs, leaves=(f"{OUT}/{name}.part",), **more
    )


def plan(seed: str, tests: int) -> list[Step]:
    dataset = Path("dataset").absolute()
    data = step("data", reads=(dataset,))
    steps, joined = [data], []
    for number in ("", "2")[:tests]:
        prototxt = step(
            f"prototxt{number}", options=("--seed", seed), editable=True, brief=True
        )
        train = step(f"train{number}", data, prototxt)
        test = step(f"test{number}", train)
        steps += [prototxt, train, test]
        joined.append(test)
    return [*steps, step("report", *joined, joins=True, partial=True)]


def main() -> None:
    seed, tests, *redo = sys.argv[1:]
    steps = plan(seed, int(tests))
    ledger = Ledger(OUT, {Path("dataset").absolute(): "BP4D"})
    with locked(OUT, "make reproduce", "another OUT"):
        estimate = Estimate(ledger, steps, 1, "an abacus")
        bring_about("toys", steps, ledger, estimate, bool(redo), bool)


if __name__ == "__main__":
    run(main)
