"""The importers on generated copies of both datasets, irregular in every way."""

import json
from pathlib import Path

import pytest

from data_prep import bp4d, disfa, generate_faces
from data_prep.face_lmdb import read_faces

SPLITS = ("train", "val", "test")
SUBJECTS, FRAMES = 3, 3


def draw(root: Path, layout: str) -> tuple[Path, dict]:
    few = (f"--subjects={SUBJECTS}", f"--frames={FRAMES}", "--height=288", "--jobs=2")
    tasks = () if layout == "disfa" else ("--tasks=2",)
    faults = f"--layout={layout}", "--irregular=all"
    generate_faces.main([str(root), *few, *tasks, *faults])
    return root, json.loads((root / "generated.json").read_text())["hit"]


@pytest.fixture(scope="module")
def faces_of_bp4d(tmp_path_factory) -> tuple[Path, dict]:
    return draw(tmp_path_factory.mktemp("bp4d"), "bp4d")


@pytest.fixture(scope="module")
def faces_of_disfa(tmp_path_factory) -> tuple[Path, dict]:
    return draw(tmp_path_factory.mktemp("disfa"), "disfa")


def run_import(main, root: Path, out: Path) -> tuple[dict, list[str]]:
    plain = ("--fold=1", "--jobs=1", "--sample=none", "--size=64")
    main([str(root), f"--out={out}", *plain])
    folder = out / "fold1"
    names = [
        key[9:] for split in SPLITS for key, *_ in read_faces(folder / f"{split}_lmdb")
    ]
    return json.loads((folder / "dataset.json").read_text()), names


def of(names: list[str], sequences: list) -> list[str]:
    return [n for n in names if n.rsplit("_", 1)[0] in titles(sequences)]


def titles(sequences: list) -> list[str]:
    """Return sequences as generated.json has them as their faces' names begin."""
    return [s if isinstance(s, str) else "_T".join(map(str, s)) for s in sequences]


def test_bp4d(faces_of_bp4d, tmp_path, capsys):
    root, hit = faces_of_bp4d
    dataset, names = run_import(bp4d.main, root, tmp_path)
    lost, failed = hit["no-landmarks"], hit["failed-landmarks"]
    short = hit["short-labels"]
    assert (len(lost), len(failed), len(short), len(hit["extra-file"])) == (1, 1, 1, 1)
    # offset: image numbers are one less than the codes', so -1 finds one more each,
    # but where the codes themselves end a frame early
    assert dataset["frame offset"] == -1
    assert dataset["left_out"] == {
        "no image": 0,
        "no landmarks": FRAMES,
        "failed landmarks": 2,
        "unreadable image": 0,
        "no face detected": 0,
    }
    assert of(names, lost) == []
    assert len(of(names, failed)) == FRAMES - 2
    assert len(of(names, short)) == FRAMES - 1
    assert len(of(names, hit["extra-file"])) == FRAMES
    # padding: frames are named as their files are
    files = {
        f"{file.parts[-3]}_{file.parts[-2]}_{file.stem}"
        for file in root.glob("Sequences(2D+3D)/*/*/[!.]*.jpg")
    }
    assert set(names) < files
    assert len({len(name.rsplit("_", 1)[1]) for name in files}) > 1
    assert f"{titles(lost)[0]}: coded frames left out: {FRAMES} (no landmarks)" in (
        capsys.readouterr().out
    )


def test_disfa(faces_of_disfa, tmp_path, capsys):
    root, hit = faces_of_disfa
    dataset, names = run_import(disfa.main, root, tmp_path)
    (lost,), (extra,), (short,) = (
        titles(hit[kind]) for kind in ("no-landmarks", "extra-file", "short-labels")
    )
    assert dataset["left_out"]["no landmarks"] == 1
    assert len(names) == SUBJECTS * FRAMES - 2
    assert len(of(names, [lost])) == len(of(names, [short])) == FRAMES - 1
    assert len(of(names, [extra])) == FRAMES
    shown = capsys.readouterr().out
    assert f"{lost}: coded frames left out: 1 (no landmarks)" in shown
    assert f"{extra}: 1 landmark files of frames that are not coded are left" in shown
    assert f"{short}: 1 images of frames that are not coded are left out" in shown
