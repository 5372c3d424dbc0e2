"""`drml predict` and `Detector` on pictures: a photo, drawings, and no face at all."""

import os
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import skimage.data
from command import ran, status_of
from tiny_faces import generate

from caffe.proto import caffe_pb2
from data_prep import own_faces
from data_prep.aus import BP4D_AUS
from data_prep.base import UserError, read_json, write_json
from data_prep.network_input import network_input
from drml.evaluate.dataset import open_split
from drml.evaluate.scoring import score_faces
from drml.nets.deploy import load_net
from drml.nets.pycaffe import caffe
from drml.nets.solver import read_solver
from drml.predict import Detector
from drml.predict.trained import NOTICE, write_record

DEPLOY = """
name: "small"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 170 dim: 170 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { pool: AVE kernel_size: 10 stride: 10 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "output"
  inner_product_param { num_output: 12 } }
layer { name: "prob" type: "Sigmoid" bottom: "output" top: "prob" }
"""
TRAIN_VAL = """
layer { name: "data" type: "MultilabelData" top: "data" top: "label"
  data_param { source: "own/all/test_lmdb" } }
"""
SOLVER = 'net: "net_train_val.prototxt" max_iter: 7 snapshot_prefix: "out/net"'


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder as a training leaves it, and pictures, all imported by the mesh."""
    root = tmp_path_factory.mktemp("place")
    pictures = root / "pictures"
    pictures.mkdir()
    for name in ("astronaut", "coffee"):
        photo = getattr(skimage.data, name)()
        cv2.imwrite(str(pictures / f"{name}.png"), photo[:, :, ::-1])
    generate(root / "drawn", "--tasks", 1, "--frames", 1)
    for number, file in enumerate(sorted(root.glob("drawn/Seq*/*/T1/*.jpg"))):
        (pictures / f"drawn{number}.jpg").write_bytes(file.read_bytes())
    aus = ",".join(f"AU{au}" for au in BP4D_AUS)
    lines = [f"{p.relative_to(root)},{p.stem}{',1' * 12}" for p in pictures.iterdir()]
    (root / "own.csv").write_text("\n".join([f"path,subject,{aus}", *sorted(lines)]))
    own_faces.main(
        [str(root / "own.csv"), f"--out={root}/own", "--fold=all", "--jobs=1"]
    )
    (root / "net_deploy.prototxt").write_text(DEPLOY)
    (root / "net_train_val.prototxt").write_text(TRAIN_VAL)
    (root / "solver.prototxt").write_text(SOLVER)
    (root / "out").mkdir()
    net, rng = caffe.Net(str(root / "net_deploy.prototxt"), caffe.TEST), np.random
    shape = net.params["fc"][0].data.shape
    net.params["fc"][0].data[...] = rng.default_rng(0).normal(0, 1e-3, shape)
    net.save(str(root / "out" / "net_iter_7.caffemodel"))
    return root


@pytest.fixture
def weights(place, monkeypatch):
    """Weights that have what belongs to them beside them."""
    monkeypatch.chdir(place)
    assert write_record(read_solver(Path("solver.prototxt"))) == Path(
        "out/net_model.json"
    )
    return place / "out" / "net_iter_7.caffemodel"


def scores(table):
    return table[[f"AU{au:02d}_p" for au in BP4D_AUS]].to_numpy(float)


def test_a_face_scores_alike_by_predict_by_evaluation_and_by_onnx(
    place, weights, tmp_path
):
    table = Detector(weights=weights).predict(place / "pictures")
    table = table[table["success"] == 1]
    assert [Path(f).stem for f in table["file"]] == ["astronaut", "drawn0", "drawn1"]

    net, split = place / "net_deploy.prototxt", open_split(place / "own/all", "test")
    keys, evaluated, _ = score_faces(
        load_net(net, weights), split.faces("scoring"), split.mean, 2
    )
    assert [key.rsplit("-", 1)[1] for key in keys] == ["astronaut", "drawn0", "drawn1"]
    assert 0.01 < evaluated.min() < evaluated.max() < 0.99
    assert np.abs(scores(table) - evaluated).max() < 1e-6

    assert status_of("export", net, weights, tmp_path / "net.onnx") == 0
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    faces = [network_input(f.image, split.mean, 170, 170) for f in split.faces("")]
    (by_onnx,) = session.run(["prob"], {"data": np.stack(faces)})
    assert np.abs(by_onnx - evaluated).max() < 1e-6


def test_the_table_has_openfaces_columns(place, weights, tmp_path):
    result = ran("predict", place / "pictures", "--weights", weights, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "3 faces in 4 pictures" in result.stdout
    table = pd.read_csv(tmp_path / "pictures.csv")
    points = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    head = ["file", "face", "confidence", "success", *points]
    aus = [f"AU{au:02d}_{kind}" for kind in "pc" for au in BP4D_AUS]
    assert list(table) == [*head, *aus]
    none = table[table["success"] == 0]
    assert [Path(f).name for f in none["file"]] == ["coffee.png"]
    assert none[[*points, *aus]].isna().all(axis=None)
    found = table[table["success"] == 1]
    assert (found["confidence"] > 0.9).all()
    called = found[[f"AU{au:02d}_c" for au in BP4D_AUS]].to_numpy()
    assert (called == (scores(found) >= 0.5)).all()
    assert 0 < called.mean() < 1
    photo = found.iloc[0]  # the eyes' outer corners and the chin, seen in the photo
    assert np.hypot(photo.x_36 - 193, photo.y_36 - 100) < 4
    assert np.hypot(photo.x_45 - 256, photo.y_45 - 104) < 4
    assert np.hypot(photo.x_8 - 220, photo.y_8 - 176) < 5


def test_fex_columns(place, weights, tmp_path):
    options = ("--weights", weights, "--out", tmp_path, "--format", "fex")
    assert status_of("predict", place / "pictures", *options) == 0
    table = pd.read_csv(tmp_path / "pictures.csv")
    head = "frame FaceRectX FaceRectY FaceRectWidth FaceRectHeight FaceScore x_0"
    assert list(table)[:7] == head.split()
    assert list(table)[-1] == "input"
    assert table["frame"].tolist() == [0, 1, 2, 3]
    assert table["AU01"].between(0, 1).sum() == 3
    photo = table.iloc[0]
    assert photo.FaceRectX <= photo.x_36 <= photo.FaceRectX + photo.FaceRectWidth


def test_annotated_pictures_show_the_face_and_its_aus(place, weights, tmp_path):
    source = place / "pictures" / "astronaut.png"
    options = ("--weights", weights, "--out", tmp_path, "--annotate")
    assert status_of("predict", source, *options) == 0
    drawn = cv2.imread(str(tmp_path / "pictures" / "pictures-astronaut.jpg"))
    photo = cv2.imread(str(source))
    assert drawn.shape == (512, 512 + 250, 3)
    changed = np.abs(drawn[:, :512].astype(int) - photo).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    assert 50 < rows.min() < rows.max() < 190  # at the face, nowhere else
    assert 160 < columns.min() < columns.max() < 290


# ---- What belongs to weights


def test_a_training_says_what_belongs_to_its_weights(weights):
    record = read_json(weights.parent / "net_model.json", "")
    assert record == {
        "net": "../net_deploy.prototxt",
        "mean": "../own/all/mean.binaryproto",
        "aus": list(BP4D_AUS),
        "generated": False,
        "dataset": "own.csv, all subjects",
    }
    Path("net_deploy.prototxt").rename("elsewhere")
    try:
        assert write_record(read_solver(Path("solver.prototxt"))) is None
    finally:
        Path("elsewhere").rename("net_deploy.prototxt")


def test_weights_alone_lack_a_net(place, tmp_path):
    alone = tmp_path / "net.caffemodel"
    alone.write_bytes(b"")
    result = ran("predict", place / "pictures", "--weights", alone, "--out", tmp_path)
    assert result.returncode == 1
    assert "give --net and --mean" in result.stderr


def test_given_files_go_before_those_beside(place, weights, tmp_path):
    other = tmp_path / "net.prototxt"
    other.write_text(DEPLOY.replace("Sigmoid", "TanH"))
    table = Detector(net=other, weights=weights).predict(place / "pictures/drawn0.jpg")
    assert scores(table).min() < 0


def test_drawings_are_called_so_on_every_output(place, weights, tmp_path):
    record = weights.parent / "net_model.json"
    write_json(record, read_json(record, "") | {"generated": True})
    pictures = place / "pictures"
    result = ran("predict", pictures, "--weights", weights, "--out", tmp_path)
    assert NOTICE in result.stdout
    assert NOTICE in result.stderr
    table = pd.read_csv(tmp_path / "pictures.csv")
    assert (table["trained_on"] == NOTICE).all()
    drawn = pictures / "drawn0.jpg"
    assert (Detector(weights=weights).predict(drawn)["trained_on"] == NOTICE).all()


def test_demo_without_a_demo(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status_of("predict", place / "pictures", "--demo", "--out", tmp_path) == 1


def test_demo_takes_what_make_demo_left(place, weights, tmp_path, monkeypatch):
    run = tmp_path / "out" / "demo" / "drml" / "1"
    run.mkdir(parents=True)
    for file in ("net_iter_7.caffemodel", "net_model.json"):
        (run / file).write_bytes((weights.parent / file).read_bytes())
    record = read_json(run / "net_model.json", "")
    for name in ("net", "mean"):
        path = (weights.parent / record[name]).resolve()
        record[name] = os.path.relpath(path, run)
    write_json(run / "net_model.json", record | {"generated": True})
    monkeypatch.chdir(tmp_path)
    drawn = place / "pictures" / "drawn0.jpg"
    assert status_of("predict", drawn, "--demo", "--out", "here") == 0
    assert NOTICE in Path("here/pictures.csv").read_text()


# ---- Sources


def files_of(table):
    return [Path(file).name for file in table["file"]]


def test_patterns_and_lists_of_paths(place, weights, tmp_path):
    detector = Detector(weights=weights)
    assert files_of(detector.predict("pictures/d*.jpg")) == ["drawn0.jpg", "drawn1.jpg"]
    assert len(detector.predict("**/drawn?.jpg", "pictures/drawn0.jpg")) == 2
    (place / "list.csv").write_text("who,path\na,pictures/drawn1.jpg\n")
    assert files_of(detector.predict("list.csv")) == ["drawn1.jpg"]


def test_a_picture_lies_as_its_exif_says(place, weights, tmp_path):
    """JPEG as cameras turn it: EXIF's orientation 6, a quarter to the right."""
    upright = cv2.imread(str(place / "pictures/drawn0.jpg"))
    turned = cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)
    jpeg = cv2.imencode(".jpg", turned)[1].tobytes()
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    tagged = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "turned.jpg").write_bytes(jpeg[:2] + tagged + jpeg[2:])
    detector = Detector(weights=weights)
    (there,) = detector.predict(place / "pictures/drawn0.jpg")[["y_8"]].values
    (here,) = detector.predict(tmp_path / "turned.jpg")[["y_8"]].values
    assert abs(there - here) < 2


def test_small_faces_are_warned_of(place, weights, tmp_path):
    photo = cv2.imread(str(place / "pictures/astronaut.png"))[:256, 60:316]
    small = cv2.resize(photo, (80, 80), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "small.png"), small)
    options = ("--weights", weights, "--out", tmp_path / "out")
    result = ran("predict", tmp_path / "small.png", *options)
    assert result.returncode == 0
    assert "1 of 1 faces are under 40 pixels" in result.stderr


# ---- Mistakes


def test_no_face_anywhere_is_said(place, weights, tmp_path):
    coffee = place / "pictures" / "coffee.png"
    result = ran("predict", coffee, "--weights", weights, "--out", tmp_path)
    assert result.returncode == 0
    assert "no face was found in 1 pictures" in result.stdout


def test_a_damaged_picture_is_named_and_left_out(place, weights, tmp_path):
    whole = place / "pictures" / "drawn0.jpg"
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:3000])
    options = ("--weights", weights, "--out", tmp_path / "out")
    result = ran("predict", whole, cut, *options)
    assert result.returncode == 1
    assert f"left out: {cut} is not a whole picture" in result.stderr
    assert len(pd.read_csv(tmp_path / "out" / "pictures.csv")) == 1
    result = ran("predict", cut, "--weights", weights, "--out", tmp_path / "none")
    assert "none of the pictures can be read" in result.stderr
    assert not (tmp_path / "none").exists()
    with pytest.raises(UserError, match="not a whole picture"):
        Detector(weights=weights).predict(cut)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("own.csv", "line 2: "),
        ("solver.prototxt", "is no picture that OpenCV reads"),
        ("out", "holds no picture"),
        ("none.jpg", "does not exist"),
        ("*.png", "no picture matches"),
        ("list.csv", "has no column 'path'"),
    ],
)
def test_what_is_no_picture(place, weights, name, said):
    if name == "list.csv":
        (place / name).write_text("file\na.jpg\n")
    if name == "own.csv":
        name = "own2.csv"
        (place / name).write_text("path\nnone.jpg\n")
    with pytest.raises(UserError, match=said):
        Detector(weights=weights).predict(name)


def test_an_unreadable_folder(weights, tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        Detector(weights=weights).predict(tmp_path)


def test_aus_that_do_not_fit_the_net(place, weights):
    with pytest.raises(UserError, match="has 12 outputs, and there are 2 AUs"):
        Detector(weights=weights, aus=(1, 2))
    with pytest.raises(UserError, match="AU 99 is no action unit"):
        Detector(weights=weights, aus=(99,))


def test_a_mean_of_smaller_faces(weights, tmp_path):
    blob = caffe_pb2.BlobProto()
    blob.shape.dim.extend([1, 3, 100, 100])
    blob.data.extend([0.0] * 30000)
    mean = tmp_path / "mean.binaryproto"
    mean.write_bytes(blob.SerializeToString())
    with pytest.raises(UserError, match="give its own --mean"):
        Detector(weights=weights, mean=mean)


def test_bad_usage(tmp_path):
    assert status_of("predict", "a.jpg", "--out", tmp_path) == 2
    both = ("--demo", "--weights", "w.caffemodel")
    assert status_of("predict", "a.jpg", *both, "--out", tmp_path) == 2
