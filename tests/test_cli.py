"""The command `drml` itself: its subcommands, its messages and exit statuses."""

import os
import resource
import subprocess
import sys

import cv2
import pytest
import tiny_faces
from command import ROOT, ran_alone, status_of

from data_prep.base import UserError, write
from drml.cli.main import COMMANDS
from drml.nets.pycaffe import caffe

WITHOUT_CAFFE = """
import sys
sys.modules["caffe"] = None
from drml.cli.main import main
main(sys.argv[1:])
"""


def without_caffe(*words):
    command = [sys.executable, "-c", WITHOUT_CAFFE, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_help_lists_every_command_in_order_and_loads_none(capsys):
    code = "import sys; from drml.cli.main import main\n"
    code += "try: main(['--help'])\n"
    code += "finally: print({'caffe', 'cv2', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *lines, loaded = done.stdout.splitlines()
    assert loaded == "set()"
    listed = [
        name for line in lines for name in COMMANDS if line.startswith(f"  {name} ")
    ]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    assert status_of(*name.split(), "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: drml {name} ")


def test_what_caffe_cannot_do_is_a_mistake_that_one_sentence_names(monkeypatch, capsys):
    class Command:
        """A subcommand."""

        def add_arguments(self): ...
        def run(self):
            caffe.Net("nowhere.prototxt", caffe.TEST)

    monkeypatch.setattr("drml.cli.main.load", lambda _: Command)
    assert status_of("evaluate") == 1
    said = "drml evaluate: error: Could not open file nowhere.prototxt\n"
    assert capsys.readouterr().err == said


def test_version(capsys):
    assert status_of("--version") == 0
    assert capsys.readouterr().out.startswith("drml 1.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "usage: drml"),
        ("figure", "figure saliency"),
        ("evalute", "there is no command evalute; did you mean drml evaluate?"),
        ("import bp", "there is no command import bp; did you mean drml import bp4d?"),
        (
            "evaluate --out out",
            "drml evaluate: error: give --net, --weights and --data",
        ),
        (
            "evaluate",
            "drml evaluate: error: the following arguments are required: --out",
        ),
        ("time --out out --trials 0", "drml time: error: argument --trials"),
    ],
)
def test_bad_usage_is_status_2(words, said, capsys):
    assert status_of(*words.split()) == 2
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True)


def test_a_users_mistake_is_one_sentence_and_status_1(tmp_path, capsys):
    words = ("--selections", tmp_path / "none.json", "--data", tmp_path)
    assert status_of("best-fold", *words, "--out", tmp_path / "best.json") == 1
    sentence = f"drml best-fold: error: {tmp_path}/none.json has no snapshot; run drml "
    assert capsys.readouterr().err == f"{sentence}select first\n"


@pytest.mark.parametrize(
    "words",
    [
        "prototxt --seed -1",
        "prototxt --batch 99999999999",
        "prototxt --base-lr nan",
        "prototxt --solver-type Slow",
        "export n.prototxt w x.onnx --input-range 5 1",
        "export n.prototxt w x.onnx --input-range nan nan",
        "figure signal n.prototxt --out x --seed 99999999999",
        "serve --demo --port 99999",
    ],
)
def test_numbers_of_options_have_bounds(words, capsys):
    assert status_of(*words.split()) == 2
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("target", ["/dev/full", "closed"])
def test_output_that_cannot_be_written(target):
    """It was status 120, and an exception that Python ignored."""
    script = "from data_prep.base import run; run(lambda: print('a result'))"
    command = [sys.executable, "-c", script]
    if target == "closed":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(target, os.O_WRONLY)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 1
    assert "Exception ignored" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_device_is_not_replaced(tmp_path):
    """As root it was, by a file."""
    os.mkfifo(tmp_path / "device")
    with pytest.raises(UserError, match="device is a device: give a file's name"):
        write(tmp_path / "device", "text")


def test_ctrl_c_is_status_130(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("drml.cli.networks.run", interrupted)
    assert status_of("networks") == 130
    assert "run the same command again to go on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "there is not enough memory"),
        (MemoryError("9 GiB"), "there is not enough memory (9 GiB)"),
        (cv2.error("x"), "there is not enough memory (too many bytes)"),
    ],
)
def test_no_memory_is_one_sentence(monkeypatch, capsys, error, told):
    if isinstance(error, cv2.error):
        error.code, error.err = cv2.Error.StsNoMem, "too many bytes"

    def runs_out(_):
        raise error

    monkeypatch.setattr("drml.cli.networks.run", runs_out)
    assert status_of("networks") == 1
    assert capsys.readouterr().err == f"drml networks: error: {told}\n"


def test_too_small_an_address_space_is_refused_before_libraries_are_loaded():
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))

    one = os.environ | {"OMP_NUM_THREADS": "1"}
    done = ran_alone("networks", env=one, preexec_fn=limit, timeout=60)
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert (
        "is limited to 600 MiB (ulimit -v), and the libraries alone want " in sentence
    )


PRODUCTS = """
import resource
from drml.cli.main import reserve_buffers
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.RLIM_INFINITY))
reserve_buffers()
import numpy, scipy.linalg
square = numpy.eye(100)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (16 << 20), resource.RLIM_INFINITY))
square @ square
scipy.linalg.cholesky(square)
"""


def test_products_are_not_stopped_where_memory_is_out():
    one = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PRODUCTS]
    subprocess.run(command, timeout=60, check=True, env=one)


def test_a_dataset_is_looked_at_without_caffe(tmp_path):
    tiny_faces.generate(tmp_path / "faces")
    done = without_caffe("import", "bp4d", tmp_path / "faces", "--dry-run", "--jobs", 1)
    assert done.returncode == 0, done.stderr
    assert "generated faces in BP4D's layout" in done.stdout
    done = without_caffe("networks")
    assert done.returncode == 1
    sentence = "Caffe is not built yet, which this needs: run make"
    assert done.stderr == f"drml networks: error: {sentence}\n"


@pytest.mark.parametrize(
    "file",
    [
        "data_prep/bp4d.py",
        "data_prep/disfa.py",
        "python/evaluate.py",
        "python/train.py",
    ],
)
def test_these_run_as_files_too(file):
    command = [sys.executable, ROOT / file, "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")
