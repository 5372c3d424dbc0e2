"""The camera's picture: its size, and where the head stands in it at rest."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data_prep.faces.canvas import coarse_grid


@dataclass(frozen=True)
class Frame:
    """Width and height in pixels at working size."""

    width: int
    height: int
    eye_level: float  # y of the point between the eyes; its x is the middle

    @property
    def eyes(self) -> np.ndarray:
        """(2,) pixel of the point between the eyes at rest."""
        return np.array((self.width / 2, self.eye_level))

    @cached_property
    def coarse(self) -> np.ndarray:
        """(height / 4, width / 4, 2) pixels on which smooth maps are computed."""
        return coarse_grid(self.width, self.height)


BP4D = Frame(520, 696, 305.0)  # 1040 x 1392 at half size
DISFA = Frame(768, 576, 255.0)  # 1024 x 768 at three quarters
