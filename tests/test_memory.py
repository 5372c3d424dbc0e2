"""How much memory LCN's training takes; docs/benchmarks.md has the figure."""

import multiprocessing
import resource
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from google.protobuf import text_format

from caffe.proto import caffe_pb2

ROOT = Path(__file__).parents[1]
NET = ROOT / "prototxt/lcn_train_val.prototxt"
BATCH = 16
FACES = f"""
layer {{ name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param {{
    shape {{ dim: {BATCH} dim: 3 dim: 170 dim: 170 }} shape {{ dim: {BATCH} dim: 12 }}
    data_filler {{ type: "gaussian" std: 60 }} data_filler {{ value: 1 }} }} }}
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.001 lr_policy: "fixed" momentum: 0.9
weight_decay: 0.0005 display: 1 max_iter: 2 snapshot_after_train: false
solver_mode: CPU random_seed: 1
"""


def write_training(folder):
    """Write the committed LCN with random faces, and a solver for two iterations."""
    net = text_format.Parse(FACES, caffe_pb2.NetParameter())
    lcn = text_format.Parse(NET.read_text(), caffe_pb2.NetParameter())
    net.layer.extend(x for x in lcn.layer if x.type != "MultilabelData")
    (folder / "net.prototxt").write_text(text_format.MessageToString(net))
    (folder / "solver.prototxt").write_text(SOLVER)


def train(folder):
    """Run `caffe train`; returns its log and the most resident memory in GiB."""
    command = [ROOT / "build/bin/caffe", "train", "-solver", "solver.prototxt"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stderr, children.ru_maxrss / 2**20  # from KiB


def test_lcn_trains_in_6_gib(tmp_path):
    write_training(tmp_path)
    # A program starts with the peak of the process that started it: of a fresh one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        log, peak = pool.submit(train, tmp_path).result()
    assert "Iteration 2, loss" in log
    print(f"LCN's training at batch {BATCH} takes {peak:.1f} GiB")
    # 293 million weights, their gradients and SGD's history are 3.3 GiB of it.
    assert 3.2 < peak < 6
