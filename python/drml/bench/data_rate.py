"""How fast MultilabelData reads generated faces, as training reads them."""

import subprocess
import sys
from pathlib import Path
from time import perf_counter

from google.protobuf import text_format

from caffe.proto import caffe_pb2
from data_prep.base import UserError
from drml.bench.result import Measure, summarise
from drml.prototxt import Training, train_val
from drml.pycaffe import caffe, load_net

SECONDS = 2  # a measurement; what had been read ahead is used up before


def face_time(folder: Path, batch: int, rounds: int) -> Measure:
    """Return milliseconds a face, of DRML's training; faces are kept in `folder`."""
    net = load_net(_data_net(_faces(folder), batch), caffe.TRAIN)
    return summarise([_time(net) / batch for _ in range(rounds + 1)][1:])


def _time(net: caffe.Net) -> float:
    start, batches = perf_counter(), 0
    while perf_counter() - start < SECONDS:
        net.forward()
        batches += 1
    return 1000 * (perf_counter() - start) / batches


def _faces(folder: Path) -> Path:
    """Draw and import faces, if that was not done yet."""
    drawn, imported = folder / "generated", folder / "imported"
    if not (imported / "fold1" / "dataset.json").exists():
        size = "--subjects 6 --tasks 2 --frames 60 --seed 1".split()
        _run("generate_faces.py", drawn, *size)
        _run("bp4d.py", drawn, "--out", imported, *"--fold 1 --sample none".split())
    return imported / "fold1"


def _run(script: str, *arguments: str | Path) -> None:
    command = [sys.executable, Path("data_prep") / script, *arguments]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        raise UserError(f"{script} failed; see above")


def _data_net(faces: Path, batch: int) -> caffe_pb2.NetParameter:
    text = train_val("drml", Training(data=str(faces), batch=batch))
    net = text_format.Parse(text, caffe_pb2.NetParameter())
    layers = [layer for layer in net.layer if layer.type == "MultilabelData"]
    del net.layer[:]
    net.layer.extend(layers)
    return net
