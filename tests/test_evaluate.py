"""drml evaluate through pycaffe, against a numpy twin, and its answers to bad input."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import h5py
import lmdb
import numpy as np
import pytest
from command import status_of
from sklearn.metrics import f1_score
from tiny_dataset import AUS, CROP, DEPLOY, FACES, SIZE, make_dataset, make_weights

import caffe
from caffe.proto import caffe_pb2
from data_prep.base import UserError, fingerprint
from data_prep.face_lmdb import Record, read_faces, write_faces
from data_prep.network_input import network_input, read_mean
from drml.evaluate.bootstrap import Bootstrap
from drml.evaluate.dataset import load_mean
from drml.evaluate.metrics import au_results, best_thresholds
from drml.evaluate.predictions import intervals, read_predictions
from drml.evaluate.selection import Scored, write_selection
from drml.nets.weights import stored_shapes

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
    return status_of("evaluate", *words)


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


def test_intervals_stand_beside_the_measures(project, monkeypatch, capsys):
    assert evaluated(monkeypatch, "--resamples", "50", "--resample-seed", "3") == 0
    found = read_predictions(Path("out/predictions.h5"))
    assert found.about["subjects"] == ["F001", "F002", "F003"]
    expected = intervals(found, Bootstrap(50, 3))
    record = json.loads(Path("out/evaluation.json").read_text())
    assert record["intervals"] == {
        "percent": 95, "by": "bootstrap over subjects", "subjects": 3,
        "resamples": 50, "seed": 3,
    }  # fmt: skip
    assert record["aus"][1]["f1_interval"] == list(expected.of_aus["f1"][1])
    average = record["average"]["auc_interval"]
    assert average == list(expected.of_average["auc"])
    rows = list(csv.DictReader(Path("out/evaluation.csv").read_text().splitlines()))
    assert float(rows[0]["auc_high"]) == expected.of_aus["auc"][0].high
    assert float(rows[0]["average_precision"]) > 0
    printed = capsys.readouterr().out
    low, high = (100 * end for end in expected.of_average["f1"])
    assert f"{low:.1f}-{high:.1f}" in printed
    assert "bootstrap over 3 subjects (50 resamples, seed 3)" in printed
    assert evaluated(monkeypatch, "--resamples", "0") == 0
    assert "95%" not in capsys.readouterr().out
    assert "intervals" not in json.loads(Path("out/evaluation.json").read_text())


def test_thresholds_of_the_val_split(project, monkeypatch, capfd):
    """From val's predictions and from drml select's file; another weights' refused."""
    (project / "data/test_lmdb").rename(project / "data/val_lmdb")
    dataset = json.loads(Path("data/dataset.json").read_text())
    dataset["splits"]["val"] = dataset["splits"]["test"]
    Path("data/dataset.json").write_text(json.dumps(dataset))
    assert evaluated(monkeypatch, "--split", "val", "--out", "val") == 0
    (project / "data/val_lmdb").rename(project / "data/test_lmdb")
    val = read_predictions(Path("val/predictions.h5"))
    expected = best_thresholds(val.scores, val.labels)
    content = fingerprint([Path("tiny.caffemodel")])
    chosen = {"1": expected[0], "12": expected[1]}
    scored = Scored(1, "gone.caffemodel", content, 0.5, 0.5, 2, chosen)
    write_selection(Path("selection.json"), {}, [scored])
    capfd.readouterr()
    for file in ("val/predictions.h5", "selection.json"):
        assert evaluated(monkeypatch, "--thresholds", file) == 0
        rows = json.loads(Path("out/evaluation.json").read_text())["aus"]
        assert [row["val_threshold"] for row in rows] == expected
        known = val.labels[:, 1] != 0
        f1 = f1_score(val.labels[known, 1] > 0, val.scores[known, 1] >= expected[1])
        assert rows[1]["f1_val_threshold"] == pytest.approx(f1)
        assert rows[1]["f1_val_threshold"] >= rows[1]["f1"]
        assert "F1 (val)" in capfd.readouterr().out
    make_weights(Path("tiny.caffemodel"), seed=2)
    words = ("--thresholds", "selection.json", "--out", "other")
    assert evaluated(monkeypatch, *words) == 1
    assert "selection.json has not scored tiny.caffemodel" in capfd.readouterr().err
    words = ("--thresholds", "out/predictions.h5", "--out", "other")
    assert evaluated(monkeypatch, *words) == 1
    assert "is of the test split; thresholds are chosen" in capfd.readouterr().err


def test_intensities_are_kept_with_the_scores(project, monkeypatch):
    """Those of the dataset's records, where a label is known."""
    coded = np.random.default_rng(0).integers(0, 6, (FACES, 2)).astype(np.int8)
    np.save("data/test_intensities.npy", coded)
    assert evaluated(monkeypatch, "--limit", "7") == 0
    found = read_predictions(Path("out/predictions.h5"))
    expected = np.where(found.labels == 0, -1, coded[:7])
    assert (expected == -1).any()
    assert np.array_equal(found.intensities, expected)


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
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "drml evaluate: error: tiny.caffemodel does not exist; train the net first\n"
    )
    done = subprocess.run([*command, "--batch", "0"], capture_output=True, timeout=120)
    assert done.returncode == 2


LAYER = f"""
layer {{ name: "data" type: "MultilabelData" top: "data" top: "label"
  data_param {{ source: "data/test_lmdb" batch_size: {FACES} backend: LMDB }}
  transform_param {{ mean_file: "data/mean.binaryproto" crop_size: {CROP} }} }}
"""


def test_same_input_as_the_data_layer(project):
    Path("net.prototxt").write_text(LAYER)
    net = caffe.Net("net.prototxt", caffe.TEST)
    net.forward()
    _, faces, labels = zip(*read_faces(Path("data/test_lmdb")), strict=True)
    mean = load_mean(Path("data/mean.binaryproto"), 25)
    ours = np.array([network_input(face, mean, CROP, CROP) for face in faces])
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, net.blobs["data"].data)
    np.testing.assert_array_equal(np.array(labels), net.blobs["label"].data)


def test_crop_is_the_centre_minus_the_mean():
    face = np.zeros((6, 8, 3), np.uint8)
    face[2, 3] = (10, 20, 30)  # (6 - 3) // 2 = 1 and (8 - 3) // 2 = 2: lands on (1, 1)
    mean = np.full((3, 6, 8), 5, np.float32)
    crop = network_input(face, mean, 3, 3)
    assert crop.shape == (3, 3, 3)
    assert crop[:, 1, 1].tolist() == [5, 15, 25]
    assert crop[:, 0, 0].tolist() == [-5, -5, -5]


def test_mean_of_another_size_is_refused(project):
    with pytest.raises(
        UserError, match=r"shape \(3, 25, 25\) where .* \(3, 200, 200\)"
    ):
        load_mean(Path("data/mean.binaryproto"), 200)


TRAINED = (12, 4)  # the AUs of the net's outputs; the dataset's are 1 and 12


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """data/ is evaluated, fold/ is what the net was trained on."""
    monkeypatch.chdir(tmp_path)
    make_dataset(Path("data"), generated=False)
    make_dataset(Path("fold"), seed=1, aus=TRAINED)
    Path("net.prototxt").write_text(DEPLOY)
    return make_weights(Path("tiny.caffemodel"))


def ran_elsewhere(command, *more):
    words = "--net net.prototxt --weights tiny.caffemodel --data data --out out"
    return status_of(command, *words.split(), *more)


def outputs(weight, bias):
    """What the net says before the sigmoid, with the mean of fold/."""
    mean = read_mean(Path("fold/mean.binaryproto"))
    inside = slice((SIZE - CROP) // 2, (SIZE - CROP) // 2 + CROP)
    faces = [
        face.transpose(2, 0, 1) for _, face, _ in read_faces(Path("data/test_lmdb"))
    ]
    flat = [(face - mean)[:, inside, inside].ravel() for face in faces]
    return np.array(flat) @ weight.T + bias


def test_shared_aus_are_scored_with_the_nets_own_mean(elsewhere, monkeypatch, capsys):
    assert ran_elsewhere("evaluate", "--trained-on", "fold") == 0
    with h5py.File("out/predictions.h5") as file:
        scores, labels = file["scores"][:], file["labels"][:]
        assert file.attrs["aus"].tolist() == [12]
    of_12 = outputs(*elsewhere)[
        :, [0]
    ]  # the net's first output, the dataset's second AU
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-of_12)), atol=1e-5)
    expected = [
        face_labels[1] for *_, face_labels in read_faces(Path("data/test_lmdb"))
    ]
    assert labels[:, 0].tolist() == expected

    record = json.loads(Path("out/evaluation.json").read_text())
    assert record["aus"][0]["auc"] == au_results(scores, labels, [12])[0].auc
    assert (record["trained_on"], record["left_out"]) == ("fold", [1])
    title = "BP4D, fold 1, test split; trained on generated faces in BP4D's layout"
    assert title in record["dataset"]
    printed = capsys.readouterr().out
    assert printed.startswith(f"tiny on {title}")
    assert printed.endswith(
        "left out, since the net has no output for it: AU 1 (inner brow raiser)\n"
    )


def test_measures_again_name_what_was_left_out(elsewhere, monkeypatch, capsys):
    assert ran_elsewhere("evaluate", "--trained-on", "fold") == 0
    printed = capsys.readouterr().out
    words = "evaluate --predictions out/predictions.h5 --out again"
    assert status_of(*words.split()) == 0
    assert capsys.readouterr().out == printed


def test_features_too_are_made_with_the_nets_own_mean(elsewhere, monkeypatch):
    blob = ("--blob", "output", "--trained-on", "fold")
    assert ran_elsewhere("features", *blob) == 0
    with h5py.File("out") as file:
        np.testing.assert_allclose(file["features"][:], outputs(*elsewhere), atol=1e-5)
        assert file.attrs["aus"].tolist() == [1, 12]
        assert (
            "trained on generated faces" in json.loads(file.attrs["about"])["dataset"]
        )


def test_no_au_in_both(elsewhere, monkeypatch, capfd):
    make_dataset(Path("other"), aus=(6, 7))
    assert ran_elsewhere("evaluate", "--trained-on", "other") == 1
    sentence = "data has AUs 1, 12, other 6, 7: none of them is in both"
    assert sentence in capfd.readouterr().err


def test_outputs_are_those_of_the_dataset_trained_on(elsewhere, monkeypatch, capfd):
    make_dataset(Path("three"), aus=(1, 12, 25))
    assert ran_elsewhere("evaluate", "--trained-on", "three") == 1
    assert "2 outputs, the dataset 3 AUs (1, 12, 25)" in capfd.readouterr().err


def test_trained_on_goes_with_a_net(elsewhere, monkeypatch, capfd):
    words = "evaluate --predictions p.h5 --trained-on fold --out again"
    assert status_of(*words.split()) == 2
