"""Convolutions that PyTorch lacks: with a connection table, and deformable.

In: (N, C, H, W), and for tables (N, C, L) and (N, C, D, H, W) as well. Out: filters of
it, position by position.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DeformConv2d", "TableConv"]


class TableConv(nn.Module):
    """A convolution whose filters each see the input channels that a table lists, as C3
    of LeNet-5.

    `TableConv(3, [[0, 1, 2], [1, 2]], (5, 5))` takes (N, 3, 14, 14) to (N, 2, 10, 10).
    Its weight is (5, 5, 5), one kernel for each of the five connections, filter by
    filter in the order of the table. Filters that see equally many channels are
    computed together, each on its own copy of the channels, so no product with an
    absent weight is made.

    - `kernel`: one number for each spatial axis.
    - `stride`, `padding`, `dilation`: as of `nn.Conv2d`.

    Raises ValueError where the table is empty, repeats a channel for a filter, or names
    one that does not exist. LeCun et al., "Gradient-based learning applied to document
    recognition", 1998, table I.
    """

    sources: Tensor
    kernels: Tensor
    places: Tensor

    def __init__(
        self,
        in_channels: int,
        connect: list[list[int]],
        kernel: tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        for row in connect:
            if not row or len({*range(in_channels)} & {*row}) != len(row):
                raise ValueError(
                    f"{row} is no list of different channels out of {in_channels}"
                )
        self.in_channels, self.out_channels = in_channels, len(connect)
        self.kernel, self.stride = kernel, stride
        self.padding, self.dilation = padding, dilation
        self.fan_in = [len(row) * math.prod(kernel) for row in connect]
        self.weight = nn.Parameter(torch.empty(sum(map(len, connect)), *kernel))
        self.bias = nn.Parameter(torch.empty(len(connect))) if bias else None
        # Filters of one length stand together while they are computed, and in the order
        # of the table otherwise.
        first = [0, *itertools.accumulate(map(len, connect))]
        order = sorted(range(len(connect)), key=lambda number: len(connect[number]))
        self.sections = sorted(Counter(map(len, connect)).items())
        sources = [channel for number in order for channel in connect[number]]
        spans = [range(first[number], first[number + 1]) for number in order]
        kernels = [place for span in spans for place in span]
        self.register_buffer("sources", torch.tensor(sources), persistent=False)
        self.register_buffer("kernels", torch.tensor(kernels), persistent=False)
        self.register_buffer("places", torch.tensor(order).argsort(), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform within 1 / sqrt(inputs of the filter), as `nn.Conv2d` does."""
        at = 0
        for number, fan_in in enumerate(self.fan_in):
            bound = 1 / math.sqrt(fan_in)
            count = fan_in // math.prod(self.kernel)
            nn.init.uniform_(self.weight[at : at + count], -bound, bound)
            if self.bias is not None:
                nn.init.uniform_(self.bias[number : number + 1], -bound, bound)
            at += count

    def forward(self, x: Tensor) -> Tensor:
        convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(self.kernel)]
        copies, kernels = x[:, self.sources], self.weight[self.kernels]
        sizes = [filters * length for length, filters in self.sections]
        sources = copies.split_with_sizes(sizes, 1)
        owned = kernels.split_with_sizes(sizes)
        geometry = (self.stride, self.padding, self.dilation)
        parts = []
        for (length, n), source, own in zip(self.sections, sources, owned, strict=True):
            weight = own.view(n, length, *self.kernel)
            parts.append(convolve(source, weight, None, *geometry, n))
        out = torch.cat(parts, 1)[:, self.places]
        if self.bias is None:
            return out
        return out + self.bias.view(-1, *[1] * len(self.kernel))

    def extra_repr(self) -> str:
        channels = f"{self.in_channels}, {self.out_channels}, kernel={self.kernel}"
        geometry = f"stride={self.stride}, padding={self.padding}"
        connections = f"connections={len(self.weight)}"
        return f"{channels}, {connections}, {geometry}, dilation={self.dilation}"


class DeformConv2d(nn.Module):
    """A convolution whose taps go where an inner convolution of the same geometry sends
    them.

    `DeformConv2d(32, 64, 3, padding=1)` takes (N, 32, 28, 28) to (N, 64, 28, 28).
    `offset` gives 2 values for each of the 9 taps, (y, x) from where it would be, tap
    after tap; `modulated` adds 9 values whose sigmoid weighs the taps. Between pixels
    the input is read bilinearly, outside of it as zero. All offsets begin at zero.

    Dai et al., "Deformable convolutional networks", 2017; Zhu et al., "Deformable
    ConvNets v2", 2019.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        modulated: bool = False,
    ) -> None:
        super().__init__()
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{in_channels} and {out_channels} channels do not divide into"
                f" {groups} groups"
            )
        self.groups, self.modulated = groups, modulated
        self.kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        self.stride = (stride, stride) if isinstance(stride, int) else stride
        self.padding = (padding, padding) if isinstance(padding, int) else padding
        self.dilation = (dilation, dilation) if isinstance(dilation, int) else dilation
        self.weight = nn.Parameter(
            torch.empty(out_channels, in_channels // groups, *self.kernel)
        )
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        taps = math.prod(self.kernel)
        values = (3 if modulated else 2) * taps
        geometry = (self.kernel, self.stride, self.padding, self.dilation)
        self.offset = nn.Conv2d(in_channels, values, *geometry)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The outer convolution as `nn.Conv2d` begins, the inner one at zero, so that
        nothing is deformed at first."""
        bound = 1 / math.sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)  # type: ignore[arg-type]  # it has one

    def forward(self, x: Tensor) -> Tensor:
        taps = math.prod(self.kernel)
        offset = self.offset(x)
        height, width = offset.shape[-2:]
        y = offset[:, 0 : 2 * taps : 2] + self._places(0, height, x)
        x_ = offset[:, 1 : 2 * taps : 2] + self._places(1, width, x)
        # grid_sample measures from -1 to 1, between the outer edges of the first pixel
        # and the last.
        grid = torch.stack(
            ((2 * x_ + 1) / x.shape[-1] - 1, (2 * y + 1) / x.shape[-2] - 1), -1
        )
        read = F.grid_sample(x, grid.flatten(1, 2), align_corners=False)
        read = read.view(len(x), -1, taps, height, width)
        if self.modulated:
            read = read * offset[:, 2 * taps :].sigmoid().unsqueeze(1)
        weight = self.weight.flatten(1)[..., None, None]
        return F.conv2d(read.flatten(1, 2), weight, self.bias, groups=self.groups)

    def _places(self, axis: int, outputs: int, like: Tensor) -> Tensor:
        """Where each tap is on one axis when nothing is moved: (taps, H, 1) rows or
        (taps, 1, W) columns."""
        dtype, device = like.dtype, like.device
        tap = torch.arange(self.kernel[axis], dtype=dtype, device=device)
        start = torch.arange(outputs, dtype=dtype, device=device)
        tap = tap * self.dilation[axis]
        start = start * self.stride[axis] - self.padding[axis]
        if axis == 0:
            return tap.repeat_interleave(self.kernel[1])[:, None, None] + start[:, None]
        return tap.repeat(self.kernel[0])[:, None, None] + start

    def extra_repr(self) -> str:
        channels = f"{self.weight.shape[1] * self.groups}, {self.weight.shape[0]}"
        options = f"groups={self.groups}, modulated={self.modulated}"
        return f"{channels}, kernel={self.kernel}, {options}"
