"""The paper's sampling: so many positive and negative frames per AU and video."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_bp4d as tiny

from data_prep import bp4d, importer
from data_prep.aus import BP4D_AUS
from data_prep.dataset import FaceFrame, Frame, Sequence
from data_prep.face_lmdb import read_faces
from data_prep.sampling import Sampling


def sequence(labels: np.ndarray, name: str = "F001_T1") -> Sequence:
    faces = [
        FaceFrame("F001", f"{name}_{i}", Frame(f"{i}.jpg"), None, row)
        for i, row in enumerate(labels.astype(np.int8))
    ]
    return Sequence("F001", name, faces, len(faces), {})


@pytest.fixture
def video() -> Sequence:
    """300 frames of four AUs: common, balanced, rare and never coded."""
    rng = np.random.default_rng(7)
    labels = np.where(rng.random((300, 4)) < (0.7, 0.5, 0.05, 0.5), 1, -1)
    labels[rng.random(300) < 0.1] = 0
    labels[:, 3] = 0
    return sequence(labels)


def counts(faces: list[FaceFrame]) -> list[tuple[int, int]]:
    labels = np.array([face.labels for face in faces])
    return [(int((au > 0).sum()), int((au < 0).sum())) for au in labels.T]


def number(face: FaceFrame) -> int:
    return int(face.name.split("_")[-1])


def test_each_au_gets_its_numbers_or_all_there_are(video):
    faces = Sampling(20, 40, 0, all_labels=False).sample(video)
    rare = int((video.labels[:, 2] > 0).sum())
    assert 0 < rare < 20
    assert counts(faces) == [(20, 40), (20, 40), (rare, 40), (0, 0)]


def test_a_frame_is_labelled_for_what_it_was_sampled_for(video):
    for face in Sampling(20, 40, 0, all_labels=False).sample(video):
        true = video.labels[number(face)]
        assert face.labels.any()
        assert face.labels.dtype == np.int8
        assert all(label in (0, t) for label, t in zip(face.labels, true, strict=True))


def test_all_labels_are_kept_on_request(video):
    some = Sampling(20, 40, 0, all_labels=False).sample(video)
    full = Sampling(20, 40, 0, all_labels=True).sample(video)
    assert [f.name for f in some] == [f.name for f in full]
    assert all((f.labels == video.labels[number(f)]).all() for f in full)
    assert counts(full) != counts(some)


def test_frames_stay_in_order_and_stand_once(video):
    numbers = [number(f) for f in Sampling(20, 40, 0, all_labels=False).sample(video)]
    assert numbers == sorted(set(numbers))


def test_the_seed_and_the_video_decide(video):
    def names(seed: int, one: Sequence) -> list[int]:
        return [number(f) for f in Sampling(20, 40, seed, all_labels=False).sample(one)]

    assert names(0, video) == names(0, video)
    assert names(0, video) != names(1, video)
    assert names(0, video) != names(0, sequence(video.labels, "F001_T2"))


def test_short_videos_are_counted(video):
    few = sequence(video.labels[:30], "F001_T2")
    assert (video.labels[:, 2] > 0).sum() >= 5 > (few.labels[:, 2] > 0).sum()
    short = Sampling(5, 40, 0, all_labels=False).short([video, few])
    assert short == {"positive": [0, 0, 1, 2], "negative": [1, 1, 1, 2]}


# Through the importer


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tiny.write_dataset(tmp_path_factory.mktemp("bp4d"))


def run_import(root: Path, out: Path, *options: str) -> dict:
    plain = (f"--out={out}", "--fold=1", "--jobs=1", "--size=32", "--sample=1/2")
    bp4d.main([str(root), *plain, *options])
    return json.loads((out / "fold1" / "dataset.json").read_text())


def test_train_is_sampled_and_the_rest_is_not(root, tmp_path, capsys):
    dataset = run_import(root, tmp_path)
    train, val, test = (dataset["splits"][s] for s in ("train", "val", "test"))
    assert val["faces"] == test["faces"] == 2 * 2 * 5
    assert max(train["positive"]) == 4  # one each in two tasks of two subjects
    assert max(train["negative"]) == 8
    short = dataset["short of frames"]["train"]
    by_au = zip(short["positive"], train["positive"], strict=True)
    assert [n for n, _ in by_au] == [4 - p for p in train["positive"]]
    assert list(dataset["short of frames"]) == ["train"]
    shown = capsys.readouterr().out
    assert "of train with fewer than 2 negative frames, all taken: AU " in shown
    line = next(x for x in shown.splitlines()[::-1] if x.startswith("12 lip corner"))
    i = BP4D_AUS.index(12)
    kinds = [train[kind][i] for kind in ("positive", "negative", "unknown")]
    assert line.split()[4] == "/".join(map(str, kinds))
    assert line.split()[5] == f"{kinds[1] / kinds[0]:.1f}"
    assert line.split()[-1] == "0.8"  # the paper's


def test_other_splits_are_sampled_when_asked(root, tmp_path):
    dataset = run_import(root, tmp_path, "--sample-splits", "val", "test")
    assert dataset["splits"]["train"]["faces"] == 20
    assert max(dataset["splits"]["val"]["positive"]) <= 4
    assert max(dataset["splits"]["test"]["positive"]) <= 4


def test_a_fold_takes_the_same_frames_of_a_video(root, tmp_path):
    """F004 trains in fold 1; in fold 2, where it validates, sampling is asked for."""
    run_import(root, tmp_path)
    options = (f"--out={tmp_path}", "--jobs=1", "--size=32", "--sample=1/2")
    bp4d.main([str(root), "--fold=2", *options, "--sample-splits", "val"])

    def of_f004(folder: Path) -> dict[str, list]:
        faces = ((key[9:], labels.tolist()) for key, _, labels in read_faces(folder))
        return {name: labels for name, labels in faces if name.startswith("F004")}

    first = of_f004(tmp_path / "fold1" / "train_lmdb")
    assert first == of_f004(tmp_path / "fold2" / "val_lmdb")
    assert first


@pytest.mark.parametrize("text", ["100", "0/5", "1/2/3", "a/b", "-1/2", ""])
def test_what_is_no_number_of_frames(text):
    with pytest.raises(importer.argparse.ArgumentTypeError, match="POS/NEG"):
        importer.sample_counts(text)
