"""Who is in a generated dataset."""

from functools import lru_cache

import numpy as np

from data_prep.faces import frame
from data_prep.faces.render import Face
from data_prep.faces.subject import Subject
from data_prep.folds import FOLDS, split_subjects

BP4D = [f"F{k:03d}" for k in range(1, 24)] + [f"M{k:03d}" for k in range(1, 19)]
DISFA = [f"SN{k:03d}" for k in (*range(1, 14), 16, 17, 18, 21, *range(23, 33))]
EVERYONE = {"bp4d": BP4D, "disfa": DISFA}
_SEEDS = {name: k for k, name in enumerate(BP4D + DISFA)}  # nobody is in both


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


@lru_cache(maxsize=2)
def face(seed: int, name: str) -> Face:
    """A subject, the same in every task and however many others there are."""
    view = frame.DISFA if name in DISFA else frame.BP4D
    return Face(Subject(name, is_woman(name), rng(seed, name)), view)
