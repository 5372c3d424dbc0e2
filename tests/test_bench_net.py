"""bench_net: the nets that it is given, its values, and its messages."""

import subprocess

import numpy as np
import pytest
from command import ROOT

from bench import make_nets
from bench.caffe_engine import CaffeEngine
from bench.program import Program
from bench.variants import CPU, Arithmetic
from data_prep.base import UserError
from drml.nets.names import TITLES

PROGRAM = ROOT / "build" / "bench" / "bench_net"


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets")
    for name, net in make_nets.nets().items():
        (folder / f"{name}.prototxt").write_text(str(net))
    return folder


@pytest.fixture
def program(nets):
    return Program(PROGRAM, nets, CPU)


def test_every_network_is_there_for_each_use():
    nets = make_nets.nets()
    uses = {
        f"{network}_{use}" for network in TITLES for use in ("train", "test", "check")
    }
    assert nets.keys() == uses | {"region_train"}
    types = {name: [layer.type for layer in net.layer] for name, net in nets.items()}
    assert types["drml_train"].count("Dropout") == 2
    assert types["drml_check"] == [t for t in types["drml_train"] if t != "Dropout"]
    assert types["drml_train"][-1] == "MultilabelSigmoidCrossEntropyLoss"
    assert types["drml_test"][-1] == "Sigmoid"
    assert types["region_train"] == ["Input", "Region"]
    assert nets["region_train"].force_backward


@pytest.mark.parametrize(("network", "phase"), [("region", "train"), ("drml", "test")])
def test_times(program, network, phase):
    times = program.times(network, phase, batch=1, iterations=1, rounds=3)
    assert len(times) == 3
    assert min(times) > 0


def test_it_computes_what_pycaffe_does(program):
    rng = np.random.default_rng(1)
    faces = rng.normal(0, 0.25, (2, 3, 170, 170)).astype(np.float32)
    labels = rng.choice(np.float32([-1, 0, 1]), (2, 12))
    engine = CaffeEngine()
    theirs, ours = (e.train("drml", faces, labels) for e in (engine, program))
    for there, here in ((theirs.before, ours.before), (theirs.after, ours.after)):
        assert there.keys() == here.keys()
        for name in there:
            for a, b in zip(there[name], here[name], strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6, err_msg=name)
    assert len(ours.after["region2"]) == 4
    gradient = theirs.results["region2, gradient"]
    scale = np.abs(gradient).max()
    assert ours.results["region2, gradient"] == pytest.approx(
        gradient, abs=float(1e-4 * scale)
    )
    assert np.isfinite(ours.results["loss"])
    assert program.score(faces) == pytest.approx(engine.score(faces), abs=1e-5)


def bench_net(*options) -> str:
    """Return the sentence that it ends with."""
    command = [PROGRAM, *map(str, options)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line.split("] ", 1)[-1]


def test_messages(nets):
    drml = ("-model", nets / "drml_test.prototxt", "-phase", "test")
    trained = ROOT / "prototxt" / "drml_train_val.prototxt"
    assert bench_net() == "Name the net: -model NET.prototxt."
    assert bench_net(*drml, "-phase", "val") == "-phase val is neither train nor test."
    assert bench_net(*drml, "-iterations", 0).endswith("are at least 1.")
    assert bench_net("-model", "none").startswith("Cannot open none (No such file")
    assert bench_net("-model", trained).startswith(
        f"{trained} has no Input layer; take"
    )
    problem = bench_net(*drml, "-weights", "/dev/null")
    assert problem == "/dev/null has fewer values than the net takes."
    assert bench_net(*drml, "-record", "/none/x") == "Cannot open /none/x."
    assert bench_net("-none").endswith("unknown command line flag 'none'")


def test_a_gpu_that_is_not_there(nets, capfd):
    for options in (["-about"], ["-model", nets / "drml_test.prototxt"]):
        assert bench_net(*options, "-gpu", 0).startswith("Cannot use a GPU")
    with pytest.raises(UserError, match="bench_net ended with status 1; see above"):
        Program(PROGRAM, nets, Arithmetic("cuda")).about()
    assert "Cannot use a GPU" in capfd.readouterr().err


def test_a_net_that_was_not_written(program):
    with pytest.raises(UserError, match=r"none_test\.prototxt .*make_nets"):
        program.times("none", "test", batch=1, iterations=1, rounds=1)
