"""Joins that behave differently while training.

In: the branches, sizes that broadcast. Out: one tensor.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["DropPathMean"]


class DropPathMean(nn.Module):
    """The mean of the branches, some of which are dropped while training.

    `DropPathMean(0.15)(a, b)` on two (N, 64, 8, 8): while training each example draws which branches it keeps, each
    with probability 0.85, draws one of them where none is left, and takes the mean of those it kept. In evaluation it
    is the plain mean.

    `drop` is the probability, from 0 up to but not 1. The local sampling of Larsson, Maire & Shakhnarovich,
    "FractalNet", 2017.
    """

    def __init__(self, drop: float) -> None:
        super().__init__()
        if not 0 <= drop < 1:
            raise ValueError(f"drop must be at least 0 and below 1, not {drop}")
        self.drop = drop

    def forward(self, *branches: Tensor) -> Tensor:
        if not self.training or self.drop == 0:
            plain: Tensor = sum(branches[1:], branches[0]) / len(branches)
            return plain
        examples = branches[0].shape[0]
        device = branches[0].device
        kept = torch.rand(len(branches), examples, device=device) >= self.drop
        rescued = torch.randint(len(branches), (examples,), device=device)
        kept |= ~kept.any(0) & (torch.arange(len(branches), device=device)[:, None] == rescued)
        shares = kept.to(branches[0].dtype) / kept.sum(0)
        parts = [share.view(-1, *[1] * (x.dim() - 1)) * x for share, x in zip(shares, branches, strict=True)]
        joined: Tensor = sum(parts[1:], parts[0])
        return joined

    def extra_repr(self) -> str:
        return f"drop={self.drop}"
