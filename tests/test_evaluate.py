"""evaluate.py through pycaffe, against a numpy twin, and its answers to bad input."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import evaluate
import h5py
import lmdb
import numpy as np
import pytest
from tiny_dataset import AUS, CROP, DEPLOY, FACES, SIZE, make_dataset, make_weights

from caffe.proto import caffe_pb2
from data_prep.base import run
from data_prep.face_lmdb import Record, write_faces
from drml.metrics import au_results
from drml.weights import stored_shapes

SCRIPT = Path(__file__).parents[1] / "python" / "evaluate.py"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder: data/, net.prototxt and tiny.caffemodel."""
    monkeypatch.chdir(tmp_path)
    make_dataset(tmp_path / "data")
    Path("net.prototxt").write_text(DEPLOY)
    make_weights(Path("tiny.caffemodel"))
    return tmp_path


def options(*more):
    words = "--net net.prototxt --weights tiny.caffemodel --data data --out out"
    return [*words.split(), *more]


def evaluated(monkeypatch, *more):
    """Evaluate the project's net within this process; returns the exit status."""
    return evaluate_with(monkeypatch, *options(*more))


def evaluate_with(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *words])
    with pytest.raises(SystemExit) as end:
        run(evaluate.main)
    return end.value.code


def refused(monkeypatch, capfd, *more):
    """Run on bad input; returns the one sentence, less tqdm's own line."""
    capfd.readouterr()
    assert evaluated(monkeypatch, *more) == 1
    lines = [x for x in capfd.readouterr().err.splitlines() if "error: " in x]
    assert len(lines) == 1
    assert not Path("out").exists()
    return lines[0]


def twin_scores():
    """Recompute the scores from the LMDB with OpenCV and numpy only."""
    weight, bias = make_weights(Path("again.caffemodel"))
    with lmdb.open("data/test_lmdb", readonly=True, lock=False) as env:
        values = [bytes(v) for _, v in env.begin().cursor()]
    jpegs = [caffe_pb2.Datum.FromString(v).data for v in values]
    images = [cv2.imdecode(np.frombuffer(j, np.uint8), 1).astype(float) for j in jpegs]
    margin = 4  # (25 - 16) // 2
    inside = slice(margin, margin + CROP)
    crops = [(x - np.mean(images, axis=0))[inside, inside] for x in images]
    flat = np.array([x.transpose(2, 0, 1).ravel() for x in crops])
    return 1 / (1 + np.exp(-(flat @ weight.T + bias)))


def test_scores_and_files(project, monkeypatch, capsys):
    assert evaluated(monkeypatch, "--batch", "4", "--title", "Tiny") == 0
    with h5py.File("out/predictions.h5") as file:
        keys, scores = file["keys"].asstr()[:], file["scores"][:]
        labels, aus = file["labels"][:], file.attrs["aus"]
    assert keys[3] == "00000003_F001_T1_3"
    assert (scores.dtype, labels.dtype) == (np.float32, np.int8)
    assert scores.shape == labels.shape == (FACES, len(AUS))
    # 768 float32 products of about 75 * 1e-3 each: rounding stays far below 1e-5.
    np.testing.assert_allclose(scores, twin_scores(), atol=1e-5)
    assert scores.std() > 1e-3  # the faces do differ

    record = json.loads(Path("out/evaluation.json").read_text())
    results = au_results(scores, labels, aus.tolist())
    assert record["title"] == "Tiny"
    assert record["dataset"] == "generated faces in BP4D's layout, fold 1, test split"
    assert record["faces"] == FACES
    assert [row["f1"] for row in record["aus"]] == [r.f1 for r in results]
    rows = list(csv.DictReader(Path("out/evaluation.csv").read_text().splitlines()))
    assert [float(row["auc"]) for row in rows] == [r.auc for r in results]
    assert rows[1]["name"] == "lip corner puller"
    assert "generated faces" in rows[0]["dataset"]

    table = capsys.readouterr().out
    assert table.startswith(
        "Tiny on generated faces in BP4D's layout, fold 1, test split\n"
    )
    assert f"{100 * results[1].auc:.1f}" in table
    assert "Avg." in table


@pytest.mark.parametrize(
    ("name", "title"), [("convnet", "ConvNet"), ("tiny", "tiny"), ("", "net")]
)
def test_title_is_the_nets_own(project, monkeypatch, capsys, name, title):
    Path("net.prototxt").write_text(DEPLOY.replace('"tiny"', f'"{name}"'))
    assert evaluated(monkeypatch) == 0
    assert capsys.readouterr().out.startswith(f"{title} on generated faces")


def test_same_command_same_bytes(project, monkeypatch):
    def written():
        assert evaluated(monkeypatch) == 0
        return {file.name: file.read_bytes() for file in Path("out").iterdir()}

    first = written()
    assert sorted(first) == ["evaluation.csv", "evaluation.json", "predictions.h5"]
    assert written() == first


def test_measures_again_without_a_net(project, monkeypatch, capsys):
    assert evaluated(monkeypatch) == 0
    first = {file.name: file.read_bytes() for file in Path("out").iterdir()}
    table = capsys.readouterr().out
    Path("net.prototxt").unlink()
    command = "--predictions out/predictions.h5 --out again"
    assert evaluate_with(monkeypatch, *command.split()) == 0
    assert {f.name: f.read_bytes() for f in Path("again").iterdir()} == first
    assert capsys.readouterr().out == table


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: file.pop("scores"), "predictions.h5 cannot be read"),
        (lambda file: file.attrs.pop("about"), "predictions.h5 cannot be read"),
        (lambda file: file.attrs.update(aus=[1]), "11 keys and 1 AUs, but scores of"),
    ],
)
def test_damaged_predictions(project, monkeypatch, capfd, change, sentence):
    assert evaluated(monkeypatch) == 0
    with h5py.File("out/predictions.h5", "r+") as file:
        change(file)
    command = "--predictions out/predictions.h5 --out again"
    assert evaluate_with(monkeypatch, *command.split()) == 1
    assert sentence in capfd.readouterr().err
    assert not Path("again").exists()


@pytest.mark.parametrize("words", ["", "--net n --data d", "--predictions p --net n"])
def test_a_net_or_predictions(project, monkeypatch, capfd, words):
    assert evaluate_with(monkeypatch, "--out", "out", *words.split()) == 2
    assert "or --predictions alone" in capfd.readouterr().err


def test_batch_size_does_not_matter(project, monkeypatch):
    scores = []
    for batch in ("1", "5", "32"):
        assert evaluated(monkeypatch, "--batch", batch) == 0
        with h5py.File("out/predictions.h5") as file:
            scores.append(file["scores"][:])
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)
    np.testing.assert_allclose(scores[0], scores[2], atol=1e-6)


def test_undefined_is_null_and_out_of_the_average(project, monkeypatch, capsys):
    # The first face is +1/+1, so neither AU has a negative in it.
    assert evaluated(monkeypatch, "--limit", "1") == 0
    record = json.loads(Path("out/evaluation.json").read_text())
    assert record["faces"] == 1
    assert record["dataset"].endswith("first 1 faces")
    assert [row["f1"] for row in record["aus"]] == [None, None]
    assert record["average"] == dict.fromkeys(record["average"]) | {"aus": 0}
    table = capsys.readouterr().out
    assert "undefined" in table
    assert "Avg. of 0 of 2 AUs" in table


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [
        ("net.prototxt", "net.prototxt does not exist"),
        ("tiny.caffemodel", "tiny.caffemodel does not exist; train the net first"),
        ("data/dataset.json", "data/dataset.json does not exist; import the dataset"),
        ("data/mean.binaryproto", "data/mean.binaryproto is no mean image"),
        ("data/test_lmdb/data.mdb", "data/test_lmdb is no LMDB of faces"),
    ],
)
def test_missing_file(project, monkeypatch, capfd, lost, sentence):
    Path(lost).unlink()
    assert sentence in refused(monkeypatch, capfd)


def test_weights_of_other_shapes(project, monkeypatch, capfd):
    make_weights(Path("tiny.caffemodel"), (2, 75))
    assert (
        "layer fc has shape 2x75 + 2 in the weights, 2x768 + 2 in the net"
    ) in refused(monkeypatch, capfd)


def test_weights_that_lack_a_layer(project, monkeypatch, capfd):
    make_weights(Path("tiny.caffemodel"), layer="ip")
    assert "no weights for the net's layer fc" in refused(monkeypatch, capfd)


def test_weights_cut_short(project, monkeypatch, capfd):
    file = Path("tiny.caffemodel")
    file.write_bytes(file.read_bytes()[:-100])
    assert "is not a whole .caffemodel" in refused(monkeypatch, capfd)


def test_weights_in_hdf5_and_in_the_old_layout(tmp_path):
    with h5py.File(tmp_path / "net.caffemodel.h5", "w") as file:
        file["data/fc/0"] = np.zeros((2, 768), np.float32)
        file["data/fc/1"] = np.zeros(2, np.float32)
    shapes = stored_shapes(tmp_path / "net.caffemodel.h5")
    assert shapes == {"fc": [(2, 768), (2,)]}
    old = caffe_pb2.NetParameter()
    old.layers.add(name="fc").blobs.add(num=1, channels=1, height=2, width=768)
    (tmp_path / "old").write_bytes(old.SerializeToString())
    assert stored_shapes(tmp_path / "old") == {"fc": [(1, 1, 2, 768)]}


def test_outputs_and_aus_differ(project, monkeypatch, capfd):
    Path("net.prototxt").write_text(DEPLOY.replace("num_output: 2", "num_output: 3"))
    make_weights(Path("tiny.caffemodel"), (3, 768))
    assert "3 outputs, the dataset 2 AUs (1, 12)" in refused(monkeypatch, capfd)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("bottom", "bottle", "net.prototxt is not a Caffe net: 5:"),
        ('"prob"', '"p"', 'needs an input "data" and a blob "prob"'),
        ('"Input"', '"Data"', 'needs an input "data" and a blob "prob"'),
        ("Sigmoid", "Sigmund", "layer prob has type Sigmund"),
    ],
)
def test_bad_net(project, monkeypatch, capfd, old, new, sentence):
    Path("net.prototxt").write_text(DEPLOY.replace(old, new))
    assert sentence in refused(monkeypatch, capfd)


def test_mean_of_another_size(project, monkeypatch, capfd):
    blob = caffe_pb2.BlobProto(data=[0.0] * 27)
    blob.shape.dim.extend((1, 3, 3, 3))
    Path("data/mean.binaryproto").write_bytes(blob.SerializeToString())
    assert "has shape (3, 3, 3)" in refused(monkeypatch, capfd)


def test_net_larger_than_the_faces(project, monkeypatch, capfd):
    Path("net.prototxt").write_text(DEPLOY.replace("dim: 16", "dim: 30"))
    make_weights(Path("tiny.caffemodel"), (2, 2700))
    sentence = refused(monkeypatch, capfd)
    assert "face 00000000_F001_T1_0 has (25, 25) pixels, fewer than" in sentence


def test_damaged_face(project, monkeypatch, capfd):
    with (
        lmdb.open("data/test_lmdb", map_size=1 << 20) as env,
        env.begin(write=True) as t,
    ):
        key = b"00000002_F003_T1_2"
        datum = caffe_pb2.Datum.FromString(t.get(key))
        datum.data = b"no JPEG"
        t.put(key, datum.SerializeToString())
    assert "record 00000002_F003_T1_2: the image" in refused(monkeypatch, capfd)


def test_empty_lmdb(project, monkeypatch, capfd):
    (project / "data/test_lmdb/data.mdb").unlink()
    (project / "data/test_lmdb/lock.mdb").unlink(missing_ok=True)
    (project / "data/test_lmdb").rmdir()
    write_faces(project / "data/test_lmdb", iter([]), SIZE)
    assert "empty" in refused(monkeypatch, capfd)


def test_face_of_another_size(project, monkeypatch, capfd):
    image = cv2.imencode(".jpg", np.zeros((20, 20, 3), np.uint8))[1].tobytes()
    (project / "data/test_lmdb").rename(project / "data/val_lmdb")
    faces = [Record("F001_T1_1", image, np.array([1, 1], np.int8))]
    write_faces(project / "data/test_lmdb", faces, SIZE)
    assert "has (20, 20) pixels, the mean image" in refused(monkeypatch, capfd)


def test_diverged_weights(project, monkeypatch, capfd):
    net = caffe_pb2.NetParameter.FromString(Path("tiny.caffemodel").read_bytes())
    net.layer[0].blobs[1].data[0] = np.nan
    Path("tiny.caffemodel").write_bytes(net.SerializeToString())
    assert "training diverged" in refused(monkeypatch, capfd)


def test_split_that_was_not_made(project, monkeypatch, capfd):
    assert "no split train" in refused(monkeypatch, capfd, "--split", "train")


def test_script_exits_and_keeps_quiet(project):
    Path("tiny.caffemodel").unlink()
    command = [sys.executable, SCRIPT, *options()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "evaluate.py: error: tiny.caffemodel does not exist; train the net first\n"
    )
    done = subprocess.run([*command, "--batch", "0"], capture_output=True, timeout=30)
    assert done.returncode == 2
