"""Windows for random resized crops.

In: sizes and random numbers. Out: a window an image. Cutting is left to `archdsl.train.images` and
`archdsl.train.augment`.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch

__all__ = ["Window", "random_window"]

_AREA: Final = (0.08, 1.0)
_RATIO: Final = (3 / 4, 4 / 3)


class Window(NamedTuple):
    """A part of an image, in pixels and parts of them."""

    top: float
    left: float
    height: float
    width: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom)."""
        return self.left, self.top, self.left + self.width, self.top + self.height


def random_window(size: tuple[int, int], draws: torch.Tensor) -> list[Window]:
    """A window of 8% to 100% of an image (height, width) for each row of four random numbers (n, 4).

    The ratio of its sides is 3/4 to 4/3, its logarithm uniform (Szegedy et al., 2015); where such a window of such an
    area does not fit, its sides are as long as they can be.
    """
    height, width = size
    found = []
    for area_draw, ratio_draw, top, left in draws.tolist():
        area = height * width * (_AREA[0] + (_AREA[1] - _AREA[0]) * area_draw)
        ratio = math.exp(math.log(_RATIO[0]) + (math.log(_RATIO[1]) - math.log(_RATIO[0])) * ratio_draw)
        wide, high = min(math.sqrt(area * ratio), width), min(math.sqrt(area / ratio), height)
        found.append(Window(top * (height - high), left * (width - wide), high, wide))
    return found
