"""Rearrangements between the element order of papers, channels last, and PyTorch's.

In: one tensor. Out: the same values in another size. Sequences are (N, L, C), images (N, C, H, W).
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Reshape"]


class Reshape(nn.Module):
    """The values of each example in a new size, read and written row by row with the channels last.

    `Reshape(196, 768)` takes (N, 768, 14, 14) to (N, 196, 768): position 14*i + j is the pixel in row i and column j.
    `Reshape(14, 14, 768)` takes it back. `sizes` is the size without the batch, channels last.
    """

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() > 3:
            x = x.movedim(1, -1)
        x = x.reshape(x.shape[0], *self.sizes)
        return x.movedim(-1, 1) if x.dim() > 3 else x

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.sizes))
