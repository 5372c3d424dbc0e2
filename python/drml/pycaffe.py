"""pycaffe without Caffe's chatter: `from drml.pycaffe import caffe`."""

import tempfile

import caffe
from caffe.proto import caffe_pb2
from data_prep.base import UserError

caffe.init_log(1, True)  # warnings and errors only; glog allows one call a process


def load_net(param: caffe_pb2.NetParameter, phase: int = caffe.TEST) -> caffe.Net:
    """Build a net that is in no file."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(str(param))
        file.flush()
        return caffe.Net(file.name, phase)


def usual_mode() -> str:
    """Return "gpu" where there is a usable one, which `caffe train` uses, or "cpu"."""
    return "gpu" if caffe.has_usable_gpu() else "cpu"


def check_mode(asked: str | None) -> None:
    """Raise UserError where a GPU is asked for that nets cannot be computed on."""
    if asked == "gpu" and usual_mode() == "cpu":
        raise UserError(
            "there is no GPU here that this build of Caffe can use: ask for the CPU, "
            "or build Caffe with CUDA (make CPU_ONLY=0)"
        )


def choose_mode(asked: str | None = None) -> str:
    """Have nets computed as asked, or else in the usual mode; returns which.

    UserError where a GPU is asked for that this machine or this Caffe does not have.
    """
    check_mode(asked)
    mode = asked or usual_mode()
    caffe.set_mode_gpu() if mode == "gpu" else caffe.set_mode_cpu()
    return mode


def engine(mode: str | None = None) -> str:
    """Name the code that computes nets, in the usual mode or another."""
    if (mode or usual_mode()) == "gpu":
        return "CUDA"
    return "oneDNN" if caffe.onednn_is_default() else "Caffe's own code"
