"""drml classical on generated faces: the three methods, their files, going on."""

import csv
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import status_of

from data_prep.registration import MIRROR, mean_shape
from drml.classical import path as along
from drml.classical.model import Model, read_model
from drml.classical.pairs import derive, together
from drml.classical.path import best_of_each, best_on_average, prepare, train_apl
from drml.evaluate.predictions import read_predictions
from drml.figures.saliency import region_mask

METHODS = ("lsvm", "apl", "jpml")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Generated faces, imported; LSVM, APL and, from APL, JPML."""
    folder = tmp_path_factory.mktemp("classical")
    words = "--subjects 6 --tasks 3 --frames 8 --height 348 --seed 1"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shorten(patch)
        assert status_of("generate", "faces", *words.split()) == 0
        imported = "faces --out data --fold 1 --sample none".split()
        assert status_of("import", "bp4d", *imported) == 0
        for method in METHODS[:2]:
            assert run(method) == 0
        assert run("jpml", "--apl", "apl") == 0
    return folder


def shorten(patch):
    """Make paths short and coarse enough for tests."""
    patch.setattr(along, "STRENGTHS", (1e-2, 1e-1))
    patch.setattr(along, "EXPONENTS", (0.5, 1.0))
    patch.setattr(along, "LAST_EXPONENT", 1.0)
    patch.setattr(along, "BETAS", (0.1,))
    patch.setattr(along, "MOST_EPOCHS", 20)


def run(method, *more):
    return status_of(
        "classical", method, "--data", "data/fold1", "--out", method, *more
    )


@pytest.fixture
def project(trained, tmp_path, monkeypatch):
    """A copy to spoil, with the short paths of `trained`."""
    for name in ("data", "lsvm", "apl"):
        shutil.copytree(trained / name, tmp_path / name)
    (tmp_path / "faces").symlink_to(trained / "faces")
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch)
    return tmp_path


def rows(file):
    with open(file, newline="") as content:
        return list(csv.DictReader(content))


def test_importers_keep_landmarks_and_counts(trained):
    """The landmarks are the registered ones, in the records' order."""
    data = trained / "data/fold1"
    record = json.loads((data / "dataset.json").read_text())
    for split in ("train", "val", "test"):
        points = np.load(data / f"{split}_landmarks.npy")
        assert points.dtype == np.float32
        assert points.shape == (record["splits"][split]["faces"], 49, 2)
        # Registered to the mean shape by a similarity, they lie near it.
        assert np.abs(points.mean(axis=0) - mean_shape(200)).max() < 15
    counts, train = record["cooccurrence"], record["splits"]["train"]
    assert counts["frames"] == train["faces"]  # generated faces lack none
    assert np.diag(counts["both"]).tolist() == train["positive"]
    known = np.add(train["positive"], train["negative"])
    assert np.diag(counts["known"]).tolist() == known.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_predictions_are_those_of_drml_evaluate(trained, method, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    for split in ("val", "test"):
        found = read_predictions(Path(f"{method}/{split}/predictions.h5"))
        with h5py.File(f"data/fold1/sift/{split}.h5") as file:
            assert found.keys == list(file["keys"].asstr())
            rows_, labels = file["features"][:], file["labels"][:]
        assert np.array_equal(found.labels, labels)
        model = read_model(Path(f"{method}/model.h5"))
        f = (rows_ / 512 - model.mean) @ model.weights + model.intercepts
        assert found.scores == pytest.approx(1 / (1 + np.exp(-f)), abs=1e-5)
    again = ("--predictions", f"{method}/test/predictions.h5", "--out", "again")
    assert status_of("evaluate", *again) == 0
    said = capsys.readouterr().out
    assert f"{method.upper()} on generated faces in BP4D's layout, fold 1" in said
    one, other = (
        json.loads(Path(f"{folder}/evaluation.json").read_text())
        for folder in (f"{method}/test", "again")
    )
    assert one == other
    assert one["average"]["auc"] > 0.6


def test_importance_lies_in_the_aus_regions(trained):
    """Of the importance more lies inside an AU's region than of the landmarks."""
    model = read_model(trained / "apl/model.h5")
    x, y = np.round(mean_shape(200)).astype(int).T
    inside = np.stack([region_mask(au, 200)[y, x] for au in model.aus], axis=1)
    own = model.importance / model.importance.sum(axis=0)
    shares = np.where(inside, own, 0).sum(axis=0)
    assert np.mean(shares) > 2 * inside.mean()
    assert np.mean(shares > inside.mean(axis=0)) > 0.7


def test_the_path_is_told(trained):
    found = rows(trained / "apl/path.csv")
    assert {row["exponent"] for row in found} == {"0.5", "1.0"}
    for au in {row["au"] for row in found}:
        own = [row for row in found if row["au"] == au]
        best = max(own, key=lambda r: (float(r["val_f1"]), float(r["val_auc"])))
        (chosen,) = (row for row in own if row["chosen"] == "1")
        assert chosen["val_f1"] == best["val_f1"]
        assert float(chosen["gap"]) <= 1e-3 or chosen["epochs"] == "20"
    betas = {(row["beta1"], row["beta2"]) for row in rows(trained / "jpml/path.csv")}
    assert ("0.0", "0.0") in betas
    assert len(betas) == 3


def test_beta_0_is_apls_model(trained):
    """The path of JPML begins with it, as it is."""
    apl, first = (rows(trained / f"{m}/path.csv") for m in ("apl", "jpml"))
    chosen = {row["au"]: row for row in apl if row["chosen"] == "1"}
    for row in first[: len(chosen)]:
        assert (row["beta1"], row["beta2"]) == ("0.0", "0.0")
        for name in ("lambda", "objective", "val_f1", "active_patches"):
            assert row[name] == chosen[row["au"]][name]


@pytest.mark.parametrize("method", METHODS)
def test_pictures(trained, method):
    names = ["path.png", "patches.png"] + ["pairs.png"] * (method == "jpml")
    for name in names:
        content = (trained / method / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 10_000


def test_a_stopped_path_goes_on_to_the_same_model(project, monkeypatch):
    before = read_model(Path("apl/model.h5"))
    (project / "apl/path/01.h5").unlink()
    solve, calls = along.solve, []

    def counted(*args, **more):
        calls.append(1)
        return solve(*args, **more)

    monkeypatch.setattr(along, "solve", counted)
    assert run("apl") == 0
    assert len(calls) == 1  # the one that was lost
    assert np.array_equal(read_model(Path("apl/model.h5")).weights, before.weights)

    def interrupted(*args, **more):
        raise KeyboardInterrupt

    (project / "apl/path/01.h5").unlink()
    monkeypatch.setattr(along, "solve", interrupted)
    assert run("apl") == 130
    assert sorted(p.name for p in (project / "apl/path").iterdir()) == [
        "00.h5", "about.json",
    ]  # fmt: skip


def test_other_options_do_not_go_on(project, capsys):
    assert run("apl", "--no-intercept") == 1
    assert "apl was made with another intercept" in capsys.readouterr().err.replace(
        "/path", ""
    )


def test_jpml_wants_an_apl_of_the_same_faces(project, capsys):
    assert run("jpml", "--apl", "lsvm") == 1
    assert "lsvm was made with another method" in capsys.readouterr().err
    assert run("jpml", "--apl", "nowhere") == 1
    assert "nowhere has no model.h5; give the --out of" in capsys.readouterr().err


def test_an_import_of_before_is_recognised_and_mended(project, capsys):
    file = project / "data/fold1/dataset.json"
    record = json.loads(file.read_text())
    old = {k: v for k, v in record.items() if k != "cooccurrence"}
    file.write_text(json.dumps(old))
    assert run("jpml", "--apl", "apl") == 1
    assert "was imported before AU pairs were counted" in capsys.readouterr().err
    for landmarks in project.glob("data/fold1/*.npy"):
        landmarks.unlink()
    imported = "faces --out data --fold 1 --sample none".split()
    assert status_of("import", "bp4d", *imported) == 0
    assert json.loads(file.read_text()) == record
    assert len(list(project.glob("data/fold1/*.npy"))) == 3


def test_a_dataset_without_train(project, capsys):
    file = project / "data/fold1/dataset.json"
    record = json.loads(file.read_text())
    del record["splits"]["train"]
    file.write_text(json.dumps(record))
    assert run("lsvm") == 1
    assert "has no train split" in capsys.readouterr().err


def test_on_disfa_lsvm_and_apl_are_read_out(project, capsys):
    """By subjects that were not trained on, into the files of drml readout."""
    words = "--features data/fold1/sift/test.h5 --data data/fold1 --folds 2".split()
    assert status_of("readout", *words, "--out", "r", "--classifier", "apl") == 1
    assert "a fold has one subject to train on" in capsys.readouterr().err
    joined = "data/all --fold all --sample none".split()
    assert status_of("import", "bp4d", "faces", "--out", *joined) == 0
    sift = "--sift --data data/all/all --out all.h5".split()
    assert status_of("features", *sift) == 0
    words = "--features all.h5 --data data/all/all --folds 2 --sample none".split()
    for method in ("lsvm", "apl"):
        out = ("--out", f"r/{method}", "--classifier", method)
        assert status_of("readout", *words, *out) == 0
        record = json.loads(Path(f"r/{method}/evaluation.json").read_text())
        assert record["title"] == method.upper()
        assert len(record["folds"]) == 2
        assert record["average"]["auc"] > 0.6
    assert "APL on SIFT, 2 folds without common subjects" in record["protocol"]


# ---- Without faces


def planted(faces=60, seed=0):
    """Descriptors of which AU 1 hangs on patch 2 and AU 2 on patch 40."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([-1, 1], (faces, 2)).astype(np.int8)
    values = rng.integers(0, 60, (faces, 49, 128))
    values[:, 2, :40] += 20 * (labels[:, :1] > 0)
    values[:, 40, 50:90] += 20 * (labels[:, 1:] > 0)
    return values.reshape(faces, -1).astype(np.uint8), labels


def fitted(values, labels, **how):
    training = prepare("apl", [1, 2], values, 1 / 512, labels, **how)
    largest = training.problem.largest_lambda()
    found = along.solve(training.problem, largest / 3).weights
    return training.model(along.flat(found), found.intercepts)


def test_importance_follows_the_patch_and_its_mirror_image():
    values, labels = planted()
    model = fitted(values, labels)
    assert model.importance.argmax(axis=0).tolist() == [2, 40]
    mirrored = values.reshape(-1, 49, 128)[:, MIRROR].reshape(len(values), -1)
    assert fitted(mirrored, labels).importance == pytest.approx(
        model.importance[MIRROR], abs=1e-4
    )


def test_without_an_intercept_nothing_is_centred():
    model = fitted(*planted(), intercept=False)
    assert not model.mean.any()
    assert not model.intercepts.any()
    assert model.norms.any()


def test_an_all_zero_model_has_no_importance():
    zero = np.zeros((6272, 1), np.float32)
    model = Model([1], zero, np.zeros(1, np.float32), np.zeros(6272, np.float32), {})
    assert not model.importance.any()
    assert not np.isnan(model.importance).any()


def test_an_au_of_one_class_is_undefined():
    """It is left out of the training, and every face gets 0.5."""
    values, labels = planted()
    labels[:, 1] = np.where(labels[:, 1] > 0, 1, 0)
    training = prepare("apl", [1, 2], values, 1 / 512, labels)
    assert training.undefined == [2]
    points = along.Points(training, lambda model: (np.full(2, 0.5), np.full(2, 0.5)))
    best = train_apl(points, (0.5,)).best
    model = training.model(best.weights, best.intercepts)
    scores = model.scores(values, 1 / 512)
    assert (scores[:, 1] == 0.5).all()
    assert len(np.unique(scores[:, 0])) > 2


def point(f1, auc, **names):
    zero = np.zeros(len(f1))
    arrays = dict.fromkeys(
        ("intercepts", "lambdas", "objective", "gap", "epochs"), zero
    )
    values = {"f1": np.array(f1), "auc": np.array(auc)}
    return along.Point(names, np.zeros((6272, len(f1))), seconds=0, **arrays, **values)


def test_ties_go_to_auc_then_to_the_stronger_regularisation():
    nan = np.nan
    points = [
        point([0.5, 0.5, 0.1, nan], [0.6, 0.6, 0.9, nan]),
        point([0.5, 0.5, 0.3, nan], [0.7, 0.6, 0.1, nan]),
        point([0.4, 0.5, 0.2, nan], [0.9, 0.6, 0.1, nan]),
    ]
    assert best_of_each(points).tolist() == [
        1,
        0,
        1,
        1,
    ]  # undefined: the others' median
    assert best_on_average(points) == 1


def test_derived_pairs_by_hand():
    """10 frames: AU 1 in 5, AU 2 in 4 of these 5, AU 4 in 4 of the other 5."""
    counts = {
        "known": np.full((3, 3), 10).tolist(),
        "present": [[5] * 3, [4] * 3, [4] * 3],
        "both": [[5, 4, 0], [4, 4, 0], [0, 0, 4]],
    }
    found = together(counts)
    # (10 * 4 - 5 * 4) / sqrt(5 * 5 * 4 * 6) = 20 / 24.49
    assert found.phi[0, 1] == pytest.approx(0.8165, abs=1e-4)
    assert found.lift[0, 1] == pytest.approx(2.0)  # 0.4 / (0.5 * 0.4)
    assert found.lift[1, 2] == 0
    pairs = derive(found, [1, 2, 4])
    assert pairs.positive == [(1, 2)]
    assert pairs.negative == [(1, 4), (2, 4)]
