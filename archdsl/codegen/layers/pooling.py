"""Pools that PyTorch lacks: TensorFlow's average with uneven padding, and LeNet-5's
with a trained gain.

In: (N, C, L), (N, C, H, W) or (N, C, D, H, W). Out: each channel summed up over
windows.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["SameAvgPool", "Subsample"]


class SameAvgPool(nn.Module):
    """The mean of each window, padded unevenly, where the padding does not count, as in
    TensorFlow and Keras.

    `SameAvgPool((3, 3), (2, 2), (0, 1, 0, 1))` takes (N, C, 224, 224) to (N, C, 112,
    112).

    - `kernel`, `stride`: one number for each spatial axis.
    - `sides`: the padding as `F.pad` takes it, last axis first.
    """

    def __init__(
        self, kernel: tuple[int, ...], stride: tuple[int, ...], sides: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.sides = kernel, stride, sides

    def forward(self, x: Tensor) -> Tensor:
        pool = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(self.kernel)]
        inside = F.pad(torch.ones_like(x[:1, :1]), self.sides)
        sums = pool(F.pad(x, self.sides), self.kernel, self.stride)
        return sums / pool(inside, self.kernel, self.stride)

    def extra_repr(self) -> str:
        return f"{self.kernel}, stride={self.stride}, sides={self.sides}"


class Subsample(nn.Module):
    """The sum of each window times the channel's trained gain, plus its trained bias.

    `Subsample(6, (2, 2))` takes (N, 6, 28, 28) to (N, 6, 14, 14), with 6 gains and 6
    biases. It begins as the mean of each window.

    - `kernel`: one number for each spatial axis.
    - `stride`: the kernel where nothing is given.
    - `padding`, `ceil_mode`: as of `nn.AvgPool2d`; what lies outside adds nothing.

    LeCun et al., "Gradient-based learning applied to document recognition", 1998,
    section II.B.
    """

    def __init__(
        self,
        channels: int,
        kernel: tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        padding: int | tuple[int, ...] = 0,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride or kernel
        self.padding, self.ceil_mode = padding, ceil_mode
        self.gain = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The mean of each window."""
        nn.init.constant_(self.gain, 1 / math.prod(self.kernel))
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *[1] * len(self.kernel))
        return self._sums(x) * self.gain.view(shape) + self.bias.view(shape)

    def _sums(self, x: Tensor) -> Tensor:
        if len(self.kernel) > 1:
            pool = F.avg_pool2d if len(self.kernel) == 2 else F.avg_pool3d
            window = (self.kernel, self.stride, self.padding, self.ceil_mode)
            return pool(x, *window, divisor_override=1)
        # avg_pool1d has no divisor of its own: a sequence is an image of one row.
        stride, padding = (
            side if isinstance(side, int) else side[0]
            for side in (self.stride, self.padding)
        )
        window = ((1, *self.kernel), (1, stride), (0, padding), self.ceil_mode)
        return F.avg_pool2d(x.unsqueeze(2), *window, divisor_override=1).squeeze(2)

    def extra_repr(self) -> str:
        shape = f"{len(self.gain)}, kernel={self.kernel}, stride={self.stride}"
        return f"{shape}, padding={self.padding}, ceil_mode={self.ceil_mode}"
