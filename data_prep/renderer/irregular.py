"""Irregularities that copies of BP4D and DISFA have, put in by --irregular:

    padding           BP4D   frame names padded to 2, 3 or 4 digits, mixed
    offset            BP4D   images are numbered from 0: one less than in the codes
    no-landmarks      both   a landmark file is missing
    failed-landmarks  BP4D   a frame's landmarks are empty, another's a point short
    extra-file        both   a landmark file too many, and a stray file
    short-labels      both   codes end a frame early

The first two concern the whole copy; each other one hits sequences of its own.
"""

import numpy as np

from data_prep.base import UserError

PADDING, OFFSET = "padding", "offset"
NO_LANDMARKS, FAILED_LANDMARKS = "no-landmarks", "failed-landmarks"
EXTRA_FILE, SHORT_LABELS = "extra-file", "short-labels"
WHOLE = (PADDING, OFFSET)
KINDS = {
    "bp4d": (*WHOLE, NO_LANDMARKS, FAILED_LANDMARKS, EXTRA_FILE, SHORT_LABELS),
    "disfa": (NO_LANDMARKS, EXTRA_FILE, SHORT_LABELS),
}
# How the files `._NAME` begin that macOS leaves beside others on a foreign disk.
STRAY = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "
SHARE = 10  # one sequence in so many is hit, and at least one


def parse(layout: str, text: str) -> tuple[str, ...]:
    """Comma-separated kinds, or `all`, in KINDS' order; ValueError on another."""
    kinds = KINDS[layout]
    asked = kinds if text == "all" else [kind for kind in text.split(",") if kind]
    if unknown := [kind for kind in asked if kind not in kinds]:
        known = ", ".join((*kinds, "all"))
        raise ValueError(f"{unknown[0]!r} is none of {layout}'s: {known}")
    return tuple(kind for kind in kinds if kind in asked)


def deal(seed: int, kinds: tuple[str, ...], sequences: list) -> dict[str, list]:
    """The sequences that each kind hits. Raises UserError where there are too few."""
    order = list(np.random.default_rng(seed).permutation(len(sequences)))
    dealt = [kind for kind in kinds if kind not in WHOLE]
    if len(dealt) > len(order):
        raise UserError(
            f"{len(dealt)} irregularities ({', '.join(dealt)}) need a sequence each, "
            f"and there are {len(order)}: draw more subjects"
        )
    each = max(1, len(order) // SHARE)
    hits = {kind: sequences for kind in kinds if kind in WHOLE}
    for kind in dealt:
        hits[kind] = [sequences[k] for k in sorted(order[:each])]
        order = order[each:]
    return {kind: list(hits[kind]) for kind in kinds}
