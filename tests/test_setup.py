"""Where Caffe's source comes from, and what is said when it does not come."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRISTINE = ROOT / "build/caffe-pristine"
FETCH = ROOT / "caffe_ext/fetch_caffe.sh"


def fetch(build: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [FETCH, build],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )


def path_without(folder: Path, *hidden: str) -> str:
    """A PATH that has every program but the hidden ones."""
    folder.mkdir()
    for directory in os.environ["PATH"].split(":"):
        for program in Path(directory).glob("*"):
            link = folder / program.name
            if program.name not in hidden and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


def test_from_a_folder_patched(tmp_path):
    result = fetch(tmp_path, CAFFE_SOURCE=str(PRISTINE))
    assert result.returncode == 0, result.stderr
    assert f"taken from CAFFE_SOURCE={PRISTINE}, checked" in result.stdout
    proto = "src/caffe/proto/caffe.proto"
    assert "region_param" in (tmp_path / "caffe" / proto).read_text()
    assert "region_param" not in (tmp_path / "caffe-pristine" / proto).read_text()
    again = fetch(tmp_path)
    assert (again.returncode, again.stdout) == (0, "")  # nothing is done twice


@pytest.mark.parametrize("wrapped", [False, True])
def test_from_a_tarball(tmp_path, wrapped):
    tarball = tmp_path / "caffe.tar"
    parent, name = (PRISTINE.parent, PRISTINE.name) if wrapped else (PRISTINE, ".")
    subprocess.run(["tar", "-cf", tarball, "-C", parent, name], check=True)
    result = fetch(tmp_path / "build", CAFFE_SOURCE=str(tarball))
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "build/caffe/tools/caffe.cpp").is_file()


def test_another_source_is_refused(tmp_path):
    shutil.copytree(PRISTINE, tmp_path / "source")
    with (tmp_path / "source/src/caffe/net.cpp").open("a") as file:
        file.write("// changed\n")
    result = fetch(tmp_path / "build", CAFFE_SOURCE=str(tmp_path / "source"))
    assert result.returncode == 1
    assert "refused: its files differ from commit 99bd99795dcd" in result.stdout
    assert "is not a clean tree or tarball of Caffe" in result.stderr
    assert not (tmp_path / "build/caffe").exists()


def test_a_missing_source_is_named(tmp_path):
    result = fetch(tmp_path / "build", CAFFE_SOURCE="/nowhere")
    assert result.returncode == 1
    assert "CAFFE_SOURCE=/nowhere is not a clean tree" in result.stderr


def test_no_way_works(tmp_path):
    path = path_without(tmp_path / "bin", "apt-get", "git")
    result = fetch(tmp_path / "build", PATH=path)
    assert result.returncode == 1
    assert "not available: no apt here" in result.stdout
    assert "not available: no git here" in result.stdout
    assert "run: make CAFFE_SOURCE=/path/to/it" in result.stderr


def test_packages_are_listed_where_there_is_no_apt(tmp_path):
    path = path_without(tmp_path / "bin", "apt-get")
    result = subprocess.run(
        [ROOT / "caffe_ext/install_packages.sh"],
        env={"PATH": path},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "there is no apt here" in result.stderr
    assert "libprotobuf-dev\n" in result.stderr


def test_patches_say_why_and_for_which_version():
    patches = sorted((ROOT / "caffe_ext/patches").glob("*.patch"))
    assert patches
    for patch in patches:
        reason = patch.read_text().split("--- a/")[0]
        assert "Needed " in reason, patch
