"""A contact sheet: every AU alone at full strength, beside the same face at rest."""

import cv2
import numpy as np

from data_prep.aus import AU_NAMES
from data_prep.renderer.actions import AUS
from data_prep.renderer.render import State, person_of
from data_prep.renderer.shading import Light
from data_prep.renderer.subjects import names

TITLE = "Generated faces: each action unit alone, at rest (left) and at full strength"
CROP = (
    slice(120, 560),
    slice(90, 430),
)  # rows, columns of the frame that hold the face
SIZE = (238, 308)  # of a face on the sheet, width and height
SIDE = 150  # width of the AU's label
BAR = 46


def contact_sheet(seed: int, subjects: int) -> np.ndarray:
    """uint8 BGR: a row an AU, for each of some subjects a face at rest and with it."""
    people = [person_of.__wrapped__(seed, name) for name in names("bp4d", subjects)]
    rest = [_look(person, {}) for person in people]
    rows = [_title(TITLE, SIDE + 2 * subjects * SIZE[0])]
    for au in AUS:
        cells = [_label(au)]
        for person, before in zip(people, rest, strict=True):
            cells += [before, _look(person, {au: 1.0})]
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def _look(person, strength):
    lamp = person.subject.light
    image, _ = person.draw(State(strength, Light(*lamp, 0.78, 0.36, 0.1)))
    return cv2.resize(image[CROP], SIZE, interpolation=cv2.INTER_AREA)


def _write(image, text, at, size):
    cv2.putText(
        image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (30, 30, 30), 1, cv2.LINE_AA
    )


def _title(text, width):
    bar = np.full((BAR, width, 3), 245, np.uint8)
    _write(bar, text, (12, 31), 0.8)
    return bar


def _label(au):
    cell = np.full((SIZE[1], SIDE, 3), 245, np.uint8)
    _write(cell, f"AU {au}", (12, 120), 0.9)
    for k, word in enumerate(AU_NAMES[au].split()):
        _write(cell, word, (12, 160 + 26 * k), 0.6)
    return cell
