"""Dropping that PyTorch lacks: stochastic depth.

In: any tensor, examples along the first axis. Out: the same size.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["DropPath"]


class DropPath(nn.Module):
    """In training, each example is zero with probability `p`, else divided by 1 - p;
    afterwards nothing is done.

    `DropPath(0.2)` takes (N, 64, 28, 28) to the same, with a fifth of the N zero.

    Raises ValueError where `p` is no probability. Huang et al., "Deep networks with
    stochastic depth", 2016.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{p} is no probability")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p if self.p < 1 else 1)

    def extra_repr(self) -> str:
        return f"{self.p}"
