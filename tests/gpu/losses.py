"""DRML's first losses on the CPU and on the GPU, and the GPU's twice.

The nets have no dropout (its masks are drawn elsewhere on a GPU) and the faces come in
one order. Judged are the net with the release's fillers, whose losses three codes for
the CPU (oneDNN's, Caffe's own for one processor, Caffe's own for any) gave with the
same six digits; and of the demo's, whose fillers keep the signal's size, the loss
before and after one update: from the third on those three part, by 2e-4 in ten
iterations, as a ReLU or a maximum near a tie falls otherwise. A sum in float32 in
another order is off by some 1e-6 of itself; a wrong gradient of any layer shows in the
demo's second loss.
"""

import hashlib
import re
from functools import partial
from pathlib import Path

from drml.nets.log import parse
from gpu import nets
from gpu.children import Ended
from gpu.session import Result, Session, Table, text_of

ITERATIONS, BATCH = 10, 16
CLOSE = 1e-4  # relative
JUDGED = {"release": 10, "demo": 2}  # losses, of ten
RUNS = {"CPU": (), "GPU": ("-gpu", "0"), "GPU again": ("-gpu", "0")}
RUNS["GPU, TF32"] = ("-gpu", "0", "-tf32")
SOLVER = """net: "{net}"
type: "SGD"
base_lr: 0.001
lr_policy: "fixed"
momentum: 0.9
weight_decay: 0.0005
display: 1
max_iter: {iterations}
snapshot_prefix: "{prefix}"
random_seed: 1
solver_mode: CPU
"""


def run(session: Session) -> Result:
    nets.write_face_list(session.data, session.work / "train.txt")
    results = {}
    for net, folder in (("release", session.data / "release"), ("demo", session.data)):
        faces = nets.hdf5_faces("train.txt", BATCH, shuffle=False)
        text = text_of(folder / "drml_train_val.prototxt")
        text = nets.with_data(text, faces, dropout=False)
        results[net] = {
            how: session.ledger.once(
                f"losses-{net}-{re.sub('[, ]+', '_', how)}",
                [text, SOLVER, options],
                partial(train, session, net, text, options),
            )
            for how, options in RUNS.items()
        }
    return judge(results)


def train(session: Session, net: str, text: str, options: tuple) -> dict:
    """Return the losses as Caffe prints them and a hash of the weights."""
    name = f"losses_{net}"
    (session.work / f"{name}.prototxt").write_text(text)
    solver = session.work / f"{name}_solver.prototxt"
    solver.write_text(
        SOLVER.format(net=f"{name}.prototxt", iterations=ITERATIONS, prefix=name)
    )
    ended = session.run(name, "train", "-solver", solver.name, *options)
    try:
        return read(ended, session.work / f"{name}_iter_{ITERATIONS}.caffemodel")
    finally:
        for snapshot in session.work.glob(f"{name}_iter_*"):
            snapshot.unlink()


def read(ended: Ended, weights: Path) -> dict:
    if ended.status != 0:
        return {"losses": [], "weights": "", "failed": ended.reason}
    curve = parse(ended.output.splitlines()).train_loss
    losses = [curve[i] for i in range(ITERATIONS) if i in curve]
    failed = "" if len(losses) == ITERATIONS else "its log lacks some of the losses"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return {"losses": losses, "weights": digest, "failed": failed}


def judge(results: dict) -> Result:
    """results: {net: {how: what train() returned}}."""
    failed = [
        f"{net} net, {how}: {run['failed']}"
        for net, runs in results.items()
        for how, run in runs.items()
        if run["failed"]
    ]
    if failed:
        return Result(False, "; ".join(failed))
    apart = {net: _apart(net, runs) for net, runs in results.items()}
    same = all(_same(runs) for runs in results.values())
    worst = max(apart.values())
    summary = (
        f"CPU and GPU differ by at most {worst:.1e} (allowed: {CLOSE:.0e}); a second "
        f"run on the GPU gave {'the same bits' if same else 'OTHER WEIGHTS OR LOSSES'}"
    )
    tables = [_table(net, runs, apart[net]) for net, runs in results.items()]
    return Result(worst <= CLOSE and same, summary, tables)


def _apart(net: str, runs: dict) -> float:
    """The largest relative difference of the losses that are judged (nan: inf)."""
    pairs = list(zip(runs["CPU"]["losses"], runs["GPU"]["losses"]))[: JUDGED[net]]
    return max(_difference(cpu, gpu) for cpu, gpu in pairs)


def _difference(cpu: float, gpu: float) -> float:
    difference = abs(gpu - cpu) / abs(cpu) if cpu else abs(gpu)
    return difference if difference == difference else float("inf")


def _same(runs: dict) -> bool:
    once, again = runs["GPU"], runs["GPU again"]
    keys = ("losses", "weights")
    return all(once[key] == again[key] for key in keys)


def _table(net: str, runs: dict, apart: float) -> Table:
    columns = [runs[how]["losses"] for how in RUNS]
    rows = [
        [str(i), *(f"{loss:g}" for loss in losses), f"{_difference(*losses[:2]):.1e}"]
        for i, losses in enumerate(zip(*columns))
    ]
    header = ["iteration", *RUNS, "GPU to CPU"]
    same = "are" if _same(runs) else "are NOT"
    notes = [
        f"The first {JUDGED[net]} are judged: at most {apart:.1e} apart. The weights "
        f"after {ITERATIONS} iterations {same} the same bits in both runs on the GPU. "
        "TF32 is shown, not judged."
    ]
    return Table(f"Losses of the {net}'s DRML, batch {BATCH}", header, rows, notes)
