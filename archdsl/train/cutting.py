"""Windows for random resized crops.

In: a size and random numbers. Out: a window an image. Cutting is left to `archdsl.train.images` and
`archdsl.train.geometry`.
"""

from __future__ import annotations

import math
from typing import Final

import torch

__all__ = ["random_windows"]

_AREA: Final = (0.08, 1.0)
_RATIO: Final = (math.log(3 / 4), math.log(4 / 3))


def random_windows(size: tuple[int, int], draws: torch.Tensor) -> torch.Tensor:
    """Rows of (top, left, height, width) in pixels and parts of them, one for each row of four random numbers (n, 4).

    A window is 8% to 100% of an image (height, width). The ratio of its sides is 3/4 to 4/3, its logarithm uniform
    (Szegedy et al., 2015); where a window of such an area does not fit, its sides are as long as they can be.
    """
    height, width = size
    area = height * width * (_AREA[0] + (_AREA[1] - _AREA[0]) * draws[:, 0])
    ratio = torch.exp(_RATIO[0] + (_RATIO[1] - _RATIO[0]) * draws[:, 1])
    wide, high = (area * ratio).sqrt().clamp(max=width), (area / ratio).sqrt().clamp(max=height)
    return torch.stack([draws[:, 2] * (height - high), draws[:, 3] * (width - wide), high, wide], dim=1)
