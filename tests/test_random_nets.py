"""The default engine against Caffe's own code, on nets drawn at random.

RANDOM_NETS=4000 in the environment draws so many instead of 200, and
RANDOM_NETS=1234:1235 the one of seed 1234.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from random_nets import RandomNet, caffe

from drml.nets.pycaffe import engine

ASKED = os.environ.get("RANDOM_NETS", "200")
SEEDS = range(*map(int, ASKED.split(":")))
PARTS = 8  # tests, which workers share
# Of a blob's largest value, or of SMALL; of parameters' gradients, of the layer's: a
# bias before a batch normalisation has none but rounding's.
TOLERANCE = 3e-4
SMALL = 0.1
# A ReLU or a maximum may decide otherwise where two sums differ by rounding, and its
# gradients with it: that a training meets by chance, a fault with whatever input.
TRIES = 4


class Pair:
    """A net by both engines, with the same weights."""

    def __init__(self, seed: int, folder: Path):
        drawn = RandomNet(seed)
        self.random = np.random.default_rng(seed)
        self.ours, self.caffe = (
            new_net(param, folder / f"{name}.prototxt")
            for name, param in (("ours", drawn.param), ("caffe", drawn.of_caffe()))
        )
        for name, blobs in self.ours.params.items():
            for blob, other in zip(blobs, self.caffe.params[name], strict=True):
                other.data[...] = blob.data

    @property
    def nets(self):
        return self.ours, self.caffe

    def act(self) -> None:
        """Do one of the things that a user does between two passes."""
        kind = self.random.integers(5)
        if kind == 0:
            batch = int(self.random.integers(1, 7))
            for net in self.nets:
                net.blobs["data"].reshape(batch, *net.blobs["data"].shape[1:])
                net.reshape()
        elif kind == 1:  # looks at a blob, which one engine may keep otherwise
            name = self.random.choice(list(self.ours.blobs))
            _ = self.ours.blobs[name].data, self.ours.blobs[name].diff
        elif kind == 2 and self.ours.params:
            name = self.random.choice(list(self.ours.params))
            factor = self.random.uniform(0.5, 1.5)
            for net in self.nets:
                net.params[name][0].data[...] *= factor
        elif kind == 3:
            self.forward()  # without a backward pass

    def forward(self) -> None:
        data = self.random.standard_normal(self.ours.blobs["data"].shape)
        for net in self.nets:
            net.blobs["data"].data[...] = data
            net.forward()

    def wrong_values(self) -> list[str]:
        values = {n: [net.blobs[n].data for net in self.nets] for n in self.ours.blobs}
        return [name for name, pair in values.items() if differ(*pair)]

    def backward(self) -> None:
        for net in self.nets:
            net.clear_param_diffs()
        for name in self.ours.outputs:
            diff = self.random.standard_normal(self.ours.blobs[name].shape)
            for net in self.nets:
                net.blobs[name].diff[...] = diff
        for net in self.nets:
            net.backward()

    def wrong_gradients(self) -> list[str]:
        wrong = ["data"] * differ(*(net.blobs["data"].diff for net in self.nets))
        for name in self.ours.params:
            pair = [
                np.concatenate([blob.diff.ravel() for blob in net.params[name]])
                for net in self.nets
            ]
            wrong += [name] * differ(*pair)
        return wrong


def new_net(param, path: Path):
    path.write_text(str(param))
    return caffe.Net(str(path), caffe.TRAIN)


def differ(ours: np.ndarray, theirs: np.ndarray) -> bool:
    largest = np.abs(theirs).max(initial=SMALL)
    return not np.abs(ours - theirs).max(initial=0) <= TOLERANCE * largest


def faults(seed: int, folder: Path) -> list[str]:
    pair = Pair(seed, folder)
    for _ in range(3):
        wrong: list[str] = []
        for _ in range(TRIES):
            pair.forward()
            if wrong := pair.wrong_values():
                return wrong
            pair.backward()
            if not (wrong := pair.wrong_gradients()):
                break
        if wrong:
            return wrong
        pair.act()
    return []


@pytest.mark.skipif(
    engine("cpu") != "oneDNN", reason="this Caffe was built without oneDNN"
)
@pytest.mark.parametrize("part", range(PARTS))
def test_engines_agree(part, tmp_path):
    found = {seed: faults(seed, tmp_path) for seed in SEEDS[part::PARTS]}
    assert {seed: wrong for seed, wrong in found.items() if wrong} == {}


def test_a_difference_is_seen(tmp_path):
    pair = Pair(0, tmp_path)
    pair.forward()
    assert pair.wrong_values() == []
    for blobs in pair.ours.params.values():
        blobs[0].data[...] += 0.01 * pair.random.standard_normal(blobs[0].shape)
    pair.forward()
    assert pair.wrong_values()
