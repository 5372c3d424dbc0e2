"""Nets go where `caffe train` would: to the GPU where there is a usable one."""

import json
import sys

import pytest
import time_networks

from data_prep.base import UserError
from drml import hardware, pycaffe
from drml.deploy_net import load_net
from drml.reproduce import first_iteration


@pytest.fixture
def modes(monkeypatch):
    """The modes that are set in turn; no net is to be run in them."""
    found = []
    for mode in ("cpu", "gpu"):
        monkeypatch.setattr(
            pycaffe.caffe, f"set_mode_{mode}", lambda mode=mode: found.append(mode)
        )
    return found


@pytest.fixture(params=[True, False], ids=["gpu", "cpu"])
def usual(request, monkeypatch):
    monkeypatch.setattr(pycaffe.caffe, "has_usable_gpu", lambda: request.param)
    return "gpu" if request.param else "cpu"


def test_the_mode_is_the_usual_one_unless_asked(modes, usual):
    assert pycaffe.choose_mode() == usual
    assert pycaffe.choose_mode("cpu") == "cpu"
    assert modes == [usual, "cpu"]


def test_a_gpu_that_is_not_there_is_one_sentence(modes, monkeypatch):
    monkeypatch.setattr(pycaffe.caffe, "has_usable_gpu", lambda: False)
    with pytest.raises(UserError, match="no GPU here that this build of Caffe can use"):
        pycaffe.choose_mode("gpu")
    assert modes == []


def test_networks_are_loaded_in_the_usual_mode(modes, usual, monkeypatch):
    monkeypatch.setattr(pycaffe, "load_net", lambda _: modes.append("net"))
    monkeypatch.setattr("drml.deploy_net.read_deploy", lambda _: None)
    with pytest.raises(AttributeError):  # of the net that is none
        load_net(None, __file__)
    assert modes == [usual, "net"]


def test_the_first_iteration_is_of_the_usual_mode(modes, usual, monkeypatch, capsys):
    phases = {"train": lambda *_: int}  # instead of an iteration
    monkeypatch.setattr(first_iteration, "PHASES", phases)
    monkeypatch.setattr(sys, "argv", ["first_iteration", "drml", "8"])
    first_iteration.main()
    assert modes == [usual]
    assert set(json.loads(capsys.readouterr().out)) == {"train"}


@pytest.mark.parametrize("asked", [None, "cpu"])
def test_table_4_is_of_the_usual_mode_unless_asked(
    modes, usual, asked, monkeypatch, tmp_path
):
    words = ["--networks", "drml", "--out", tmp_path, "--trials", 1, "--iterations", 1]
    words += ["--mode", asked] if asked else []
    monkeypatch.setattr(sys, "argv", ["time_networks.py", *map(str, words)])
    monkeypatch.setattr(time_networks, "PHASES", {"train": lambda *_: int})
    monkeypatch.setattr(hardware, "gpu", lambda: "the card")
    time_networks.main()
    mode = asked or usual
    assert modes == [mode]
    table = (tmp_path / "running_time.csv").read_text()
    assert ("the card" in table) == (mode == "gpu")


def test_the_engine_is_what_caffe_says(monkeypatch):
    monkeypatch.setattr(pycaffe.caffe, "onednn_is_default", lambda: True)
    assert (pycaffe.engine("cpu"), pycaffe.engine("gpu")) == ("oneDNN", "CUDA")
    assert "oneDNN" in hardware.processor()
    monkeypatch.setattr(pycaffe.caffe, "onednn_is_default", lambda: False)
    assert pycaffe.engine("cpu") == "Caffe's own code"


def test_cards_are_named_if_they_are_alike(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "CARDS", tmp_path)
    assert hardware.gpu() == "a GPU"
    for number, name in ((0, "K40c"), (1, "K40c"), (2, "H200")):
        folder = tmp_path / f"0000:0{number}:00.0"
        folder.mkdir()
        (folder / "information").write_text(f"Model: \t\t {name}\nIRQ: 1\n")
        assert hardware.gpu() == ("a GPU" if name == "H200" else name)
