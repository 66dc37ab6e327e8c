"""lenet5_1998: LeCun, Bottou, Bengio & Haffner, 1998.

Input: 32x32x1, a tensor (N, 1, 32, 32).
Output: 10, a tensor (N, 10).
60,000 trainable parameters.

Written by archdsl from:

    # LeNet-5 as published: LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to
    # document recognition", Proc. IEEE, 1998, section II.B. Subsampling is trained: the sum of four
    # pixels times a gain, plus a bias. C3 sees S2 by the paper's Table I. Every layer up to F6 is
    # squashed by 1.7159 tanh(2x/3). The outputs are squared distances to ten codes of 84 values, drawn
    # by hand as bitmaps of 7x12 and kept fixed, so they are no parameters; ours are random.
    # Implementations of today have full connections, plain pools and a linear output: lenet5.arch.
    arch lenet5_1998<classes=10> "LeCun, Bottou, Bengio & Haffner, 1998"
    input 32x32x1

    let table = [
        [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
        [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
        [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]
    ]

    block squash = times (2/3) -> tanh -> times 1.7159

    conv 5x5 6 @c1 -> squash -> subsample 2 @s2 -> squash                   :: 14x14x6
    -> conv 5x5 16 connect=table @c3 -> squash -> subsample 2 @s4 -> squash :: 5x5x16
    -> conv 5x5 120 @c5 -> squash                                           :: 1x1x120
    -> fc 84 @f6 -> squash -> rbf classes @codes

    expect params 60_000 connections 340_908 "the paper, section II.B"
    expect c1 params 156 connections 122_304 "the paper, section II.B"
    expect s2 params 12 connections 5_880 "the paper, section II.B"
    expect c3 params 1_516 connections 151_600 "the paper, section II.B"
    expect s4 params 32 connections 2_000 "the paper, section II.B"
    expect c5 params 48_120 connections 48_120 "the paper, section II.B"
    expect f6 params 10_164 connections 10_164 "the paper, section II.B"
    expect codes params 0 connections 840 "84 inputs of each of 10 units"
"""

import itertools
import math
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class EuclideanRBF(nn.Module):
    """Squared distances to codes, y_i = sum_j (x_j - w_ij)^2.

    `EuclideanRBF(84, 10)` takes (N, 84) to (N, 10), the smaller the nearer. The codes
    are random values of -1 and +1, kept fixed in a buffer, or with `trained` a
    parameter that begins there.

    LeCun et al., "Gradient-based learning applied to document recognition", 1998,
    section II.B.
    """

    def __init__(self, in_features: int, units: int, trained: bool = False) -> None:
        super().__init__()
        self.trained = trained
        codes = torch.empty(units, in_features)
        if trained:
            self.weight: Tensor = nn.Parameter(codes)
        else:
            self.register_buffer("weight", codes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.weight.bernoulli_(0.5).mul_(2).sub_(1)

    def forward(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(-2) - self.weight).square().sum(-1)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, trained={self.trained}"


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


class Squash(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tanh = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.tanh(x * 0.6666666666666666) * 1.7159


class Lenet5_1998(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.squash1 = Squash()
        self.s2 = Subsample(6, (2, 2))
        self.squash2 = Squash()
        self.c3 = TableConv(
            6,
            [
                [0, 1, 2],
                [1, 2, 3],
                [2, 3, 4],
                [3, 4, 5],
                [0, 4, 5],
                [0, 1, 5],
                [0, 1, 2, 3],
                [1, 2, 3, 4],
                [2, 3, 4, 5],
                [0, 3, 4, 5],
                [0, 1, 4, 5],
                [0, 1, 2, 5],
                [0, 1, 3, 4],
                [1, 2, 4, 5],
                [0, 2, 3, 5],
                [0, 1, 2, 3, 4, 5],
            ],
            (5, 5),
        )
        self.squash3 = Squash()
        self.s4 = Subsample(16, (2, 2))
        self.squash4 = Squash()
        self.c5 = nn.Conv2d(16, 120, 5)
        self.squash5 = Squash()
        self.f6 = nn.Linear(120, 84)
        self.squash6 = Squash()
        self.codes = EuclideanRBF(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c1(x)  # 28x28x6
        x = self.squash1(x)
        x = self.s2(x)  # 14x14x6
        x = self.squash2(x)
        x = self.c3(x)  # 10x10x16
        x = self.squash3(x)
        x = self.s4(x)  # 5x5x16
        x = self.squash4(x)
        x = self.c5(x)  # 1x1x120
        x = self.squash5(x)
        x = self.f6(x.flatten(1))  # 84
        x = self.squash6(x)
        return self.codes(x)  # 10
