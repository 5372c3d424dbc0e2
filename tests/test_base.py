"""What all scripts share: stamps, whole files and locks."""

import json
import subprocess
import sys
from contextlib import suppress

import pytest

from data_prep.base import (
    UserError,
    csv_rows,
    in_turn,
    locked,
    read_json,
    replacing,
    stamp,
    whole_number,
    write,
)

REMEDY = "delete it"


@pytest.fixture
def file(tmp_path):
    """A stamp of results that were begun."""
    stamp(tmp_path / "out" / "about.json", {"size": 200, "aus": (1, 2)}, REMEDY)
    return tmp_path / "out" / "about.json"


def test_a_rerun_with_the_same_settings_goes_on(file):
    before = file.stat().st_mtime_ns
    (file.parent / "result.txt").write_text("half")
    stamp(file, {"size": 200, "aus": (1, 2)}, REMEDY)
    assert file.stat().st_mtime_ns == before


def test_what_only_one_run_names_is_added(file):
    stamp(file, {"aus": [1, 2], "crop": 170}, REMEDY)
    stamp(file, {"size": 200}, REMEDY)
    assert json.loads(file.read_text()) == {"size": 200, "aus": [1, 2], "crop": 170}


def test_another_setting_is_named_with_both_values(file):
    told = rf"{file.parent} was made with another size \(200, now 256\); {REMEDY}"
    with pytest.raises(UserError, match=told):
        stamp(file, {"size": 256, "aus": [1, 2], "crop": 170}, REMEDY)
    assert json.loads(file.read_text()) == {"size": 200, "aus": [1, 2]}


def test_long_values_are_not_shown(tmp_path):
    stamp(tmp_path / "out" / "about.json", {"faces": "a" * 64}, REMEDY)
    with pytest.raises(UserError, match="with another faces; "):
        stamp(tmp_path / "out" / "about.json", {"faces": "b" * 64}, REMEDY)


def test_files_without_a_stamp_are_of_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=f"{tmp_path} holds files of something else"):
        stamp(tmp_path / "about.json", {"size": 200}, REMEDY)


@pytest.mark.parametrize("content", ["{", "[]", "\0", b"\xff", None])
def test_what_is_no_json_object_is_named_with_the_remedy(tmp_path, content):
    file = tmp_path / "about.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=f"{file} .*; {REMEDY}"):
        read_json(file, REMEDY)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("a\n\0", "line 2: a byte of 0"),
        ("a\n\n" + "1" * 131073, "line 3: field larger"),
    ],
)
def test_the_line_of_what_is_no_csv_is_named(tmp_path, content, what):
    file = tmp_path / "x.csv"
    file.write_text(content)
    with pytest.raises(UserError, match=rf"x\.csv, {what}"):
        list(csv_rows(file))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("012", 12),
        ("123456789", 123456789),
        ("1" * 5000, None),
        ("-1", None),
        ("", None),
    ],
)
def test_whole_numbers_have_nine_digits_at_most(text, number):
    assert whole_number(text) == number


def test_a_file_is_whole_or_not_there(tmp_path):
    write(tmp_path / "new" / "file.txt", "first")
    with suppress(ZeroDivisionError), replacing(tmp_path / "new/file.txt") as name:
        name.write_text("half")
        raise ZeroDivisionError
    assert (tmp_path / "new" / "file.txt").read_text() == "first"
    assert len(list((tmp_path / "new").iterdir())) == 1
    with pytest.raises(UserError, match="file.txt/x cannot be written"):
        write(tmp_path / "new" / "file.txt" / "x", "")


def test_a_folder_is_locked_until_its_process_ends(tmp_path):
    code = (
        "import sys, pathlib; from data_prep.base import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    other.stdout.readline()
    with pytest.raises(UserError, match="another import"), locked(tmp_path):
        pass
    other.kill()
    other.communicate()
    with locked(tmp_path):
        pass


def test_who_writes_the_same_files_waits(tmp_path):
    code = (
        "import sys, pathlib; from data_prep.base import in_turn\n"
        "with in_turn(pathlib.Path(sys.argv[1])): print('in', flush=True)"
    )
    with in_turn(tmp_path):
        other = subprocess.Popen(
            [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True
        )
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
    assert other.communicate()[0] == "in\n"
