"""Runtimes that take a network as ONNX; runs in the peers' environment."""

import numpy as np

from bench.engine import Engine
from bench.serve import serve


class OnnxEngine(Engine):
    """ONNX Runtime, OpenVINO or OpenCV, in float32."""

    def prepare(self, runtime: str, model: str, values: np.ndarray, threads: int):
        """Load a model for `iterate`, which scores these images, and for `score`."""
        self.iteration = RUNTIMES[runtime](model, values, threads)

    def score(self) -> np.ndarray:
        return np.array(self.iteration())


def onnx_runtime(model: str, values: np.ndarray, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )
    (name,) = (x.name for x in session.get_inputs())
    return lambda: session.run(None, {name: values})[0]


def openvino(model: str, values: np.ndarray, threads: int):
    import openvino

    core = openvino.Core()
    read = core.read_model(model)
    read.reshape(list(values.shape))
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",  # by itself it takes bfloat16 where it can
    }
    compiled = core.compile_model(read, "CPU", options)
    return lambda: compiled(values)[0]


def opencv(model: str, values: np.ndarray, threads: int):
    import cv2

    cv2.setNumThreads(threads)
    net = cv2.dnn.readNetFromONNX(model)

    def score():
        net.setInput(values)
        return net.forward()

    return score


RUNTIMES = {"ONNX Runtime": onnx_runtime, "OpenVINO": openvino, "OpenCV": opencv}


if __name__ == "__main__":
    serve(OnnxEngine())
