"""fractalnet (fractalnet20): Larsson, Maire & Shakhnarovich, 2016.

Input image: 32x32x3, a tensor (N, 3, 32, 32).
Output: 10, a tensor (N, 10).
38,649,034 trainable parameters.

Written by archdsl from:

    # FractalNet: Larsson, Maire & Shakhnarovich, "FractalNet: ultra-deep neural networks without residuals", 2016, for
    # CIFAR: five blocks of three columns make 20 layers, of four columns 40. In training half of the batches run one
    # column of the whole network (global path dropping); in the others each join drops each of its columns with
    # probability 0.15 (local). Values are dropped in each layer, more in later blocks, as in the authors' generator; that
    # pools each column before a block's last join, this file behind it, as the paper's figure has it.
    #
    # Which of them has 38.6M parameters: the paper's Table 1 prints that for its 20 layers, five blocks of three columns
    # (5 * 2^2), and 22.9M for its 40 layers, five blocks of four (5 * 2^3); DenseNet's Table 2 repeats the 38.6M. So four
    # columns and 38.6M are two networks. The widths in the paper's text, in the authors' own generator and in pytorchcv
    # make 33,724,618 for 20 layers if the first layer of each column widens: fractalnet20_plain. 38.6M come out,
    # 38,649,034, if a 1x1 layer in front of each block that is wider than the one before does it, which the paper does not
    # say: fractalnet20. Four columns all of one width, fractalnet40, have 76.1M; the paper's 22.9M have thinner deep
    # columns that mix 1x1 and 3x3 filters, in an order that it does not print.
    arch fractalnet<columns, widen=false, classes=10> "Larsson, Maire & Shakhnarovich, 2016"
    input image 32x32x3

    block layer<c, p, k=3> = conv k c half bias=false -> dropout p -> bn -> relu
    block columns_of<n, c, p>(h, pick) {
        if n == 1 then @h -> layer<c, p>
            else (@h -> layer<c, p>, ((@h, @pick) -> fractal<n-1, c, p>, @pick) -> columns_of<n-1, c, p>)
    }
    block fractal<n, c, p>(h, pick) {
        if n == 1 then @h -> layer<c, p> else (@pick, (@h, @pick) -> columns_of<n, c, p>) -> column_mean drop=0.15
    }
    block stage<c, p>(h, pick) {
        @h -> (if widen and h.c != c then layer<c, p, 1> else id) @wide
        (@wide, @pick) -> fractal<columns, c, p> -> maxpool 2 @y
        return @y, @pick
    }

    @image -> pick_column columns p=0.5 @pick
    (@image, @pick) -> stage<c, p> x((c, p) in [(64, 0), (128, 0.1), (256, 0.2), (512, 0.3), (512, 0.4)])
    -> first -> fc classes

    variant fractalnet20 = fractalnet<3, true> expect params 38.6M "the paper, Table 1"
    variant fractalnet20_plain = fractalnet<3> expect params 33_724_618 "pytorchcv" depth 21 "DenseNet, Table 2"
    # 9 * (4*3*64 + 11*64*64 + 4*64*128 + 11*128*128 + 4*128*256 + 11*256*256 + 4*256*512 + 11*512*512 + 15*512*512)
    # weights, 15 * 2 * (64 + 128 + 256 + 512 + 512) of batch norm and 5_130.
    variant fractalnet40 = fractalnet<4> expect params 76_106_634 "the sum above" depth 41 "the paper, Figure 1"
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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


class Layer(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, p: float
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False
        )
        self.dropout = nn.Dropout(p)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.dropout(self.conv(x)))
        return F.relu(x, inplace=True)


class ColumnsOf2(nn.Module):
    def __init__(self, channels: int, p: float) -> None:
        super().__init__()
        self.layer = Layer(channels, channels, 3, p)
        self.fractal = Layer(channels, channels, 3, p)
        self.columns_of = Layer(channels, channels, 3, p)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y1 = self.layer(x)
        y2 = self.fractal(x)
        y2 = self.columns_of(y2)
        return y1, y2


class Fractal2(nn.Module):
    def __init__(self, channels: int, p: float) -> None:
        super().__init__()
        self.columns_of = ColumnsOf2(channels, p)
        self.column_mean = ColumnMean(0.15)

    def forward(self, h: Tensor, pick: Tensor) -> Tensor:
        columns_of_1, columns_of_2 = self.columns_of(h)
        return self.column_mean(pick, columns_of_1, columns_of_2)


class ColumnsOf(nn.Module):
    def __init__(self, channels: int, p: float) -> None:
        super().__init__()
        self.layer = Layer(channels, channels, 3, p)
        self.fractal = Fractal2(channels, p)
        self.columns_of = ColumnsOf2(channels, p)

    def forward(self, h: Tensor, pick: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y1 = self.layer(h)
        x = self.fractal(h, pick)
        y2, y3 = self.columns_of(x)
        return y1, y2, y3


class Fractal(nn.Module):
    def __init__(self, channels: int, p: float) -> None:
        super().__init__()
        self.columns_of = ColumnsOf(channels, p)
        self.column_mean = ColumnMean(0.15)

    def forward(self, h: Tensor, pick: Tensor) -> Tensor:
        columns_of_1, columns_of_2, columns_of_3 = self.columns_of(h, pick)
        return self.column_mean(pick, columns_of_1, columns_of_2, columns_of_3)


class Stage(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, p: float) -> None:
        super().__init__()
        self.wide = (
            Layer(in_channels, out_channels, 1, p)
            if in_channels != out_channels
            else nn.Identity()
        )
        self.fractal = Fractal(out_channels, p)
        self.maxpool = nn.MaxPool2d(2)

    def forward(self, h: Tensor, pick: Tensor) -> Tensor:
        x = self.wide(h)
        x = self.fractal(x, pick)
        return self.maxpool(x)


class Fractalnet20(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pick_column = PickColumn(3, 0.5)
        self.stage_0 = Stage(3, 64, p=0.0)
        self.stage_1 = Stage(64, 128, p=0.1)
        self.stage_2 = Stage(128, 256, p=0.2)
        self.stage_3 = Stage(256, 512, p=0.3)
        self.stage_4 = Stage(512, 512, p=0.4)
        self.fc = nn.Linear(512, 10)

    def forward(self, image: Tensor) -> Tensor:
        pick = self.pick_column(image)  # 3
        x = self.stage_0(image, pick)  # 16x16x64
        x = self.stage_1(x, pick)  # 8x8x128
        x = self.stage_2(x, pick)  # 4x4x256
        x = self.stage_3(x, pick)  # 2x2x512
        x = self.stage_4(x, pick)  # 1x1x512
        return self.fc(x.flatten(1))  # 10
