"""Other tools' CSV files as scores of a dataset's faces."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import status_of
from tiny_dataset import FACES, make_dataset

from data_prep.base import UserError
from drml.evaluate.tool_csv import read_tool

VIDEOS = ("F001_T1", "F002_T1", "F003_T1")
KEYS = [f"{i:08d}_{VIDEOS[i % 3]}_{i:03d}" for i in range(FACES)]
SUBJECTS = ("F001", "F002", "F003")
OF_OPENFACE = "frame, face_id, timestamp, confidence, success, x_0, AU01_r, AU12_r, "


def openface(folder: Path, name="{}.csv", first=0, skip=()):
    """A CSV a video, as OpenFace 2 writes them, blanks behind the commas included.

    AU 1's intensity is the frame's number / 4, AU 12 is present in even frames.
    """
    folder.mkdir(exist_ok=True, parents=True)
    for k, video in enumerate(VIDEOS):
        lines = [OF_OPENFACE + "AU01_c, AU12_c, AU28_c"]
        for i in range(k, FACES, 3):
            if i not in skip:
                row = (i + first, 0, 0.1, 0.9, 1, 55, i / 4, 1, i > 5, 1 - i % 2, 0)
                lines.append(", ".join(str(float(value)) for value in row))
        file = folder / name.format(video)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n")
    return folder


def said(files, aus=(1, 12), **options):
    return read_tool([files], KEYS, SUBJECTS, aus, offset=0, **options)


def test_openfaces_decisions(tmp_path):
    found = said(openface(tmp_path / "openface"))
    assert found.aus == [1, 12]
    called = found.scores >= 0.5
    assert called[:, 0].tolist() == [i > 5 for i in range(FACES)]
    assert called[:, 1].tolist() == [i % 2 == 0 for i in range(FACES)]
    about = {"tool": "OpenFace", "columns": "c", "unanswered": 0, "left_out": []}
    assert about.items() <= found.about.items()


def test_openfaces_intensities_at_a_threshold(tmp_path):
    found = said(openface(tmp_path), kind="r", threshold=1.5)
    order = found.scores[:, 0]
    assert (np.diff(order) > 0).all()
    assert ((order >= 0.5) == (np.arange(FACES) / 4 >= 1.5)).all()


@pytest.mark.parametrize(
    "name", ["{}.csv", "sub/{}_of.csv", "run-{}-x.csv", "{}/all.csv"]
)
def test_videos_are_named_in_many_ways(tmp_path, name):
    assert said(openface(tmp_path, name)).about["unanswered"] == 0
    for file in sorted(tmp_path.rglob("*.csv")):
        assert file.is_file()


@pytest.mark.parametrize("named", ["F001/T01", "f001-t1", "F001_T1"])
def test_names_are_parted_and_padded_otherwise(tmp_path, named):
    file = tmp_path / named / "frames.csv"
    file.parent.mkdir(parents=True)
    file.write_text("frame,AU01_c\n3,1\n6,0\n")
    keys = ["00000000_F001_T1_0003", "00000001_F001_T1_6", "00000002_F001_T1_9"]
    found = read_tool([file], keys, ["F001"], [1], offset=0)
    assert (found.scores[:, 0] >= 0.5).tolist() == [True, False, False]
    assert found.about["unanswered"] == 1


def test_task_1_is_not_task_10(tmp_path):
    (tmp_path / "F001_T10.csv").write_text("frame,AU01_c\n1,1\n2,1\n")
    (tmp_path / "F001_T1.csv").write_text("frame,AU01_c\n1,0\n2,0\n")
    keys = ["0_F001_T1_1", "1_F001_T10_1"]
    found = read_tool([tmp_path], keys, ["F001"], [1], offset=0)
    assert (found.scores[:, 0] >= 0.5).tolist() == [False, True]


def test_disfas_videos_and_the_frames_of_a_tool_that_counts_from_0(tmp_path):
    """LibreFace's: SN001_0001 is its frame 0; au_1_intensity is no decision."""
    rows = "".join(f"{i},{i * 50},{i % 2},{i}\n" for i in range(4))
    header = "frame_idx,frame_time_in_ms,au_1,au_1_intensity\n"
    (tmp_path / "LeftVideoSN001_comp.csv").write_text(header + rows)
    keys = [f"{i:08d}_SN001_{i + 1:04d}" for i in range(4)]
    found = read_tool([tmp_path], keys, ["SN001"], [1])
    assert (found.scores[:, 0] >= 0.5).tolist() == [False, True, False, True]
    assert (found.about["tool"], found.about["frame_offset"]) == ("LibreFace", 1)
    strong = read_tool([tmp_path], keys, ["SN001"], [1], kind="intensity", threshold=2)
    assert (strong.scores[:, 0] >= 0.5).tolist() == [False, False, True, True]


def test_py_feats_images_are_found_by_their_paths(tmp_path):
    """One CSV of all; of two faces in an image the surer one."""
    lines = ["input,frame,FaceScore,AU01,AU12"]
    for i in range(FACES):
        subject, task = VIDEOS[i % 3].split("_")
        path = f"/data/BP4D/{subject}/{task}/{i:04d}.jpg"
        lines += [f"{path},{i},0.4,0.0,0.0", f"{path},{i},0.9,0.{i % 10},0.7"]
    (tmp_path / "feat.csv").write_text("\n".join(lines) + "\n")
    found = read_tool([tmp_path / "feat.csv"], KEYS, SUBJECTS, [1, 12, 24])
    assert (found.scores[:, 0] >= 0.5).tolist() == [i % 10 >= 5 for i in range(FACES)]
    assert (found.scores[:, 1] >= 0.5).all()
    assert found.about["tool"] == "py-feat"
    assert found.about["left_out"] == [24]


def test_a_csv_an_image(tmp_path):
    """As OpenFace's FaceLandmarkImg leaves them: no column says which frame."""
    for i in range(FACES):
        file = tmp_path / VIDEOS[i % 3].replace("_", "/") / f"{i}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"face, confidence, AU01_c\n0, 0.9, {i % 2}\n")
    found = read_tool([tmp_path], KEYS, SUBJECTS, [1])
    assert (found.scores[:, 0] >= 0.5).tolist() == [i % 2 == 1 for i in range(FACES)]


def test_no_answer_is_not_present(tmp_path):
    folder = openface(tmp_path, skip=(10,))
    file = folder / "F001_T1.csv"
    lines = file.read_text().splitlines()
    lines[-1] = lines[-1].replace(" 0.9, 1.0", " 0.9, 0.0", 1)  # frame 9: no success
    file.write_text("\n".join(lines))
    found = said(folder)
    assert found.about["unanswered"] == 2
    assert not found.scores[[9, 10]].any()


def test_numbers_that_do_not_fit_are_refused(tmp_path):
    folder = openface(tmp_path, first=500)
    with pytest.raises(UserError, match="only 0 of 11 faces .* another --frame-offset"):
        said(folder)
    assert (
        read_tool([folder], KEYS, SUBJECTS, [1], offset=-500).about["unanswered"] == 0
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: (f / "F002_T1.csv").unlink(), "no CSV is of F002_T1 .1 of 3 videos"),
        (lambda f: (f / "F001_T1.csv").write_text("frame,x\n1,2\n"), "no AU column"),
        (lambda f: (f / "F001_T1.csv").write_text(""), "cannot be read as a CSV"),
        (lambda f: (f / "F001_T1.csv").rename(f / "F001_T1_F003_T1.csv"), "rename it"),
    ],
)
def test_what_no_tool_writes_is_named(tmp_path, change, sentence):
    folder = openface(tmp_path)
    change(folder)
    with pytest.raises(UserError, match=sentence):
        said(folder)


def test_no_au_of_the_dataset(tmp_path):
    with pytest.raises(UserError, match="no column of kind plain for one of the AUs 1"):
        said(openface(tmp_path), kind="plain")


def test_scored_as_a_net_is(tmp_path, monkeypatch, capsys):
    """By our labels and measures, on the val split's thresholds, too."""
    monkeypatch.chdir(tmp_path)
    make_dataset(Path("data"))
    openface(Path("openface"))
    words = "evaluate --csv openface --data data --frame-offset 0 --columns r"
    assert status_of(*words.split(), "--out", "out") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("OpenFace on generated faces in BP4D's layout, fold 1")
    record = json.loads(Path("out/evaluation.json").read_text())
    with h5py.File("out/predictions.h5") as file:
        labels, scores = file["labels"][:], file["scores"][:]
    np.testing.assert_allclose(
        scores[:, 0], [i / 4 / (i / 4 + 1) for i in range(FACES)]
    )
    assert [row["positives"] for row in record["aus"]] == (labels > 0).sum(
        axis=0
    ).tolist()
    assert record["columns"] == "r"
    assert status_of(*words.split(), "--out", "o", "--net", "n") == 2
