"""Who is in a generated dataset, and who each of them is: every measure that stays the
same through all tasks.
"""

from dataclasses import dataclass

import numpy as np

from data_prep.folds import FOLDS, split_subjects
from data_prep.renderer.actions import AUS

BP4D = [f"F{k:03d}" for k in range(1, 24)] + [f"M{k:03d}" for k in range(1, 19)]
DISFA = [f"SN{k:03d}" for k in (*range(1, 14), 16, 17, 18, 21, *range(23, 33))]
EVERYONE = {"bp4d": BP4D, "disfa": DISFA}
_SEEDS = {name: k for k, name in enumerate(BP4D + DISFA)}  # nobody is in both

SKIN = np.array(  # BGR, from light to dark
    [
        (186, 205, 238),
        (164, 190, 230),
        (140, 172, 216),
        (112, 146, 196),
        (84, 114, 166),
        (60, 82, 124),
        (46, 62, 96),
    ],
    np.float32,
)
HAIR = np.array(  # BGR, from black to blond, grey last
    [(22, 20, 24), (28, 34, 46), (34, 52, 78), (44, 78, 118), (92, 142, 182)],
    np.float32,
)
GREY = np.array((150, 152, 156), np.float32)
IRIS = np.array(
    [(30, 50, 84), (28, 40, 62), (74, 104, 112), (84, 116, 92), (142, 122, 92)],
    np.float32,
)
CLOTH = np.array(
    [
        (70, 60, 50),
        (120, 84, 48),
        (58, 58, 142),
        (96, 110, 84),
        (170, 172, 176),
        (46, 44, 46),
        (130, 96, 130),
        (90, 150, 176),
    ],
    np.float32,
)
WALL = np.array(
    [(148, 140, 132), (160, 150, 128), (120, 132, 140), (176, 176, 176), (96, 92, 86)],
    np.float32,
)

# Mean and spread of each measure, in units of the canvas unless a name says else.
MEASURES = {
    "face_w": (1.0, 0.05),  # factor
    "jaw_w": (0.94, 0.05),
    "chin_w": (0.39, 0.04),
    "chin_y": (1.80, 0.06),
    "crown_y": (-1.62, 0.06),
    "eye_x": (0.50, 0.022),
    "eye_w": (0.245, 0.014),
    "eye_up": (0.094, 0.012),
    "eye_low": (0.054, 0.007),
    "eye_tilt": (0.02, 0.014),
    "crease": (0.052, 0.012),
    "brow_y": (-0.37, 0.03),
    "brow_arch": (0.065, 0.02),
    "brow_w": (0.052, 0.012),
    "nose_y": (0.70, 0.05),
    "nose_w": (0.205, 0.03),
    "nose_h": (0.36, 0.05),
    "mouth_y": (1.13, 0.04),
    "mouth_w": (0.375, 0.028),
    "lip_up": (0.095, 0.022),
    "lip_low": (0.135, 0.024),
    "cheek": (0.08, 0.03),
    "hairline": (-1.02, 0.07),
}


def names(layout: str, count: int) -> list[str]:
    """The first `count` subjects: the folds take turns, women and men take turns."""
    lists = []
    for fold in FOLDS:
        people = split_subjects(layout, fold)["test"]
        women = [name for name in people if is_woman(name)]
        men = [name for name in people if not is_woman(name)]
        turn = (women, men) if fold % 2 else (men, women)
        lists.append([*_in_turn(*turn)])
    return list(_in_turn(*lists))[:count]


def is_woman(name: str) -> bool:
    """BP4D's names tell; of DISFA's, the even numbers are drawn as women."""
    return name[0] == "F" or (name[0] == "S" and int(name[2:]) % 2 == 0)


def _in_turn(*lists):
    for k in range(max(map(len, lists))):
        yield from (one[k] for one in lists if k < len(one))


def rng(seed: int, name: str, *which: int) -> np.random.Generator:
    """The random numbers of a subject, or of one of the subject's sequences."""
    return np.random.default_rng([seed, _SEEDS[name], *which])


@dataclass
class Subject:
    """A generated person. Attributes beside the colours are MEASURES by name."""

    name: str
    female: bool
    rng: np.random.Generator

    def __post_init__(self):
        rng = self.rng
        for key, (mean, spread) in MEASURES.items():
            setattr(self, key, mean + spread * float(np.clip(rng.normal(), -1.8, 1.8)))
        if self.female:  # softer jaw, thinner brows, fuller lips
            self.jaw_w -= 0.05
            self.chin_w -= 0.03
            self.brow_w -= 0.014
            self.lip_up += 0.012
            self.eye_up += 0.008
        else:
            self.brow_y += 0.03
        self.age = float(rng.beta(1.2, 2.2))  # 0 is about 18 years, 1 about 70
        self._colours(rng)
        self.gain = {au: float(rng.uniform(0.85, 1.15)) for au in AUS}
        self.lean = {au: float(rng.normal(0, 0.07)) for au in AUS}  # left-right

    def _colours(self, rng):
        tone = (len(SKIN) - 1) * rng.beta(1.1, 1.4)
        low = int(tone)
        self.skin = SKIN[low] + (tone - low) * (SKIN[min(low + 1, 6)] - SKIN[low])
        dark = tone > 2.5
        self.hair = HAIR[rng.integers(2 if dark else len(HAIR))].copy()
        if self.age > 0.55:
            self.hair += (GREY - self.hair) * rng.uniform(0.2, 0.9)
        self.iris = IRIS[rng.integers(2 if dark else len(IRIS))]
        self.cloth = CLOTH[rng.integers(len(CLOTH))]
        self.wall = WALL[rng.integers(len(WALL))]
        styles = (
            ("long", "bob", "tied", "long")
            if self.female
            else ("short", "short", "buzz", "short")
        )
        self.style = styles[rng.integers(len(styles))]
        self.parting = float(rng.uniform(-0.45, 0.45))
        self.beard = 0.0 if self.female else float(rng.choice([0, 0, 0.25, 0.5, 0.9]))
        self.light = rng.uniform((-0.7, -0.75), (0.7, -0.25))  # x, y at z = 1
