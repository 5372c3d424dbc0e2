"""`caffe time` of the paper's networks at its batch, layer by layer."""

import re
from functools import partial

from gpu import nets
from gpu.session import Result, Session, Table, progress, text_of

NETWORKS = ("drml", "convnet", "alexnet", "lcn")
BATCH, ITERATIONS = 128, 20
DATA = ("faces", "data")  # layers that do not count
LAYER = re.compile(r"\]\s+(\S+)\t(forward|backward): (\S+) ms\.$", re.M)


def run(session: Session) -> Result:
    results = {}
    for network in NETWORKS:
        text = text_of(session.nets / f"{network}_train_val.prototxt")
        text = nets.with_data(text, nets.random_faces(nets.crop(text), BATCH))
        progress(f"times: {network}, batch {BATCH}")
        results[network] = session.ledger.once(
            f"times-{network}", text, partial(time, session, network, text)
        )
    return judge(results)


def time(session: Session, network: str, text: str) -> dict:
    model = session.work / f"time_{network}.prototxt"
    model.write_text(text)
    ended = session.run(
        f"time-{network}",
        *("time", "-gpu=0", f"-model={model.name}", f"-iterations={ITERATIONS}"),
    )
    layers = read(ended.output) if ended.status == 0 else {}
    failed = "" if layers else ended.reason
    return {"layers": layers, "failed": failed}


def read(log: str) -> dict[str, dict[str, float]]:
    """Return milliseconds: {layer: {forward: , backward: }}, without the data."""
    layers: dict[str, dict[str, float]] = {}
    for name, way, milliseconds in LAYER.findall(log):
        if name not in DATA:
            layers.setdefault(name, {})[way] = float(milliseconds)
    return layers


def judge(results: dict) -> Result:
    """results: {network: what time() returned}."""
    failed = [f"{name}: {r['failed']}" for name, r in results.items() if r["failed"]]
    totals = {
        name: sum(sum(ways.values()) for ways in result["layers"].values())
        for name, result in results.items()
        if not result["failed"]
    }
    said = [f"{name} {total:.1f} ms" for name, total in totals.items()]
    summary = f"forward and backward of {BATCH} faces: " + ", ".join(said + failed)
    tables = [_table(name, results[name]["layers"]) for name in totals]
    return Result(not failed, summary, tables)


def _table(network: str, layers: dict) -> Table:
    rows = [
        [name, *(f"{ways.get(way, 0):.3f}" for way in ("forward", "backward"))]
        for name, ways in layers.items()
    ]
    sums = [sum(float(row[column]) for row in rows) for column in (1, 2)]
    rows.append(["all", *(f"{total:.3f}" for total in sums)])
    title = f"{network}, batch {BATCH}, FP32: ms a layer, mean of {ITERATIONS}"
    return Table(title, ["layer", "forward", "backward"], rows)
