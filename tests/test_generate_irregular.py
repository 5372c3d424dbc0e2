"""Irregularities in generated faces: each is there, where generated.json says."""

import json
from pathlib import Path
from types import SimpleNamespace

import h5py
import pytest
from tiny_faces import contents, generate

from data_prep.base import UserError
from data_prep.bp4d import read_labels, read_landmarks
from data_prep.renderer import bp4d, disfa, irregular
from data_prep.renderer.actions import AUS


def draw(folder: Path, layout: str) -> SimpleNamespace:
    """A copy without and one with all irregularities, and whom they hit."""
    for name, options in (("plain", ()), ("odd", ("--irregular", "all"))):
        generate(folder / name, *options, layout=layout)
    marker = json.loads((folder / "odd" / "generated.json").read_text())
    assert marker["irregular"] == list(irregular.KINDS[layout])
    return SimpleNamespace(
        plain=folder / "plain",
        odd=folder / "odd",
        hit=marker["hit"],
        extra=set(contents(folder / "odd")) - set(contents(folder / "plain")),
        lacking=set(contents(folder / "plain")) - set(contents(folder / "odd")),
    )


@pytest.fixture(scope="module")
def bp(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("bp4d"), "bp4d")


@pytest.fixture(scope="module")
def di(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("disfa"), "disfa")


# --- BP4D -----------------------------------------------------------------------------


def sequences(bp, kind):
    """(folder of frames, landmark file, code file, frames coded in the plain copy)"""
    assert bp.hit[kind]
    for name in bp.hit[kind]:
        frames, mat, codes = bp4d.paths(bp.odd, name[:4], int(name[6:]))
        plain = bp.plain / codes.relative_to(bp.odd)
        yield frames, mat, codes, list(read_labels(plain, AUS))


def images(folder: Path) -> list[str]:
    return [path.stem for path in folder.glob("[0-9]*.jpg")]


def test_padding_is_mixed_in_every_sequence(bp):
    assert len(bp.hit["padding"]) == 4
    for folder, _, _, frames in sequences(bp, "padding"):
        least = len(str(frames[0] - 1))
        lengths = sorted(map(len, images(folder)))
        assert lengths == sorted(max(least, digits) for digits in (2, 3, 4))


def test_images_are_numbered_one_less_than_codes(bp):
    assert len(bp.hit["offset"]) == 4
    for folder, _, _, frames in sequences(bp, "offset"):
        assert sorted(map(int, images(folder))) == [frame - 1 for frame in frames]


def test_bp4d_lacks_a_landmark_file(bp):
    ((_, mat, _, _),) = sequences(bp, "no-landmarks")
    lacking = {path for path in bp.lacking if path.suffix != ".jpg"}
    assert lacking == {mat.relative_to(bp.odd)}


def test_landmarks_failed_in_two_frames_one_each_way(bp):
    ((_, mat, _, (first, middle, last)),) = sequences(bp, "failed-landmarks")
    found = read_landmarks(mat, (first, middle, last))
    assert [shape is None for shape in found.values()] == [True, False, True]
    with h5py.File(mat) as file:
        references = file["fit/pred"][()].ravel()
        assert file[references[first - 1]].attrs["MATLAB_empty"] == 1
        assert file[references[last - 1]].shape == (2, 48)


def test_bp4d_has_a_landmark_file_too_many_and_a_stray_file(bp):
    ((folder, mat, _, _),) = sequences(bp, "extra-file")
    strays = [path for path in folder.iterdir() if path.name.startswith("._")]
    assert [path.read_bytes() for path in strays] == [irregular.STRAY]
    assert strays[0].name[2:].removesuffix(".jpg") in images(folder)
    twice = mat.with_name(f"{mat.stem} (1).mat")
    assert twice.read_bytes() == mat.read_bytes()
    extra = {path for path in bp.extra if not path.stem.isdecimal()}
    assert extra == {path.relative_to(bp.odd) for path in (*strays, twice)}


def test_bp4d_codes_end_a_frame_early(bp):
    ((_, _, codes, frames),) = sequences(bp, "short-labels")
    assert list(read_labels(codes, AUS)) == frames[:-1]


def test_irregular_copy_has_the_same_pictures_and_otherwise_the_same_files(bp):
    plain, odd = contents(bp.plain), contents(bp.odd)
    shot = [
        {(path.parent, int(path.stem) + k): jpeg for path, jpeg in copy.items()
         if path.suffix == ".jpg" and path.stem.isdecimal()}
        for copy, k in ((plain, 0), (odd, 1))
    ]  # fmt: skip
    assert shot[0] == shot[1]
    changed = {path for path in set(plain) & set(odd) if plain[path] != odd[path]}
    assert {path.name for path in changed if path.suffix != ".jpg"} == {
        f"{bp.hit['failed-landmarks'][0]}.mat",
        f"{bp.hit['short-labels'][0]}.csv",
        "generated.json",
    }


def test_an_irregular_copy_that_lacks_a_file_on_purpose_is_finished(bp):
    before = {path: path.stat().st_mtime_ns for path in bp.odd.rglob("*.csv")}
    generate(bp.odd, "--irregular", "all")
    assert before == {path: path.stat().st_mtime_ns for path in before}


# --- DISFA ----------------------------------------------------------------------------


def landmarks(di, kind) -> tuple[str, Path]:
    """The subject that a kind hits, and the folder of landmarks in the dataset."""
    (name,) = di.hit[kind]
    return name, disfa.paths(di.odd, name)[2].relative_to(di.odd)


def test_disfa_lacks_a_landmark_file(di):
    name, folder = landmarks(di, "no-landmarks")
    assert di.lacking == {folder / disfa.landmark_name(name, 3)}


def test_disfa_has_a_landmark_file_too_many_and_a_stray_file(di):
    name, folder = landmarks(di, "extra-file")
    stray = folder / f"._{disfa.landmark_name(name, 1)}"
    assert di.extra == {folder / disfa.landmark_name(name, 5), stray}
    assert (di.odd / stray).read_bytes() == irregular.STRAY


def test_disfa_labels_of_all_aus_end_a_frame_early(di):
    (name,) = di.hit["short-labels"]
    plain, odd = contents(di.plain), contents(di.odd)
    changed = {path for path in set(plain) & set(odd) if plain[path] != odd[path]}
    changed.remove(Path("generated.json"))
    assert len(changed) == 12
    for path in changed:
        assert path.parts[:2] == ("ActionUnit_Labels", name)
        assert odd[path] == b"".join(plain[path].splitlines(True)[:3])


# --- who is hit -----------------------------------------------------------------------

KINDS = ("padding", "no-landmarks", "extra-file")
SEQUENCES = [(f"F{k:03d}", task) for k in range(1, 24) for task in (1, 2)]


def test_one_sequence_in_ten_is_hit_and_none_twice():
    hits = irregular.deal(1, KINDS, SEQUENCES)
    assert [len(hits[kind]) for kind in KINDS] == [46, 4, 4]
    assert len({*hits["no-landmarks"], *hits["extra-file"]}) == 8


def test_the_seed_chooses_who_is_hit():
    first, again, other = (irregular.deal(s, KINDS, SEQUENCES) for s in (1, 1, 2))
    assert first == again
    assert first["extra-file"] != other["extra-file"]


def test_too_few_sequences_are_refused():
    with pytest.raises(UserError, match="need a sequence each, and there are 1"):
        irregular.deal(1, KINDS, SEQUENCES[:1])


def test_kinds_are_parsed_in_one_order():
    assert irregular.parse("bp4d", "offset,padding") == ("padding", "offset")
    assert irregular.parse("disfa", "all") == irregular.KINDS["disfa"]
    assert irregular.parse("disfa", "") == ()


@pytest.mark.parametrize(
    ("layout", "options"),
    [
        ("bp4d", ("--irregular", "mixed")),
        ("disfa", ("--irregular", "padding")),
        ("bp4d", ("--irregular", "offset", "--frames", 1)),
    ],
)
def test_irregularities_that_cannot_be_are_bad_usage(tmp_path, capsys, layout, options):
    with pytest.raises(SystemExit) as error:
        generate(tmp_path / "x", *options, layout=layout)
    assert error.value.code == 2
    assert "error: --irregular: " in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
