"""pycaffe without Caffe's chatter: `from drml.pycaffe import caffe`."""

import tempfile

import caffe
from caffe.proto import caffe_pb2

caffe.init_log(1, True)  # warnings and errors only; glog allows one call a process


def load_net(param: caffe_pb2.NetParameter, phase: int = caffe.TEST) -> caffe.Net:
    """Build a net that is in no file."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(str(param))
        file.flush()
        return caffe.Net(file.name, phase)
