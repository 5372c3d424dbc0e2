"""A CUDA build without a GPU; `make cuda-check` says which (CUDA_BUILD)."""

import os
import subprocess
from pathlib import Path

import pytest

BUILD = Path(os.environ["CUDA_BUILD"]).resolve()
NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 24 dim: 1000 } shape { dim: 24 dim: 2 }
    data_filler { type: "gaussian" } data_filler { value: 1 } } }
layer { name: "output" type: "InnerProduct" bottom: "data" top: "output"
  inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "loss" type: "MultilabelSigmoidCrossEntropyLoss"
  bottom: "output" bottom: "label" top: "loss" }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" display: 1 max_iter: 3
snapshot_prefix: "tiny" solver_mode: GPU random_seed: 1
"""
NO_DEVICE, OLD_DRIVER, NO_KERNEL = 100, 35, 209  # cudaError_t
OR_THE_CPU = ", or use solver_mode: CPU and no -gpu."


@pytest.fixture
def caffe(tmp_path, monkeypatch):
    """Run build/bin/caffe with a fake GPU; keyword arguments are fake_cuda.c's."""
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(NET)
    Path("solver.prototxt").write_text(SOLVER)

    def run(*arguments, **settings) -> subprocess.CompletedProcess:
        fake = {f"FAKE_CUDA_{name.upper()}": str(x) for name, x in settings.items()}
        return subprocess.run(
            [BUILD / "bin/caffe", *arguments],
            env={**os.environ, "LD_PRELOAD": str(BUILD / "test/fake_cuda.so"), **fake},
            capture_output=True,
            text=True,
            timeout=100,
        )

    return run


def last_line(result) -> str:
    assert result.returncode == 1, result.stderr
    line = result.stderr.splitlines()[-1]
    assert line.startswith("F"), result.stderr
    return line.split("] ", 1)[1]


COMMANDS = {
    "train": ("train", "-solver", "solver.prototxt", "-gpu", "0"),
    "time": ("time", "-model", "net.prototxt", "-gpu", "0"),
    "device_query": ("device_query", "-gpu", "0"),
    "all": ("device_query", "-gpu", "all"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_driver(caffe, command):
    result = caffe(*COMMANDS[command], error=OLD_DRIVER, driver=0)
    sentence = "There is no NVIDIA driver here: install one" + OR_THE_CPU
    assert last_line(result) == sentence


def test_a_driver_older_than_the_toolkit(caffe):
    result = caffe(*COMMANDS["train"], error=OLD_DRIVER, driver=11080)
    line = last_line(result)
    assert line.startswith("The NVIDIA driver is for CUDA 11.8 and older, this Caffe ")
    assert line.endswith("update the driver, build with an older CUDA" + OR_THE_CPU)


def test_no_gpu(caffe):
    line = last_line(caffe(*COMMANDS["train"], error=NO_DEVICE))
    assert line.startswith("CUDA sees no GPU here")


def test_a_gpu_number_too_many(caffe):
    result = caffe("train", "-solver", "solver.prototxt", "-gpu", "0,1")
    assert "no GPU of that number; those here are 0 to 0: give one" in last_line(result)


def test_an_architecture_that_was_not_compiled(caffe):
    line = last_line(caffe(*COMMANDS["train"], kernels=NO_KERNEL))
    assert "and has no code for GPU 0 (61): build it with make CUDA_ARCH" in line


def test_out_of_memory_names_layer_and_batch(caffe):
    result = caffe(*COMMANDS["train"], bytes=24 * 1000 * 4 - 1)  # one less than data's
    assert last_line(result) == (
        "The GPU is out of memory (0.5 of 2.0 GiB are free) in layer 'output' at "
        "batch size 24: try batch_size: 12 (with iter_size: 2 in the solver, "
        "gradients are of as many images as before)."
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [(NO_DEVICE, "CUDA sees no GPU here"), (OLD_DRIVER, "There is no NVIDIA driver")],
)
def test_a_solver_for_the_gpu_trains_on_the_cpu(caffe, error, reason):
    result = caffe(*COMMANDS["train"][:3], error=error)
    assert result.returncode == 0, result.stderr
    assert "Optimization Done." in result.stderr
    (warning,) = [x for x in result.stderr.splitlines() if x[0] in "WE"]
    assert "training on the CPU instead. " + reason in warning


@pytest.mark.parametrize(
    ("options", "arithmetic"), [((), "FP32"), (("-tf32",), "TF32")]
)
def test_the_log_says_which_arithmetic(caffe, options, arithmetic):
    result = caffe(*COMMANDS["train"], *options, bytes=0)
    assert f"Arithmetic on the GPU: {arithmetic} " in result.stderr
