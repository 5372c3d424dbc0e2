"""pycaffe: what fails is a Python exception, and all else goes on as before."""

import gc
import os
import resource
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import cv2
import h5py
import lmdb
import numpy as np
import pytest
from tiny_dataset import make_dataset

from caffe.proto import caffe_pb2
from drml.nets.pycaffe import caffe

HERE = Path(__file__).parent
INPUT = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 2 dim: 3 dim: 16 dim: 16 } } }
"""
NET = (
    INPUT
    + """
layer { name: "region" type: "Region" bottom: "data" top: "region"
  region_param { grid: 4 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "conv" type: "Convolution" bottom: "region" top: "conv"
  convolution_param { num_output: 4 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { kernel_size: 2 stride: 2 } }
"""
)
TRAINING = """
layer { name: "data" type: "MultilabelData" top: "data" top: "label"
  data_param { source: "data/test_lmdb" batch_size: 4 backend: LMDB }
  transform_param { crop_size: 16 } }
layer { name: "output" type: "InnerProduct" bottom: "data" top: "output"
  inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 0.001 } } }
layer { name: "loss" type: "MultilabelSigmoidCrossEntropyLoss"
  bottom: "output" bottom: "label" top: "loss" }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.0001 lr_policy: "fixed" random_seed: 1\n'


def net(text=NET, name="net.prototxt", phase=caffe.TEST, **options):
    Path(name).write_text(text)
    return caffe.Net(name, phase, **options)


def without(text, old, new=""):
    assert old in text
    return text.replace(old, new)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """A net that others' mistakes must not touch, and what it computes."""
    caffe.set_random_seed(1)
    whole = net(name=str(tmp_path_factory.mktemp("others") / "net.prototxt"))
    whole.blobs["data"].data[...] = np.random.default_rng(1).normal(size=(2, 3, 16, 16))
    return whole, whole.forward()["pool"].copy()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_dataset(Path("data"))


def reshape(whole, shape):
    whole.blobs["data"].reshape(*shape)
    whole.reshape()


def truncated_weights():
    whole = net()
    whole.save("whole.caffemodel")
    Path("half.caffemodel").write_bytes(Path("whole.caffemodel").read_bytes()[:-9])
    whole.copy_from("half.caffemodel")


def weights_of(content, load="copy_from"):
    Path("weights").write_bytes(content)
    getattr(net(), load)("weights")


def solver(text=SOLVER):
    Path("solver.prototxt").write_text(text)
    return caffe.SGDSolver("solver.prototxt")


def on_the_gpu():
    if caffe.has_usable_gpu():
        pytest.skip("there is a GPU here")
    whole = net()
    caffe.set_mode_gpu()
    try:
        whole.forward()
    finally:
        caffe.set_mode_cpu()


def damage(number):
    with lmdb.open("data/test_lmdb") as env, env.begin(write=True) as txn:
        key, value = list(txn.cursor())[number]
        datum = caffe_pb2.Datum.FromString(value)
        datum.data = b"\xff\xd8" + bytes(50)
        txn.put(key, datum.SerializeToString())


def damaged_record():
    damage(9)
    training = net(TRAINING, phase=caffe.TRAIN)
    for _ in range(2):
        training.forward()
    training.forward()


def no_protobuf():
    with lmdb.open("data/test_lmdb") as env, env.begin(write=True) as txn:
        txn.put(next(iter(txn.cursor()))[0], b"\xff\xff")
    net(TRAINING)


STOCK_DATA = """
layer { name: "data" type: "Data" top: "data"
  data_param { source: "nowhere" batch_size: 4 backend: LMDB } }
"""
MEMORY_DATA = """
layer { name: "data" type: "MemoryData" top: "data" top: "label"
  memory_data_param { batch_size: 2 channels: 3 height: 4 width: 4 } }
"""
MISTAKES = {
    "unparsable prototxt": (
        lambda: net("name: 'a'\nlayer { nmae: 'b' }"),
        r'^Cannot parse net.prototxt: line 2, column 13: .* no field named "nmae"\.$',
    ),
    "prototxt that ends early": (
        lambda: net(NET[:-3]),
        r"^Cannot parse net.prototxt: line 10, column \d+: ",
    ),
    "missing prototxt": (
        lambda: caffe.Net("nowhere.prototxt", caffe.TEST),
        "^Could not open file nowhere.prototxt$",
    ),
    "unknown layer type": (
        lambda: net(without(NET, '"Region"', '"Regoin"')),
        r"Unknown layer type: Regoin \(known types: AbsVal",
    ),
    "unknown filler": (
        lambda: net(without(NET, "xavier", "xaver")),
        "Unknown filler name: xaver",
    ),
    "unknown blob": (
        lambda: net(without(NET, 'bottom: "conv"', 'bottom: "cnov"')),
        r"Unknown bottom blob 'cnov' \(layer 'pool', bottom index 0\)",
    ),
    "truncated weights": (truncated_weights, "half.caffemodel"),
    "missing weights": (
        lambda: net(weights="nowhere"),
        "^Could not open file nowhere$",
    ),
    "missing weights of a net that is there": (
        lambda: net().copy_from("nowhere"),
        r"^Cannot open nowhere \(No such file or directory\); a relative path",
    ),
    "missing HDF5": (
        lambda: net().load_hdf5("nowhere.h5"),
        r"^Cannot open nowhere.h5 \(No such file or directory\); a relative path",
    ),
    "empty weights": (
        lambda: weights_of(b""),
        "^Cannot take weights from weights: it has no layers; is it a .caffemodel",
    ),
    "weights that are a prototxt": (
        lambda: weights_of(NET.encode()),
        "^Cannot parse weights: it is no .caffemodel, or cut off",
    ),
    "HDF5 that is none": (
        lambda: weights_of(b"hello", "load_hdf5"),
        "^Cannot read weights: it is no HDF5 file, or cut off",
    ),
    "HDF5 solver state that is none": (
        lambda: (net().save_hdf5("weights.h5"), solver().restore("weights.h5")),
        "^Cannot read weights.h5: it is no solver state",
    ),
    "folder": (
        lambda: caffe.Net(".", caffe.TEST),
        r"^Cannot open . \(Is a directory\); a relative path",
    ),
    "unknown phase": (
        lambda: net(phase=2),
        "^The phase is caffe.TRAIN or caffe.TEST$",
    ),
    "no solvers": (lambda: caffe.set_solver_count(0), "Solvers are counted from 1"),
    "grid that does not divide": (
        lambda: reshape(net(), (2, 3, 18, 16)),
        r"^Region layer 'region': blob 'data' is 18 x 16 \(H x W\), which a grid of",
    ),
    "too small an input": (
        lambda: reshape(net(), (2, 3, 4, 4)),
        r"^Convolution layer 'conv': its input has 4 \+ 0 \(padding\) values along",
    ),
    "too large an input": (
        lambda: reshape(net(), (2, 3, 100_000, 100_000)),
        "blob size exceeds INT_MAX",
    ),
    "negative size": (lambda: reshape(net(), (2, 3, -4, 4)), "Check failed: shape"),
    "solver without its net": (
        lambda: solver(without(SOLVER, "net.pro", "nowhere.pro")),
        r"^Cannot open nowhere.prototxt \(No such file or directory\); a relative",
    ),
    "unparsable solver": (
        lambda: solver("base_lr: fast"),
        r"^Cannot parse solver.prototxt: line 1, column 10: ",
    ),
    "no GPU": (on_the_gpu, "^Cannot use a GPU: this Caffe was built without CUDA;"),
    "missing LMDB": (
        lambda: net(without(TRAINING, "data/test_lmdb", "nowhere")),
        r"^Cannot read LMDB nowhere \(No such file or directory\); make it with",
    ),
    "missing LMDB of Caffe's own layer": (
        lambda: net(STOCK_DATA),
        r"^Cannot open LMDB nowhere \(No such file or directory\); a relative",
    ),
    "damaged record": (
        damaged_record,
        r"^record '00000009_F001_T1_9' of LMDB data/test_lmdb holds a damaged image;",
    ),
    "record that is none": (no_protobuf, "is no Datum; make the LMDB again"),
    "batch of another size": (
        lambda: net().forward(data=np.zeros((3, 3, 16, 16))),
        "^Input is not batch sized: blob 'data' is for 2, not 3; reshape it first.$",
    ),
    "blob that is no input": (
        lambda: net().forward(image=np.zeros((2, 3, 16, 16))),
        r"^Input blob arguments do not match net inputs: \['image'\] given, .*\['data'",
    ),
    "input arrays of another size": (
        lambda: net(MEMORY_DATA).set_input_arrays(
            np.zeros((2, 3, 4, 5), np.float32), np.zeros(2, np.float32)
        ),
        "^data array has wrong width$",
    ),
    "input arrays that are none": (
        lambda: net(MEMORY_DATA).set_input_arrays([1], np.zeros(2, np.float32)),
        "^data array must be a numpy array$",
    ),
    "layer that is not there": (
        lambda: net()._forward(0, 9),
        r"Check failed: end < layers_.size\(\) \(9 vs. 4\)",
    ),
    "weights of another net": (
        lambda: (net().save("a.caffemodel"), net(
            without(NET, "num_output: 4", "num_output: 5")
        ).copy_from("a.caffemodel")),
        "^Cannot copy param 0 weights from layer 'conv'; shape mismatch",
    ),
    "device that is not there": (lambda: caffe.set_device(77), "GPU"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_an_exception_and_all_else_goes_on(mistake, others, capfd):
    make, sentence = MISTAKES[mistake]
    with pytest.raises(caffe.Error, match=sentence) as error:
        make()
    assert isinstance(error.value, RuntimeError)
    assert "\n" not in str(error.value)
    told = capfd.readouterr().err
    assert "***" not in told  # glog's stack trace
    assert "HDF5-DIAG" not in told
    whole, output = others
    np.testing.assert_array_equal(whole.forward()["pool"], output)


def test_paths_and_numpy_integers_are_taken():
    path = Path("weights.caffemodel")
    first = net()
    first.save(path)
    second = caffe.Net(Path("net.prototxt"), caffe.TEST, weights=path)
    np.testing.assert_array_equal(
        second.params["conv"][0].data, first.params["conv"][0].data
    )
    second.blobs["data"].reshape(*np.array([5, 3, 20, 20]))
    assert second.forward()["pool"].shape == (5, 4, 8, 8)
    Path("net.prototxt").write_text(TRAINING)
    training = solver(SOLVER + 'snapshot_prefix: "s"')
    caffe.set_random_seed(np.uint32(7))
    training.step(np.int64(3))
    training.snapshot()
    again = caffe.SGDSolver(Path("solver.prototxt"))
    again.restore(Path("s_iter_3.solverstate"))
    assert again.iter == 3


def test_weights_of_another_net_are_a_warning(capfd):
    net().save("weights.caffemodel")
    other = NET.replace('e: "region"', 'e: "r"').replace('e: "conv"', 'e: "c"')
    net(NET, weights="weights.caffemodel")
    assert "No weights were copied" not in capfd.readouterr().err
    net(other, weights="weights.caffemodel")
    assert "No weights were copied: net ''" in capfd.readouterr().err


@pytest.mark.parametrize("shape", [(2, 3, 18, 16), (2, 3, 4, 4), (2, 3, 10**5, 10**5)])
def test_a_net_that_failed_is_usable_again(shape):
    whole = net()
    data = np.random.default_rng(2).normal(size=(2, 3, 16, 16))
    whole.blobs["data"].data[...] = data
    output = whole.forward()["pool"].copy()
    with pytest.raises(caffe.Error):
        reshape(whole, shape)
    for name, blob in whole.blobs.items():  # their memory is as large as they say
        assert np.isfinite(blob.data.sum()), name
    whole.blobs["data"].reshape(2, 3, 16, 16)
    whole.blobs["data"].data[...] = data
    np.testing.assert_array_equal(whole.forward()["pool"], output)


def test_a_thread_that_failed_says_so_each_time():
    """After the batches that came before it, and not by waiting for ever."""
    damage(9)
    training = net(TRAINING, phase=caffe.TRAIN)
    for _ in range(2):
        training.forward()
    before = training.blobs["data"].data.copy()
    for _ in range(3):
        with pytest.raises(caffe.Error, match="holds a damaged image; replace"):
            training.forward()
    np.testing.assert_array_equal(training.blobs["data"].data, before)


def test_an_hdf5_file_that_failed_can_be_written_again():
    net().save_hdf5("weights.h5")
    other = net(without(NET, "num_output: 4", "num_output: 5"))
    with pytest.raises(caffe.Error, match="shape mismatch"):
        other.load_hdf5("weights.h5")
    other.save_hdf5("weights.h5")
    with h5py.File("weights.h5") as file:
        assert file["data/conv/0"].shape == (5, 3, 5, 5)
    with pytest.raises(caffe.Error, match="Couldn't open nowhere/weights.h5"):
        other.save_hdf5("nowhere/weights.h5")


@pytest.fixture
def small_disk():
    disk = Path("disk").absolute()
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_hdf5_on_a_full_disk_is_one_sentence(small_disk):
    net(without(NET, "num_output: 4", "num_output: 400"))
    script = """
import caffe
net = caffe.Net("net.prototxt", caffe.TEST)
try:
    net.save_hdf5("disk/w.h5")
except caffe.Error as error:
    print(error)
net.save_hdf5("w.h5")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 0  # HDF5 crashed as the process ended
    assert done.stdout.startswith("Cannot write disk/w.h5 (No space left on device); ")
    assert "HDF5" not in done.stderr
    assert not list(small_disk.iterdir())
    assert Path("w.h5").exists()


def python_layer(name, module=__name__):
    layer = 'layer { name: "p" type: "Python" bottom: "data" top: "p" python_param {'
    return net(INPUT + layer + f'module: "{module}" layer: "{name}" }} }}')


class Failing(caffe.Layer):
    def setup(self, bottom, top): ...
    def reshape(self, bottom, top):
        raise LookupError("of a Python layer")


class Unfinished(caffe.Layer):
    def forward(self, bottom, top): ...


class Copying(caffe.Layer):
    def setup(self, bottom, top): ...
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data


@pytest.mark.parametrize(
    ("name", "module", "kind", "told"),
    [
        ("Failing", __name__, LookupError, "of a Python layer"),
        ("Failing", "nowhere", ModuleNotFoundError, "No module named 'nowhere'"),
        ("Nothing", __name__, AttributeError, "no attribute 'Nothing'"),
        ("Unfinished", __name__, caffe.Error, r"^A Python layer needs a setup\(\), "),
    ],
)
def test_what_a_python_layer_raises_is_raised(name, module, kind, told, capfd):
    with pytest.raises(kind, match=told):
        python_layer(name, module)
    assert "Traceback" not in capfd.readouterr().err


def test_a_python_layer_ends_with_its_net():
    whole = python_layer("Copying")
    layer = weakref.ref(whole.layers[1])
    gc.collect()
    assert (whole.forward()["p"] == 0).all()
    assert isinstance(layer(), Copying)
    del whole
    gc.collect()
    assert layer() is None


def test_failed_nets_leave_nothing_behind():
    def fail(times):
        for _ in range(times):
            for text in (without(TRAINING, 'type: "Inner', 'type: "inner'), NET[:-3]):
                with pytest.raises(caffe.Error):
                    net(text)
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    before, files = fail(10), len(os.listdir("/proc/self/fd"))
    assert fail(100) - before < 4 << 20
    assert len(os.listdir("/proc/self/fd")) == files


@pytest.fixture
def little_memory():
    """A gigabyte more than there is in use."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0])
    least = used * resource.getpagesize() + (1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (least, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.mark.parametrize("engine", ["CAFFE", "ONEDNN"])
def test_memory_that_is_out_is_a_memory_error(little_memory, engine):
    whole = net(without(NET, "num_output: 4", f"engine: {engine} num_output: 4"))
    whole.blobs["data"].reshape(2**11, 3, 512, 512)  # 6 GiB
    for _ in range(2):
        with pytest.raises(MemoryError, match="less memory"):
            whole.forward()
    whole.blobs["data"].reshape(2, 3, 16, 16)
    assert whole.forward()["pool"].shape == (2, 4, 6, 6)


PRODUCT = """
import resource
from test_exceptions import INPUT, net
layer = 'type: "InnerProduct" inner_product_param { engine: CAFFE num_output: 2048 }'
whole = net(INPUT + 'layer { name: "fc" bottom: "data" top: "fc" ' + layer + '}')
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
whole.forward()
"""


def test_memory_that_is_out_does_not_stop_a_first_product():
    """OpenBLAS has its buffer since Caffe was loaded."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    subprocess.run([sys.executable, "-c", PRODUCT], timeout=60, check=True, env=env)


FORKED = """
import multiprocessing
from test_exceptions import NET, TRAINING, caffe, net
computing = net(NET)
expected = computing.forward()["pool"].copy()
reading = net(TRAINING, "reading.prototxt", caffe.TRAIN)
reading.forward()

def run():
    assert (computing.forward()["pool"] == expected).all()
    try:
        reading.forward()
    except caffe.Error as error:
        print(error)
    del globals()["reading"]
    again = caffe.Net("reading.prototxt", caffe.TRAIN)
    again.forward()

child = multiprocessing.get_context("fork").Process(target=run, daemon=True)
child.start()
child.join(60)
assert child.exitcode == 0, child.exitcode
computing.forward()
reading.forward()
"""


def test_a_forked_process_computes_and_does_not_wait_for_threads_it_has_not_got():
    """As multiprocessing does it; it stood still."""
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
        "OMP_NUM_THREADS": "2",
    }
    told = subprocess.run(
        [sys.executable, "-c", FORKED],
        timeout=120,
        check=True,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert "'data' reads on a thread, which a forked process has not got" in told


def ring(*_):
    raise TimeoutError


@pytest.fixture
def alarm(monkeypatch):
    """Python's handler of a signal that arrives while Caffe computes."""
    before = signal.signal(signal.SIGALRM, ring)

    def started(work):
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        work()

    yield started
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_ends_a_pass_between_two_layers(alarm):
    convolution = "num_output: 32 kernel_size: 5 pad: 2"
    layers = "".join(
        f'layer {{ name: "conv{i}" type: "Convolution" bottom: "{i or "data"}" '
        f'top: "{i + 1}" convolution_param {{ {convolution} }} }}'
        for i in range(200)
    )
    deep = net(
        "force_backward: true\n"
        + without(INPUT, "dim: 16 dim: 16", "dim: 64 dim: 64")
        + layers
    )
    last = deep.params["conv199"][1].data
    last[...] = 1
    with pytest.raises(TimeoutError):
        alarm(deep.forward)
    assert not deep.blobs["200"].data.any()
    with pytest.raises(TimeoutError):
        alarm(deep.backward)


def test_a_signal_ends_a_wait_for_data(alarm):
    """For an image that is a pipe nobody writes to, as on a disk that hangs."""
    cv2.imwrite("face.png", np.zeros((4, 4, 3), np.uint8))
    os.mkfifo("pipe.png")
    Path("list.txt").write_text("face.png 1\npipe.png 1\n")
    waiting = net(
        'layer { name: "data" type: "MultilabelImageData" top: "data" '
        'image_data_param { source: "list.txt" batch_size: 1 multilabel_num: 1 } }'
    )
    waiting.forward()
    with pytest.raises(TimeoutError):
        alarm(waiting.forward)
    Path("pipe.png").write_bytes(b"")
    with pytest.raises(caffe.Error, match=r"line 2 .* is missing or damaged"):
        waiting.forward()


def test_ctrl_c_ends_a_training():
    Path("net.prototxt").write_text(TRAINING)
    training = solver(SOLVER + "max_iter: 10")
    command = f"sleep 0.3; kill -INT {os.getpid()}"
    with subprocess.Popen(["sh", "-c", command]):
        with pytest.raises(KeyboardInterrupt):
            training.step(10**8)
        done = training.iter
        assert done > 0
    training.step(2)
    assert training.iter == done + 2
