"""The demo's DRML trained on the GPU: its loss falls, its snapshot is there."""

import re
from functools import partial
from statistics import mean, median

from drml.nets.log import SPEED, parse
from gpu import nets
from gpu.session import Result, Session, Table, progress, text_of

BATCH = 8  # the demo's
SHOWN = 10  # displayed losses at both ends
# Of the first losses' mean; on the CPU the last came to 0.014 and to 0.017 of it.
FALLS_TO = 0.1


def run(session: Session) -> Result:
    nets.write_face_list(session.data, session.work / "train.txt")
    faces = nets.hdf5_faces("train.txt", BATCH, shuffle=True)
    net = nets.with_data(text_of(session.data / "drml_train_val.prototxt"), faces)
    solver = own(text_of(session.data / "drml_solver.prototxt"))
    progress("train: the demo's DRML on the GPU")
    trained = session.ledger.once(
        "train-gpu", [net, solver], partial(train, session, net, solver)
    )
    return judge(trained)


def own(solver: str) -> str:
    """The demo's solver without its test net, and with our names."""
    solver = re.sub(r"^(test_\w+|net|snapshot_prefix):.*\n", "", solver, flags=re.M)
    return solver + 'net: "train.prototxt"\nsnapshot_prefix: "train"\n'


def train(session: Session, net: str, solver: str) -> dict:
    (session.work / "train.prototxt").write_text(net)
    (session.work / "train_solver.prototxt").write_text(solver)
    ended = session.run("train", "train", "-solver=train_solver.prototxt", "-gpu=0")
    snapshots = sorted(session.work.glob("train_iter_*"))
    names = [snapshot.name for snapshot in snapshots]
    for snapshot in snapshots:
        snapshot.unlink()
    lines = ended.output.splitlines()
    speeds = [m for line in lines if (m := SPEED.search(line))]
    return {
        "losses": parse(lines).train_loss,
        # Caffe's first line has done no iteration yet.
        "milliseconds": [1000 / float(m[2]) for m in speeds[1:]],
        "snapshots": names,
        "failed": "" if ended.status == 0 else ended.reason,
    }


def judge(trained: dict) -> Result:
    """trained: what train() returned, as JSON has it."""
    if trained["failed"]:
        return Result(False, trained["failed"])
    losses = list(trained["losses"].values())
    first, last = mean(losses[:SHOWN]), mean(losses[-SHOWN:])
    falls = len(losses) >= 2 * SHOWN and last < FALLS_TO * first
    written = any(name.endswith(".caffemodel") for name in trained["snapshots"])
    times = trained["milliseconds"]
    summary = (
        f"the loss went from {first:.3g} to {last:.3g} (means of {SHOWN} displayed; "
        f"asked: below {FALLS_TO:g} of the first), {median(times):.3g} ms an iteration "
        f"of {BATCH} faces, " + ("a snapshot written" if written else "NO SNAPSHOT")
    )
    rows = [[i, f"{loss:.4g}"] for i, loss in trained["losses"].items()]
    table = Table("Training losses", ["iteration", "loss"], rows)
    return Result(falls and written, summary, [table])
