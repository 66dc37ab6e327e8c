"""swin (swin_t): Liu et al., 2021.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
28,288,354 trainable parameters.

Written by archdsl from:

    # Swin Transformer: Liu, Lin, Cao, Hu, Wei, Zhang, Lin & Guo, "Swin Transformer: hierarchical vision
    # transformer using shifted windows", 2021, section 3: four stages of c, 2c, 4c and 8c channels, heads of 32,
    # attention in windows of 7x7, which every second encoder shifts by 3. A 1x1 convolution stands for the linear
    # layers of the authors' code. Residuals are dropped in training, later ones more, up to `drop` of the last.
    # The paper prints 29M parameters and 4.5G FLOPs, 50M and 8.7G, 88M and 15.4G.
    arch swin<depths=[2, 2, 6, 2], c=96, drop=0.2, window=7, classes=1000> "Liu et al., 2021"
    input 224x224x3
    let last = sum(depths) - 1

    block encoder<i, shift> = residual<
        ln -> window_attention (in.c//32) window=window shift=shift -> drop_path (drop*i/last)>
        -> residual<ln -> conv 1x1 (4*in.c) -> gelu -> conv 1x1 (in.c) -> drop_path (drop*i/last)>
    block merging = patch_merge 2 -> ln -> conv 1x1 (2*in.c) bias=false
    block stage<k> = (if k == 0 then id else merging)
        -> encoder<sum(depths[:k])+i, i%2*(window//2)> x(i in depths[k])

    conv 4x4/4 c -> ln -> stage<k> x(k in 4) -> ln -> gap -> fc classes

    variant swin_t = swin expect params 28_288_354 macs 4.491G top1 81.474 "torchvision"
    variant swin_s = swin<[2, 2, 18, 2], drop=0.3> expect params 49_606_258 macs 8.741G top1 83.196 "torchvision"
    variant swin_b = swin<[2, 2, 18, 2], 128, 0.5> expect params 87_768_224 macs 15.431G top1 83.582 "torchvision"
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelLayerNorm(nn.LayerNorm):
    """Layer norm over the channels at each position of an image or a volume.

    `ChannelLayerNorm(96)` takes (N, 96, 56, 56): each of the 56*56 positions has its
    own mean and variance over 96 values.

    Liu et al., "A ConvNet for the 2020s", 2022.
    """

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


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


class Encoder(nn.Module):
    def __init__(
        self, channels: int, heads: int, p: float, shift: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__()
        self.ln1 = ChannelLayerNorm(channels)
        self.window_attention = WindowAttention(channels, heads, (7, 7), shift)
        self.drop_path = DropPath(p)
        self.ln2 = ChannelLayerNorm(channels)
        self.conv1 = nn.Conv2d(channels, 4 * channels, 1)
        self.gelu = nn.GELU()
        self.conv2 = nn.Conv2d(4 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.window_attention(self.ln1(x))
        y = self.drop_path(y)
        x = y + x
        y = self.gelu(self.conv1(self.ln2(x)))
        return self.drop_path(self.conv2(y)) + x


class Merging(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.patch_merge = PatchMerge(2)
        self.ln = ChannelLayerNorm(width)
        self.conv = nn.Conv2d(width, width // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.ln(self.patch_merge(x))
        return self.conv(x)


class Stage(nn.Module):
    def __init__(
        self, width: int, heads: int, encoder_p: float, encoder_p_2: float
    ) -> None:
        super().__init__()
        self.merging = Merging(width)
        self.encoder = nn.Sequential(
            Encoder(width // 2, heads, p=encoder_p),
            Encoder(width // 2, heads, p=encoder_p_2, shift=(3, 3)),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.merging(x)
        return self.encoder(x)


class Stage2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.merging = Merging(768)
        self.encoder = nn.Sequential(
            Encoder(384, heads=12, p=0.2 * 4 / 11),
            Encoder(384, heads=12, p=0.2 * 5 / 11, shift=(3, 3)),
            Encoder(384, heads=12, p=0.2 * 6 / 11),
            Encoder(384, heads=12, p=0.2 * 7 / 11, shift=(3, 3)),
            Encoder(384, heads=12, p=0.2 * 8 / 11),
            Encoder(384, heads=12, p=0.2 * 9 / 11, shift=(3, 3)),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.merging(x)  # 14x14x384
        return self.encoder(x)


class SwinT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 96, 4, stride=4)
        self.ln1 = ChannelLayerNorm(96)
        self.stage = nn.Sequential(
            Encoder(96, heads=3, p=0.0),
            Encoder(96, heads=3, p=0.2 * 1 / 11, shift=(3, 3)),
            Stage(384, heads=6, encoder_p=0.2 * 2 / 11, encoder_p_2=0.2 * 3 / 11),
            Stage2(),
            Stage(1536, heads=24, encoder_p=0.2 * 10 / 11, encoder_p_2=0.2),
        )
        self.ln2 = ChannelLayerNorm(768)
        self.fc = nn.Linear(768, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.ln1(self.conv(x))  # 56x56x96
        x = self.ln2(self.stage(x))  # 7x7x768
        x = x.mean((2, 3))  # 768
        return self.fc(x)  # 1000
