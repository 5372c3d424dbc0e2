"""What the keys of faces tell: 00000017_F001_T1_2440 is a number, then the name."""

from collections.abc import Sequence

import numpy as np

from data_prep.base import UserError


def name_of(key: str) -> str:
    return key.split("_", 1)[-1]


def subjects_and_videos(
    keys: Sequence[str], subjects: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Tell subject and video, (N,) str each, of keys as 00000017_F001_T1_2440.

    subjects: those of the dataset. What stands before the frame names the video.
    """
    names = [name_of(key) for key in keys]
    longest_first = sorted(subjects, key=len, reverse=True)
    found = []
    for name in names:
        subject = next((s for s in longest_first if name.startswith(f"{s}_")), None)
        if subject is None:
            raise UserError(f"face {name} is of no subject of the dataset; see --data")
        found.append(subject)
    return np.array(found), np.array([name.rsplit("_", 1)[0] for name in names])
