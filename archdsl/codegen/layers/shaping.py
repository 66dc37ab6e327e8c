"""Rearrangements between the element order of papers, channels last, and PyTorch's.

In: one tensor. Out: the same values in another size. Sequences are (N, L, C), images
(N, C, H, W).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Crop", "PadChannels", "Reshape"]


class Crop(nn.Module):
    """The middle of each image, `Crop(56)` takes (N, 512, 64, 64) to (N, 512, 56, 56).

    `size` is a number for each spatial axis, or one for all. Where an odd number of
    positions goes, the one more goes at the end.
    """

    def __init__(self, size: int | tuple[int, ...]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        for axis in range(2, x.dim()):
            kept = self.size if isinstance(self.size, int) else self.size[axis - 2]
            x = x.narrow(axis, (x.shape[axis] - kept) // 2, kept)
        return x

    def extra_repr(self) -> str:
        return f"{self.size}"


class PadChannels(nn.Module):
    """Channels of zeros behind the others.

    `PadChannels(16)` takes (N, 16, 32, 32) to (N, 32, 32, 32). Sequences (N, L, C) and
    vectors (N, C) have their channels last.

    He et al., "Deep residual learning for image recognition", 2015: option A.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        positions = (0, 0) * (x.dim() - 2) if x.dim() > 3 else ()
        return F.pad(x, (*positions, 0, self.channels))

    def extra_repr(self) -> str:
        return f"{self.channels}"


class Reshape(nn.Module):
    """The values of each example in a new size, read and written row by row with the
    channels last.

    `Reshape(196, 768)` takes (N, 768, 14, 14) to (N, 196, 768): position 14*i + j is
    the pixel in row i and column j. `Reshape(14, 14, 768)` takes it back. `sizes` is
    the size without the batch, channels last.
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
