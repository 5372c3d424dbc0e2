"""drml features: values, layout, and going on after a kill."""

import resource
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import status_of
from tiny_dataset import AUS, DEPLOY, FACES, make_dataset, make_weights

from data_prep.base import UserError, locked
from drml.cli import features as extract_features
from drml.evaluate import features
from drml.evaluate.dataset import open_split
from drml.evaluate.scoring import blob_values
from drml.nets.deploy import load_net

RELU = """
layer { name: "relu" type: "ReLU" bottom: "output" top: "output" }
layer { name: "prob" """


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder; the net's "output" is rectified, in place as fc9 is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(features, "BATCHES_A_PART", 1)
    make_dataset(tmp_path / "data")
    Path("net.prototxt").write_text(DEPLOY.replace('\nlayer { name: "prob" ', RELU))
    make_weights(Path("tiny.caffemodel"))


def extracted(monkeypatch, *more):
    words = "--net net.prototxt --weights tiny.caffemodel --data data --out f.h5 "
    words += "--blob output --batch 4"
    return status_of("features", *words.split(), *more)


def values():
    """What the net gives, in one batch."""
    split = open_split(Path("data"), "test")
    net = load_net(Path("net.prototxt"), Path("tiny.caffemodel"))
    return next(blob_values(net, split.faces("x"), split.mean, FACES, "output"))


def test_features_labels_and_zeros(project, monkeypatch, capsys):
    assert extracted(monkeypatch) == 0
    keys, expected, labels = values()
    with h5py.File("f.h5") as file:
        assert list(file["keys"].asstr()) == keys
        np.testing.assert_allclose(file["features"][:], expected, atol=1e-6)
        assert np.array_equal(file["labels"][:], labels)
        assert (file["features"].dtype, file["labels"].dtype) == (np.float32, np.int8)
        assert file["features"].chunks
        assert file.attrs["aus"].tolist() == list(AUS)
        zeros = file.attrs["zeros"]
    assert 0 < zeros < 1  # some of the scores are negative, some not
    assert zeros == (expected == 0).mean()
    printed = capsys.readouterr().out
    assert "output on generated faces in BP4D's layout" in printed
    assert f"{FACES} faces x 2, {100 * zeros:.1f}% zeros" in printed
    assert sorted(p.name for p in Path().glob("f.h5*")) == ["f.h5"]


def limited(batches):
    """A blob_values that Ctrl-C stops after so many batches."""

    def run_through(*arguments):
        yield from islice(blob_values(*arguments), batches)
        raise KeyboardInterrupt

    return run_through


def content(file):
    with h5py.File(file) as stored:
        return {name: stored[name][:].tolist() for name in stored}


def test_an_interrupted_run_goes_on(project, monkeypatch):
    assert extracted(monkeypatch, "--out", "whole.h5") == 0
    with monkeypatch.context() as patch:
        patch.setattr(extract_features, "blob_values", limited(2))
        assert extracted(monkeypatch) == 130
    parts = sorted(Path("f.h5.parts").glob("*.h5"))
    assert [part.name for part in parts] == ["00000000.h5", "00000004.h5"]
    assert not Path("f.h5").exists()

    with monkeypatch.context() as patch:  # one batch of the three is left
        patch.setattr(extract_features, "blob_values", limited(1))
        assert extracted(monkeypatch) == 130
    assert extracted(monkeypatch) == 0
    assert content("f.h5") == content("whole.h5")
    assert not Path("f.h5.parts").exists()


def test_where_there_is_no_room_for_the_whole(tmp_path, monkeypatch):
    """HDF5 itself crashes where it cannot write."""
    monkeypatch.setattr(features, "BATCHES_A_PART", 1)
    rows = np.random.default_rng(0).random((16, 100, 500), np.float32)
    labels = np.ones((100, 2), np.int8)

    def compute(start):
        for i in range(start // 100, len(rows)):
            yield [f"{100 * i + k}" for k in range(100)], rows[i], labels

    def write():
        features.write_features(tmp_path / "f.h5", {"of": "these"}, [1, 2], compute)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(UserError, match="f.h5 cannot be written: File too large"):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == ["f.h5.parts"]
    write()
    assert np.array_equal(
        features.read_rows(tmp_path / "f.h5")[1], rows.reshape(-1, 500)
    )


def test_features_of_one_file_are_written_by_one(project, monkeypatch, capsys):
    with locked(Path("f.h5.parts")):
        assert extracted(monkeypatch) == 1
    assert "another drml features is at work on f.h5.parts" in capsys.readouterr().err
    assert extracted(monkeypatch) == 0


def test_what_is_complete_is_not_done_again(project, monkeypatch, capsys):
    assert extracted(monkeypatch) == 0
    first = capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setattr(extract_features, "extract", None)
        assert extracted(monkeypatch) == 0
    assert capsys.readouterr().out == first


def test_other_weights_do_not_go_on(project, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(extract_features, "blob_values", limited(2))
        assert extracted(monkeypatch) == 130
    make_weights(Path("tiny.caffemodel"), seed=1)
    assert extracted(monkeypatch) == 1
    assert "f.h5.parts was made with another fingerprint" in capsys.readouterr().err


def test_a_blob_that_is_not_there(project, monkeypatch, capsys):
    assert extracted(monkeypatch, "--blob", "fc9") == 1
    assert "no blob fc9; give one of data, output, prob" in capsys.readouterr().err
    assert not list(Path().glob("f.h5*"))
