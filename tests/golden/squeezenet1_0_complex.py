"""squeezenet (squeezenet1_0_complex): Iandola et al., 2016.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
1,589,672 trainable parameters.

Written by archdsl from:

    # SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
    # <0.5MB model size", 2016, Table 1, and Figure 2 for the bypasses. The paper's 111x111 first layer
    # needs 227 inputs or a padding; torchvision takes 224 without. 1.1 is the authors' later model, of
    # 2.4 times less work. A simple bypass adds no weights, a complex one 1x1 convolutions where the
    # channels change: 1.59 million parameters, 6.1 MiB, where the paper's Table 3 prints 7.7 MB.
    arch squeezenet<stem=(conv 7x7/2 96), stages=v1_0, unit=fire, classes=1000> "Iandola et al., 2016"
    input 224x224x3

    let v1_0 = [[16, 16, 32], [32, 48, 48, 64], [64]]
    let v1_1 = [[16, 16], [32, 32], [48, 48, 64, 64]]
    block fire<s> = conv 1x1 s -> relu -> concat<conv 1x1 (4*s) -> relu | conv 3x3+1 (4*s) -> relu>
    block simple<s> = if in.c == 8 * s then residual<fire<s>> else fire<s>
    block complex<s> = residual<fire<s> | if in.c == 8 * s then id else conv 1x1 (8*s)>

    stem -> relu -> (maxpool 3/2 ceil -> unit<s> x(s in stage)) x(stage in stages)
    -> dropout 0.5 -> conv 1x1 classes -> relu -> gap

    variant squeezenet1_0 = squeezenet
        expect params 1_248_424 "the paper, Table 1" macs 818_924_576 depth 18 top1 58.092 "torchvision"
    expect squeezenet1_0 half_ops 823.67M "pytorchcv"
    variant squeezenet1_1 = squeezenet<(conv 3x3/2 64), v1_1>
        expect params 1_235_496 half_ops 352.02M "pytorchcv" macs 349_151_936 depth 18 top1 58.178 "torchvision"
    variant squeezenet1_0_simple = squeezenet<unit=simple> expect params 1_248_424 depth 18 "the paper, Table 3: as without"
    variant squeezenet1_0_complex = squeezenet<unit=complex> expect params 1_589_672 "by hand: 341,248 in four convolutions"
"""

import torch
from torch import Tensor, nn


class Fire(nn.Module):
    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, 4 * width, 1)
        self.conv3 = nn.Conv2d(width, 4 * width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        branch1 = self.relu(self.conv2(x))
        branch2 = self.relu(self.conv3(x))
        return torch.cat((branch1, branch2), dim=1)


class Complex(nn.Module):
    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.fire = Fire(in_channels, width)
        self.conv = (
            nn.Conv2d(in_channels, 8 * width, 1)
            if in_channels != 8 * width
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.fire(x) + self.conv(x)


class Squeezenet1_0Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 7, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.group = nn.Sequential(
            nn.Sequential(
                nn.MaxPool2d(3, stride=2, ceil_mode=True),
                Complex(96, 16),
                Complex(128, 16),
                Complex(128, 32),
            ),
            nn.Sequential(
                nn.MaxPool2d(3, stride=2, ceil_mode=True),
                Complex(256, 32),
                Complex(256, 48),
                Complex(384, 48),
                Complex(384, 64),
            ),
            nn.Sequential(nn.MaxPool2d(3, stride=2, ceil_mode=True), Complex(512, 64)),
        )
        self.dropout = nn.Dropout(0.5)
        self.conv2 = nn.Conv2d(512, 1000, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))  # 109x109x96
        x = self.dropout(self.group(x))  # 13x13x512
        x = self.relu(self.conv2(x))  # 13x13x1000
        return x.mean((2, 3))  # 1000
