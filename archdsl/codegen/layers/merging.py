"""Joins that behave differently while training.

In: the branches, sizes that broadcast. Out: one tensor.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ColumnMean", "DropPathMean", "PickColumn"]


class DropPathMean(nn.Module):
    """The mean of the branches, some of which are dropped while training.

    `DropPathMean(0.15)(a, b)` on two (N, 64, 8, 8): while training each example draws
    which branches it keeps, each with probability 0.85, draws one of them where none is
    left, and takes the mean of those it kept. In evaluation it is the plain mean.

    `drop` is the probability, from 0 up to but not 1. The local sampling of Larsson,
    Maire & Shakhnarovich, "FractalNet", 2017.
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
        return mean_of_kept(kept_at_random(branches, self.drop), branches)

    def extra_repr(self) -> str:
        return f"drop={self.drop}"


class PickColumn(nn.Module):
    """Which of `n` columns runs, drawn anew for each batch while training.

    `PickColumn(3, 0.5)` on (N, 3, 32, 32) gives (N, 3): with probability 0.5 a row with
    one 1, the same for all examples; else, and in evaluation, ones.

    Raises ValueError where `n` is below 1 or `p` no probability. The global sampling of
    Larsson, Maire & Shakhnarovich, "FractalNet", 2017.
    """

    def __init__(self, n: int, p: float) -> None:
        super().__init__()
        if n < 1 or not 0 <= p <= 1:
            raise ValueError(f"one of {n} columns with probability {p} cannot be drawn")
        self.n = n
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        row = torch.ones(self.n, device=x.device)
        if self.training:
            number = torch.randint(self.n, (1,), device=x.device)
            picked = (torch.arange(self.n, device=x.device) == number).to(row.dtype)
            alone = torch.rand(1, device=x.device) < self.p
            row = torch.where(alone, picked, row)
        return row.expand(x.shape[0], -1)

    def extra_repr(self) -> str:
        return f"{self.n}, p={self.p}"


class ColumnMean(nn.Module):
    """The mean of the branches that run, after a draw of `PickColumn`.

    `ColumnMean(0.15)(draw, a, b)` with a draw of (N, 3) and branches of (N, 64, 8, 8),
    which are its last two columns: where one of them runs alone, its branch; where all
    run, the mean with branches dropped as in `DropPathMean`. In evaluation it is the
    plain mean.

    `drop` is the probability, from 0 up to but not 1. Raises ValueError where the draw
    is of fewer columns than there are branches. Larsson, Maire & Shakhnarovich,
    "FractalNet", 2017.
    """

    def __init__(self, drop: float) -> None:
        super().__init__()
        if not 0 <= drop < 1:
            raise ValueError(f"drop must be at least 0 and below 1, not {drop}")
        self.drop = drop

    def forward(self, draw: Tensor, *branches: Tensor) -> Tensor:
        if draw.shape[1] < len(branches):
            columns = f"a draw of {draw.shape[1]} columns"
            raise ValueError(
                f"{len(branches)} branches cannot be told apart by {columns}"
            )
        if not self.training:
            plain: Tensor = sum(branches[1:], branches[0]) / len(branches)
            return plain
        here = draw[:, -len(branches) :].T > 0
        # Where a column that does not pass here runs alone, the result goes nowhere.
        alone = (draw.sum(1) == 1) & here.any(0)
        kept = torch.where(alone, here, kept_at_random(branches, self.drop))
        return mean_of_kept(kept, branches)

    def extra_repr(self) -> str:
        return f"drop={self.drop}"


def kept_at_random(branches: tuple[Tensor, ...], drop: float) -> Tensor:
    """(branches, examples): each kept with probability 1 - drop, one where none is."""
    examples, device = branches[0].shape[0], branches[0].device
    kept = torch.rand(len(branches), examples, device=device) >= drop
    rescued = torch.randint(len(branches), (examples,), device=device)
    number = torch.arange(len(branches), device=device)[:, None]
    return kept | (~kept.any(0) & (number == rescued))


def mean_of_kept(kept: Tensor, branches: tuple[Tensor, ...]) -> Tensor:
    """The mean over the branches that each example kept."""
    shares = kept.to(branches[0].dtype) / kept.sum(0)
    parts = [
        share.view(-1, *[1] * (x.dim() - 1)) * x
        for share, x in zip(shares, branches, strict=True)
    ]
    joined: Tensor = sum(parts[1:], parts[0])
    return joined
