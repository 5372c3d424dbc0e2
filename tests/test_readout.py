"""drml readout on planted features: folds, sampling, and what it says of it all."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import status_of
from sklearn.metrics import f1_score, roc_auc_score

from data_prep.sampling import Sampling
from drml.evaluate.dataset import subjects_and_videos
from drml.evaluate.readout import CrossValidation, FaceFeatures, linear_readout, sample

AUS, SUBJECTS, FRAMES, DIMENSION = [1, 9, 25], 6, 40, 8


def planted(seed=0):
    """Faces of which AU 9 can be read off feature 0, and AU 25 off nothing at all."""
    rng = np.random.default_rng(seed)
    count = SUBJECTS * FRAMES
    labels = rng.choice([-1, 1], (count, len(AUS))).astype(np.int8)
    features = rng.normal(size=(count, DIMENSION)).astype(np.float32)
    features[:, 0] += 3 * labels[:, 1]
    labels[::7, 1] = 0
    names = [f"SN{i // FRAMES:03d}_{i:04d}" for i in range(count)]
    keys = [f"{i:08d}_{name}" for i, name in enumerate(names)]
    return keys, features, labels


def faces(keys, features, labels):
    subjects = [f"SN{i:03d}" for i in range(SUBJECTS)]
    return FaceFeatures(features, labels, *subjects_and_videos(keys, subjects))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """features.h5 and the dataset.json of what it was extracted of."""
    monkeypatch.chdir(tmp_path)
    write_features(*planted())
    subjects = [f"SN{i:03d}" for i in range(SUBJECTS)]
    about = {"dataset": "DISFA", "generated": True, "aus": AUS, "size": 25}
    rest = {"fold": "all", "seed": 0, "splits": {"test": {"subjects": subjects}}}
    Path("data").mkdir()
    Path("data/dataset.json").write_text(json.dumps(about | rest))


def write_features(keys, features, labels):
    about = {
        "title": "DRML", "blob": "fc9", "net": "net.prototxt", "split": "test",
        "weights": "drml_iter_7.caffemodel", "generated": True,
        "dataset": "generated faces in DISFA's layout, all subjects, test split",
    }  # fmt: skip
    with h5py.File("features.h5", "w") as file:
        file["keys"], file["features"], file["labels"] = keys, features, labels
        file.attrs["aus"], file.attrs["zeros"] = AUS, 0.0
        file.attrs["about"] = json.dumps(about)


def ran(*more):
    words = "--features features.h5 --data data --out out --sample 10/10"
    return status_of("readout", *words.split(), *more)


def recorded(folder="out"):
    return json.loads(Path(folder, "evaluation.json").read_text())


def test_what_the_features_hold_is_read_out(project, monkeypatch, capsys):
    assert ran() == 0
    record = recorded()
    auc = {row["au"]: row["auc"] for row in record["aus"]}
    # Signal and noise of 3 to 1: a pair is in order with P(N(6, 2) > 0) = 1 - 1e-5.
    assert auc[9] > 0.99
    # 120 pairs of classes by chance: the AUC's deviation is sqrt(241 / 12) / 120 = 4%.
    assert 0.35 < auc[25] < 0.65
    assert record["title"] == "DRML, linear read-out of fc9"
    assert record["dataset"].startswith("generated faces in DISFA's layout")
    assert "3 folds without common subjects" in record["protocol"]
    assert "10/10 frames a video" in record["protocol"]
    assert record["faces"] == SUBJECTS * FRAMES
    dealt = [s for fold in record["folds"] for s in fold]
    assert sorted(dealt) == [f"SN{i:03d}" for i in range(SUBJECTS)]
    with h5py.File("out/predictions.h5") as file:
        scores, labels = file["scores"][:], file["labels"][:]
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.array_equal(labels, planted()[2])
    table = capsys.readouterr().out

    again = ("--predictions", "out/predictions.h5", "--out", "again")
    assert status_of("evaluate", *again) == 0
    assert recorded("again") == record
    assert table.startswith(capsys.readouterr().out)


def test_measures_are_means_over_the_folds(project, monkeypatch):
    assert ran() == 0
    record = recorded()
    with h5py.File("out/predictions.h5") as file:
        scores, present = file["scores"][:, 2], file["labels"][:, 2] > 0
        subjects = np.array([key.split("_")[1] for key in file["keys"].asstr()])
    folds = [np.isin(subjects, fold) for fold in record["folds"]]
    for name, function, values in (
        ("auc", roc_auc_score, scores),
        ("f1", f1_score, scores >= 0.5),
    ):
        expected = np.mean([function(present[f], values[f]) for f in folds])
        assert record["aus"][2][name] == pytest.approx(expected)
        assert expected != pytest.approx(function(present, values), abs=1e-5)
    assert record["aus"][2]["positives"] == np.count_nonzero(present)


def test_a_subject_is_never_scored_by_its_own_classifiers():
    """Where subjects differ in all and AUs are a matter of subject, nothing is read."""
    keys, features, labels = planted()
    subject = np.repeat(np.arange(SUBJECTS), FRAMES)
    features[:] = np.eye(DIMENSION, dtype=np.float32)[subject]
    labels[:] = np.where(np.arange(len(labels)) % 4, 1, -1)[:, None]
    labels[:, 0] *= np.where(subject % 2, 1, -1).astype(np.int8)
    scores, folds, _ = linear_readout(
        faces(keys, features, labels), CrossValidation(3, None, 1)
    )
    for fold in folds:
        rows = np.isin(subject, [int(name[2:]) for name in fold])
        assert len(np.unique(scores[rows, 0])) == 1  # unseen features are all alike


def test_each_face_is_scored_once_by_the_other_folds(monkeypatch):
    seen = []

    class Recorder:
        """A classifier whose features are their own row numbers."""

        def fit(self, features, present):
            seen.append((set(features[:, 0].astype(int)), set()))
            return self

        def predict_proba(self, features):
            seen[-1][1].update(features[:, 0].astype(int))
            return np.full((len(features), 2), 0.25)

    monkeypatch.setattr("drml.evaluate.readout.classifier", lambda strength: Recorder())
    keys, features, labels = planted()
    features[:, 0] = np.arange(len(features))
    scores, _, _ = linear_readout(
        faces(keys, features, labels), CrossValidation(3, None, 1)
    )
    assert (scores == 0.25).all()
    assert len(seen) == 3 * len(AUS)
    for column in range(len(AUS)):
        trained, scored = zip(*seen[column :: len(AUS)], strict=True)
        assert sorted(row for rows in scored for row in rows) == list(range(len(keys)))
        for train, test in zip(trained, scored, strict=True):
            assert not {i // FRAMES for i in train} & {i // FRAMES for i in test}
            assert not any(labels[i, column] == 0 for i in train)  # unknown


def test_frames_are_sampled_by_video_and_au():
    some = faces(*planted())
    taken = sample(some, Sampling(10, 5, 0, all_labels=True))
    for video in np.unique(some.videos):
        own = some.labels * taken * (some.videos == video)[:, None]
        assert (own > 0).sum(axis=0).tolist() == [10] * 3
        assert (own < 0).sum(axis=0).tolist() == [5] * 3


def test_same_seed_same_bytes(project, monkeypatch):
    def written(*more):
        assert ran(*more) == 0
        return Path("out/predictions.h5").read_bytes()

    first = written()
    assert written() == first
    assert written("--seed", "1") != first


def test_an_au_of_one_class_is_named_and_undefined(project, monkeypatch, capsys):
    keys, features, labels = planted()
    labels[:, 2] = -1
    labels[:3, 2] = 1  # in the first subject alone
    write_features(keys, features, labels)
    assert ran() == 0
    assert "AU 25 (lips part): a fold has one class only" in capsys.readouterr().out
    record = recorded()
    assert record["undefined"] == [25]
    assert record["aus"][2]["f1"] is None
    assert record["average"]["aus"] == 2
    with h5py.File("out/predictions.h5") as file:
        assert (file["scores"][:, 2] == 0.5).all()
        assert (file["labels"][:, 2] == 0).all()


def test_names_of_keys():
    keys = ["00000000_F001_T1_2440", "00000001_F001_T8_10", "00000002_anna_b_a-01.jpg"]
    subjects, videos = subjects_and_videos(keys, ["anna", "anna_b", "F001"])
    assert subjects.tolist() == ["F001", "F001", "anna_b"]
    assert videos.tolist() == ["F001_T1", "F001_T8", "anna_b"]


@pytest.mark.parametrize(
    ("change", "more", "sentence"),
    [
        ({}, ["--folds", "7"], "there are 6 subjects for 7 folds"),
        ({"dataset": "BP4D"}, [], "--data is generated faces in BP4D's layout"),
        ({"aus": [1, 9, 26]}, [], "give the dataset that the features were"),
        (
            {"splits": {"test": {"subjects": ["SN000"]}}}, [],
            "face SN001_0040 is of no subject of the dataset",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(
    project, monkeypatch, capsys, change, more, sentence
):
    file = Path("data/dataset.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    assert ran(*more) == 1
    assert sentence in capsys.readouterr().err
    assert not Path("out").exists()


def test_damaged_features(project, monkeypatch, capsys):
    Path("features.h5").write_bytes(b"no HDF5")
    assert ran() == 1
    assert "features.h5 cannot be read" in capsys.readouterr().err


def test_bad_usage(project, monkeypatch):
    assert ran("--strength", "0") == 2
    assert ran("--folds", "1") == 2
