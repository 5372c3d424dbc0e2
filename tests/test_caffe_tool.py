"""The caffe program: training, interruption, and one sentence for each mistake."""

import os
import re
import resource
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import cv2
import h5py
import lmdb
import numpy as np
import pytest
from tiny_dataset import SIZE, make_dataset

from caffe.proto import caffe_pb2

ROOT = Path(__file__).parents[1]
CAFFE = ROOT / "build/bin/caffe"
NETWORK = ROOT / "prototxt/drml_deploy.prototxt"
NET = """
layer { name: "data" type: "MultilabelData" top: "data" top: "label"
  data_param { source: "data/test_lmdb" batch_size: 4 backend: LMDB }
  transform_param { crop_size: 16 mirror: true mean_file: "data/mean.binaryproto" }
  multilabel_data_param { shuffle: true } }
layer { name: "region" type: "Region" bottom: "data" top: "region"
  region_param { grid: 4 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "output" type: "InnerProduct" bottom: "region" top: "output"
  inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 0.001 } } }
layer { name: "loss" type: "MultilabelSigmoidCrossEntropyLoss"
  bottom: "output" bottom: "label" top: "loss" }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.0001 lr_policy: "fixed" momentum: 0.9
weight_decay: 0.0005 display: 1 max_iter: 6 snapshot: 100 snapshot_prefix: "tiny"
solver_mode: CPU random_seed: 1
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_dataset(Path("data"))
    Path("net.prototxt").write_text(NET)
    Path("solver.prototxt").write_text(SOLVER)
    return tmp_path


def run(tool: str, *words: str) -> subprocess.CompletedProcess:
    command = [CAFFE.parent / tool, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def train(*options: str) -> subprocess.CompletedProcess:
    return run("caffe", "train", "-solver", "solver.prototxt", *options)


def losses(log: str) -> list[str]:
    return re.findall(r"Iteration \d+.* loss = (.*)", log)


def edit(file: str, old: str, new: str) -> None:
    text = Path(file).read_text()
    assert old in text
    Path(file).write_text(text.replace(old, new))


def test_same_seed_same_losses(project):
    first, second = train(), train()
    assert first.returncode == 0
    assert len(losses(first.stderr)) == 7  # 0 to 5, and 6 at the end
    assert losses(first.stderr) == losses(second.stderr)
    edit("solver.prototxt", "random_seed: 1", "random_seed: 2")
    assert losses(train().stderr) != losses(first.stderr)


def contents(model: Path) -> bytes | dict:
    """Weights as bytes; an HDF5 file's own would hold the time of writing."""
    if model.suffix != ".h5":
        return model.read_bytes()
    values = {}
    with h5py.File(model) as file:
        file.visititems(lambda name, item: values.update({name: np.array(item)}))
    return {name: value.tobytes() for name, value in values.items()}


@pytest.mark.parametrize("snapshot_format", ["BINARYPROTO", "HDF5"])
def test_a_resumed_training_is_the_training_that_was_not_stopped(
    project, snapshot_format
):
    """Eleven faces, four a batch: it was stopped within the second epoch."""
    dropout = """
    layer { name: "drop" type: "Dropout" bottom: "region" top: "region" }
    layer { name: "output" """
    edit("net.prototxt", 'layer { name: "output" ', dropout)
    edit("net.prototxt", "batch_size: 4", "batch_size: 4 prefetch: 3")
    edit(
        "solver.prototxt", "snapshot: 100", "snapshot: 4 test_interval: 3 test_iter: 2"
    )
    edit(
        "solver.prototxt",
        "max_iter: 6",
        f"snapshot_format: {snapshot_format} max_iter: 9",
    )
    end = ".h5" if snapshot_format == "HDF5" else ""
    made = Path(f"tiny_iter_9.caffemodel{end}")
    whole = train()
    assert whole.returncode == 0, whole.stderr
    weights = contents(made)
    made.unlink()
    rest = train("-snapshot", f"tiny_iter_4.solverstate{end}")
    assert rest.returncode == 0, rest.stderr
    assert contents(made) == weights
    tests = [re.findall(r"Test net output.*", log.stderr) for log in (whole, rest)]
    assert tests[1] == tests[0][-len(tests[1]) :]


def test_solver_for_the_gpu_runs_on_the_cpu_with_a_warning(project):
    cpu = train()
    edit("solver.prototxt", "solver_mode: CPU", "solver_mode: GPU")
    fallback = train()
    if "no usable GPU here" not in fallback.stderr:
        pytest.skip("there is a GPU here")
    assert losses(fallback.stderr) == losses(cpu.stderr)
    warnings = [x for x in fallback.stderr.splitlines() if x.startswith("W")]
    assert len(warnings) == 1
    assert "solver.prototxt asks for solver_mode: GPU" in warnings[0]


def test_a_gpu_that_is_not_there_is_one_sentence(project):
    result = train("-gpu", "0")
    if "Using GPUs 0" in result.stderr:
        pytest.skip("there is a GPU here")
    assert_refused(result, r"use solver_mode: CPU and no -gpu")


@pytest.mark.parametrize("engine", ["CAFFE", "ONEDNN"])
@pytest.mark.parametrize("setting", ["OMP_THREAD_LIMIT=1", "OMP_DYNAMIC=true"])
def test_fewer_threads_than_asked_for(setting, engine):
    """oneDNN and OpenBLAS would wait for those that OpenMP does not give."""
    name, value = setting.split("=")
    command = [CAFFE, "time", "-model", NETWORK, "-iterations", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "4", name: value}
    environment["CAFFE_ENGINE"] = engine
    result = subprocess.run(command, capture_output=True, timeout=100, env=environment)
    assert result.returncode == 0, result.stderr


def test_a_loss_that_is_no_number_ends_the_training(project):
    """It names the layer and the last snapshot whose weights were still good."""
    edit("solver.prototxt", "max_iter: 6", "max_iter: 200")
    edit("solver.prototxt", "snapshot: 100", "snapshot: 1")
    edit("solver.prototxt", "base_lr: 0.0001", "base_lr: 1000000")
    result = train()
    assert result.returncode == 1
    sentence = result.stderr.splitlines()[-1]
    assert re.search(r"Iteration \d+: the loss is -?(nan|inf)", sentence)
    ended = int(re.search(r"Iteration (\d+)", sentence)[1])
    assert re.search(r"those of layer '\w+' \(its (weights|output)\)", sentence)
    assert f"Delete tiny_iter_{ended}.solverstate, which holds these" in sentence
    good = f"tiny_iter_{ended - 1}.solverstate"
    assert f"The last good snapshot is {good}." in sentence
    assert Path(good).exists()
    resumed = train("-snapshot", good)  # diverges again, and knows where it came from
    assert f"The last good snapshot is {good}." in resumed.stderr
    regardless = train("-end_at_nan=false")
    assert regardless.returncode == 0
    assert "loss = nan" in regardless.stderr.replace("-nan", "nan")


def endless_solver() -> None:
    """The solver asks for a million iterations, and for no snapshot before."""
    edit("solver.prototxt", "max_iter: 6 snapshot: 100", "max_iter: 999999 snapshot: 0")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_training_snapshots_and_resumes(project, number):
    endless_solver()
    command = [CAFFE, "train", "-solver", "solver.prototxt"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as caffe:
        for line in caffe.stderr:
            if "Iteration 5 " in line:
                caffe.send_signal(number)
                break
        told = caffe.stderr.read()
    assert caffe.returncode == 0
    assert "***" not in told  # glog's stack trace
    (state,) = Path().glob("tiny_iter_*.solverstate")
    assert state.with_suffix(".caffemodel").exists()
    assert not list(Path().glob("*.part"))
    iteration = int(state.stem.split("_")[-1])
    edit("solver.prototxt", "max_iter: 999999", f"max_iter: {iteration + 2}")
    resumed = train("-snapshot", str(state))
    assert resumed.returncode == 0
    assert f"Iteration {iteration + 1} " in resumed.stderr
    assert "Iteration 0 " not in resumed.stderr


@contextmanager
def endless_training():
    """A training that has begun; killed at the end."""
    command = [CAFFE, "train", "-solver", "solver.prototxt"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as caffe:
        try:
            assert any("Iteration 1 " in line for line in caffe.stderr)
            yield
        finally:
            caffe.kill()


def test_a_solver_is_trained_by_one_at_a_time(project):
    endless_solver()
    with endless_training():
        assert_refused(train(), "another caffe train is at work on solver.prototxt, ")
        Path("copy.prototxt").write_text(SOLVER.replace('"tiny"', '"copy"'))
        copy = [CAFFE, "train", "-solver", "copy.prototxt"]
        assert subprocess.run(copy, stderr=subprocess.DEVNULL).returncode == 0
    edit("solver.prototxt", "max_iter: 999999", "max_iter: 6")
    assert train().returncode == 0  # a killed training keeps nobody out


def test_trainings_without_snapshots_share_a_solver(project):
    endless_solver()
    edit("solver.prototxt", "snapshot: 0", "snapshot_after_train: false")
    with endless_training(), endless_training():
        pass


def test_too_small_an_address_space_is_one_sentence():
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))

    two = os.environ | {"OMP_NUM_THREADS": "2,1"}
    done = subprocess.run(
        CAFFE, env=two, preexec_fn=limit, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == (
        "the address space is limited to 600 MiB (ulimit -v), and Caffe's libraries "
        "alone want 768 with 2 threads: raise the limit, or set OMP_NUM_THREADS to "
        "less\n"
    )


def test_statistics_are_in_the_snapshot_and_do_not_decay(project):
    edit("solver.prototxt", "max_iter: 6", "max_iter: 3")
    edit("solver.prototxt", "weight_decay: 0.0005", "weight_decay: 5000")  # halves
    train()
    net = caffe_pb2.NetParameter()
    net.ParseFromString(Path("tiny_iter_3.caffemodel").read_bytes())
    region = next(layer for layer in net.layer if layer.name == "region")
    assert [list(blob.shape.dim) for blob in region.blobs] == [
        [48, 3, 3, 3], [48], [48], [48], [1],
    ]  # fmt: skip
    # weight of the moving averages: 1, then times 0.999 plus 1, twice
    assert region.blobs[4].data[0] == pytest.approx(1 + 0.999 + 0.999**2)


def rewrite_record(number: int, change) -> None:
    """Change one record's Datum in place."""
    with lmdb.open("data/test_lmdb") as env, env.begin(write=True) as txn:
        key, value = list(txn.cursor())[number]
        datum = caffe_pb2.Datum.FromString(value)
        change(datum)
        txn.put(key, datum.SerializeToString())


def empty_lmdb():
    shutil.rmtree("data/test_lmdb")
    lmdb.open("data/test_lmdb").close()


def without_labels(datum):
    del datum.float_data[:]


def one_label_more(datum):
    datum.float_data.append(1)


def label_of_9(datum):
    datum.float_data[1] = 9


def damaged(datum):
    datum.data = b"\xff\xd8" + bytes(50)


def larger(datum):
    image = np.zeros((SIZE + 1, SIZE, 3), np.uint8)
    datum.data = cv2.imencode(".png", image)[1].tobytes()


def foreign_weights():
    net = caffe_pb2.NetParameter(name="other")
    layer = net.layer.add(name="output", type="InnerProduct")
    layer.blobs.add(data=[0.0] * 6).shape.dim.extend([2, 3])
    layer.blobs.add(data=[0.0] * 2).shape.dim.extend([2])
    Path("other.caffemodel").write_bytes(net.SerializeToString())


MISTAKES = {
    "missing LMDB": (
        lambda: shutil.rmtree("data/test_lmdb"),
        r"Cannot read LMDB data/test_lmdb \(No such file or directory\); make it with",
    ),
    "empty LMDB": (empty_lmdb, r"LMDB data/test_lmdb holds no record; make it again"),
    "record without labels": (
        lambda: rewrite_record(0, without_labels),
        r"record '00000000_F001_T1_0' of LMDB data/test_lmdb has no labels .*; make",
    ),
    "wrong number of labels": (
        lambda: rewrite_record(2, one_label_more),
        r"record '00000002_F003_T1_2' .* has 3 labels, the first record 2; make",
    ),
    "label 9": (
        lambda: rewrite_record(1, label_of_9),
        r"record '00000001_F002_T1_1' .*: label 9 of AU column 1 is none .*; correct",
    ),
    "damaged image": (
        lambda: rewrite_record(1, damaged),
        r"record '00000001_F002_T1_1' .* holds a damaged image; replace",
    ),
    "mean of another size": (
        lambda: rewrite_record(0, larger),
        r"is an image of 3 x 26 x 25 .*, the mean file data/mean.binaryproto of "
        r"3 x 25 x 25 \(C x H x W\); give",
    ),
    "grid that does not divide": (
        lambda: edit("net.prototxt", "grid: 4", "grid: 5"),
        r"Region layer 'region': blob 'data' is 16 x 16 \(H x W\), which a grid of "
        r"5 x 5 does not divide; change",
    ),
    "more outputs than labels": (
        lambda: edit("net.prototxt", "num_output: 2", "num_output: 3"),
        r"layer 'loss': 3 outputs a face against 2 labels; set",
    ),
    "missing net": (
        lambda: Path("net.prototxt").unlink(),
        r"Cannot open net.prototxt \(No such file or directory\); a relative path",
    ),
    "missing mean": (
        lambda: Path("data/mean.binaryproto").unlink(),
        r"Cannot open data/mean.binaryproto \(No such file or directory\); a relative",
    ),
    "snapshot folder missing": (
        lambda: edit("solver.prototxt", '"tiny"', '"nowhere/tiny"'),
        r"Cannot write to snapshot prefix 'nowhere/tiny'. .*Make sure that the direc",
    ),
}


def assert_refused(result, sentence: str) -> None:
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("F"), last
    assert re.search(sentence, last), last
    assert not list(Path().glob("tiny_iter*"))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_in_one_sentence(project, mistake):
    make, sentence = MISTAKES[mistake]
    make()
    assert_refused(train(), sentence)


def test_weights_that_do_not_fit(project):
    foreign_weights()
    assert_refused(
        train("-weights", "other.caffemodel"),
        r"Cannot copy param 0 weights from layer 'output'; shape mismatch. .*"
        r"rename the layer",
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "solver.prototxt"], "one command, .*; what is 'solver.prototxt'"),
        (["time", "-model", "net.prototxt", "-iterations", "0"], "is 1 or more"),
        (["train", "-solver", ".", "-gpu", "x"], r"Cannot open \. \(Is a directory\)"),
        (["time", "-model", "net.prototxt", "-gpu", "x"], "by commas, or all"),
    ],
)
def test_arguments_that_are_none(project, words, told):
    assert_refused(run("caffe", *words), told)


def test_a_solver_without_batches(project):
    edit("solver.prototxt", "max_iter", "iter_size: 0 max_iter")
    assert_refused(train(), "an iteration has at least one batch")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (None, r"Cannot open list.txt \(No such file or directory\)"),
        ("\n\n", "list.txt lists no image"),
        ("a.png 1\nb.png\n", "line 2 of list.txt is no path with a whole number"),
        ("a.png 0.5\n", "line 1 of list.txt is no path with a whole number"),
        ("nowhere.png 1\n", "None of the 1 images of list.txt could be read from ./"),
    ],
)
def test_lists_that_are_none_make_no_lmdb_of_images(project, lines, told):
    if lines is not None:
        Path("list.txt").write_text(lines)
    words = ["./", "list.txt", "made_lmdb"]
    assert_refused(run("convert_imageset", *words), told)


def test_images_become_an_lmdb_and_its_mean(project):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    cv2.imwrite("a face.png", image)
    Path("list.txt").write_text("a face.png 7\r\n")
    words = ["./", "list.txt", "made_lmdb"]
    assert run("convert_imageset", *words).returncode == 0
    with lmdb.open("made_lmdb", readonly=True) as env, env.begin() as txn:
        datum = caffe_pb2.Datum.FromString(next(iter(txn.cursor()))[1])
    assert datum.label == 7
    assert run("compute_image_mean", "made_lmdb", "mean").returncode == 0
    mean = caffe_pb2.BlobProto.FromString(Path("mean").read_bytes())
    np.testing.assert_array_equal(mean.data, image.transpose(2, 0, 1).ravel())
    again = run("convert_imageset", *words)
    assert_refused(again, r"Cannot make LMDB made_lmdb \(File exists\)")


def test_no_mean_of_no_images(project):
    empty_lmdb()
    assert_refused(run("compute_image_mean", "data/test_lmdb"), "holds no record")
