"""Activations that PyTorch lacks: maxout.

In: a tensor and where its channels are. Out: fewer channels, position by position.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Maxout"]


class Maxout(nn.Module):
    """The largest of every `pieces` neighbouring channels.

    `Maxout(2)` takes (N, 96, 8, 8) to (N, 48, 8, 8): channel j is the larger of the
    channels 2j and 2j + 1. `dim` is the axis of the channels. Raises RuntimeError where
    `pieces` does not divide them.

    Goodfellow et al., "Maxout Networks", 2013.
    """

    def __init__(self, pieces: int, dim: int = 1) -> None:
        super().__init__()
        self.pieces = pieces
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, self.dim, (-1, self.pieces)).amax(self.dim + 1)

    def extra_repr(self) -> str:
        return f"{self.pieces}, dim={self.dim}"
