"""`drml predict` and `Detector` on pictures: a photo, drawings, and no face at all."""

import os
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import pytest
from command import ran, status_of
from predicting import DEPLOY
from tiny_faces import contents

from caffe.proto import caffe_pb2
from data_prep.aus import BP4D_AUS
from data_prep.base import UserError, read_json, write_json
from data_prep.network_input import network_input
from drml.cli import predict
from drml.cli.options import parser
from drml.evaluate.dataset import open_split
from drml.evaluate.scoring import score_faces
from drml.nets.deploy import load_net
from drml.nets.solver import read_solver
from drml.predict import Detector
from drml.predict.trained import NOTICE, write_record


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
    table = pd.read_csv(tmp_path / "pictures.fex.csv")
    head = "frame FaceRectX FaceRectY FaceRectWidth FaceRectHeight FaceScore x_0"
    assert list(table)[:7] == head.split()
    assert list(table)[-1] == "input"
    assert table["frame"].tolist() == [0, 1, 2, 3]
    own = pd.read_csv(tmp_path / "pictures.csv")
    assert table["AU01"].equals(own["AU01_p"])
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


# ---- Names of results


def test_results_of_other_files_have_other_names():
    """Also where folder and name are the same, or the name is that of our own table."""
    names = predict.named(
        ["a/x/v.mp4", "a/x/v.avi", "b/x/v.mp4", "pictures.mp4"], "pictures"
    )
    assert list(names.values()) == ["x-v", "x-v-2", "x-v-3", "pictures-2"]
    strange = predict.named(
        ["/v.mp4", "../v.mp4", "..mp4", "x/.../-.mp4", "0", "camera0.avi"]
    )
    wanted = ["v", "v-2", "unnamed", "unnamed-2", "camera0", "camera0-2"]
    assert list(strange.values()) == wanted


@pytest.mark.parametrize(
    ("folder", "source", "out"),
    [
        (".", "v.mp4", "."),
        (".", "v.mp4", "link"),
        (".", "pictures.csv", "."),
        ("pictures", "a.jpg", ".."),
    ],
)
def test_what_is_looked_at_is_not_written_over(
    place, weights, tmp_path, monkeypatch, folder, source, out
):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "link").symlink_to(".")
    picture = (place / "pictures" / "drawn0.jpg").read_bytes()
    (tmp_path / "pictures/a.jpg").write_bytes(picture)
    (tmp_path / "v.mp4").write_bytes(b"film")
    (tmp_path / "pictures.csv").write_text("path\npictures/a.jpg\n")
    monkeypatch.chdir(tmp_path / folder)
    before = contents(tmp_path)
    words = parser("", "drml predict")
    predict.add_arguments(words)
    words = words.parse_args(
        [source, f"--weights={weights}", "--annotate", f"--out={out}"]
    )
    with pytest.raises(UserError, match="would be written over: choose another --out"):
        predict.run(words)
    assert contents(tmp_path) == before


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
    assert "none of it can be read" in result.stderr
    assert not list((tmp_path / "none").iterdir())
    with pytest.raises(UserError, match="not a whole picture"):
        Detector(weights=weights).predict(cut)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("own.csv", "line 2: "),
        ("solver.prototxt", "is neither a picture nor a video"),
        ("out", "holds no picture or video"),
        ("none.jpg", "does not exist"),
        ("*.png", "no picture or video matches"),
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
