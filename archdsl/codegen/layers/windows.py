"""Attention within windows of an image, and neighbouring patches side by side.

In: images as (N, C, H, W). Out: the same size, or fewer positions with more channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["PatchMerge", "WindowAttention"]


class WindowAttention(nn.Module):
    """Multi-head self-attention within the windows of an image, with a trained bias for
    each relative position.

    `WindowAttention(96, 3, (7, 7), (3, 3))` takes (N, 96, 56, 56): each position sees
    the 7x7 positions of its window. An image that windows do not divide is filled up
    with zeros at the bottom and the right. A shift moves the image up and left, around
    the edges; 100 is taken from the logits between what came from opposite edges. There
    is none along an axis that one window covers.

    Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted
    Windows", 2021.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        window: tuple[int, int],
        shift: tuple[int, int] = (0, 0),
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.dropout = dropout
        distances = (2 * window[0] - 1) * (2 * window[1] - 1)
        self.relative_position_bias = nn.Parameter(torch.empty(distances, heads))
        self.qkv = nn.Linear(channels, 3 * channels, bias=bias)
        self.proj = nn.Linear(channels, channels, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.trunc_normal_(self.relative_position_bias, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        rows, columns = -(-height // self.window[0]), -(-width // self.window[1])
        bottom = rows * self.window[0] - height
        right = columns * self.window[1] - width
        up = self.shift[0] if rows > 1 else 0
        left = self.shift[1] if columns > 1 else 0

        x = F.pad(x.movedim(1, -1), (0, 0, 0, right, 0, bottom))
        if up or left:
            x = x.roll((-up, -left), (1, 2))
        qkv: Tensor = self.qkv(self.partition(x))
        qkv = qkv.view(*qkv.shape[:3], 3, self.heads, -1)
        query, key, value = qkv.permute(3, 0, 1, 4, 2, 5).flatten(1, 2)
        bias = self.pairs()
        if up or left:
            apart = self.apart(x.shape[1] - up, x.shape[2] - left, x)
            bias = (bias - 100 * apart.to(bias)).repeat(x.shape[0], 1, 1, 1)
        dropout = self.dropout if self.training else 0.0
        y: Tensor = F.scaled_dot_product_attention(query, key, value, bias, dropout)
        y = self.proj(y.transpose(1, 2).flatten(2))

        y = y.view(x.shape[0], rows, columns, *self.window, -1)
        y = y.transpose(2, 3).reshape(x.shape)
        if up or left:
            y = y.roll((up, left), (1, 2))
        return y[:, :height, :width].movedim(-1, 1)

    def partition(self, x: Tensor) -> Tensor:
        """(N, H, W, C) as (N, windows, positions, C), row by row."""
        (height, width), window = x.shape[1:3], self.window
        rows, columns = height // window[0], width // window[1]
        x = x.view(x.shape[0], rows, window[0], columns, window[1], -1).transpose(2, 3)
        return x.flatten(3, 4).flatten(1, 2)

    def pairs(self) -> Tensor:
        """The bias for each head and pair of positions, (1, heads, positions, same).

        In windows of 7x7 that of rows a and b, a - b + 6, is one of 13, as is that of
        columns: 13*13 in all.
        """
        height, width = self.window
        table = self.relative_position_bias.T
        table = table.view(-1, 2 * height - 1, 2 * width - 1)
        pairs = table.unfold(1, height, 1).unfold(2, width, 1).flip(3, 4)
        return pairs.flatten(3).flatten(1, 2).unsqueeze(0)

    def apart(self, row: int, column: int, x: Tensor) -> Tensor:
        """Between which positions the image's edge lies, (windows, 1, positions, same),
        for an image (N, H, W, C) whose edges are before a row and a column.
        """
        below = torch.arange(x.shape[1], device=x.device) >= row
        behind = torch.arange(x.shape[2], device=x.device) >= column
        sides = 2 * below.unsqueeze(1) + behind.long()
        sides = self.partition(sides.unsqueeze(0).unsqueeze(3)).transpose(0, 1)
        return sides != sides.mT

    def extra_repr(self) -> str:
        sizes = f"heads={self.heads}, window={self.window}, shift={self.shift}"
        return f"{sizes}, dropout={self.dropout}"


class PatchMerge(nn.Module):
    """The channels of 2x2 neighbouring patches side by side.

    `PatchMerge(2)` takes (N, 96, 56, 56) to (N, 384, 28, 28): 96 channels of the upper
    left patch, then of the lower left, the upper right and the lower right one. An
    image that does not divide is filled up with zeros at the bottom and the right.

    Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted
    Windows", 2021.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        n = self.factor
        x = F.pad(x, (0, -x.shape[3] % n, 0, -x.shape[2] % n))
        x = x.view(*x.shape[:2], x.shape[2] // n, n, x.shape[3] // n, n)
        return x.permute(0, 5, 3, 1, 2, 4).flatten(1, 3)

    def extra_repr(self) -> str:
        return f"{self.factor}"
