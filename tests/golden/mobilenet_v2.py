"""mobilenet_v2: Sandler, Howard, Zhu, Zhmoginov & Chen, 2018.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
3,504,872 trainable parameters.

Written by archdsl from:

    # MobileNetV2: Sandler, Howard, Zhu, Zhmoginov & Chen, "MobileNetV2: inverted residuals and linear
    # bottlenecks", 2018, Table 2: t times the channels inside, c leave, n units, the first with stride
    # s. Widths are rounded to multiples of 8, as the authors' code does. The paper prints 3.4M
    # parameters and 300M mult-adds, and 6.9M and 585M for a width of 1.4.
    arch mobilenet_v2<width=1, classes=1000> "Sandler, Howard, Zhu, Zhmoginov & Chen, 2018"
    input 224x224x3
    default conv bias=false

    block unit<c, k=3, s=1, groups=1> = conv k/s c half groups=groups -> bn -> relu6
    block body<t, c, s> {
        let inner = t * in.c
        (if t == 1 then id else unit<inner, 1>) -> unit<inner, 3, s, inner> -> conv 1x1 c -> bn
    }
    block inverted<t, c, s=1> = if s == 1 and in.c == c then residual<body<t, c, s>> else body<t, c, s>
    block stage<t, c, n, s> = inverted<t, round_to(c*width, 8), s>
        -> inverted<t, round_to(c*width, 8)> x(n-1)

    unit<round_to(32*width, 8), s=2>
    -> stage<1, 16, 1, 1> -> stage<6, 24, 2, 2> -> stage<6, 32, 3, 2> -> stage<6, 64, 4, 2>
    -> stage<6, 96, 3, 1> -> stage<6, 160, 3, 2> -> stage<6, 320, 1, 1>
    -> unit<round_to(1280*max(1, width), 8), 1> -> gap -> dropout 0.2 -> fc classes

    expect params 3_504_872 macs 300_774_272 depth 53 top1 71.878 "torchvision, IMAGENET1K_V1"
    variant mobilenet_v2_140 = mobilenet_v2<1.4>
        expect params 6.1M "timm" macs 582M top1 75.0 "the authors' code"
"""

import torch.nn.functional as F
from torch import Tensor, nn


class Unit(nn.Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.bn(self.conv(x)), inplace=True)


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unit = Unit(32, 32, 3, groups=32)
        self.conv = nn.Conv2d(32, 16, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.unit(x)
        return self.bn(self.conv(x))  # 112x112x16


class Body2(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.unit1 = Unit(in_channels, 6 * in_channels, 1)
        self.unit2 = Unit(
            6 * in_channels, 6 * in_channels, 3, stride, groups=6 * in_channels
        )
        self.conv = nn.Conv2d(6 * in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.unit1(x)
        x = self.unit2(x)
        return self.bn(self.conv(x))


class Inverted(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = Body2(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x


class Stage(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, count: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.inverted1 = Body2(in_channels, out_channels, stride)
        self.inverted2 = nn.Sequential(*[Inverted(out_channels) for _ in range(count)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.inverted1(x)
        return self.inverted2(x)


class MobilenetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unit1 = Unit(3, 32, 3, stride=2)
        self.stage1 = Body()
        self.stage2 = Stage(16, 24, count=1, stride=2)
        self.stage3 = Stage(24, 32, count=2, stride=2)
        self.stage4 = Stage(32, 64, count=3, stride=2)
        self.stage5 = Stage(64, 96, count=2)
        self.stage6 = Stage(96, 160, count=2, stride=2)
        self.stage7 = Body2(160, 320)
        self.unit2 = Unit(320, 1280, 1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.unit1(x)  # 112x112x32
        x = self.stage1(x)  # 112x112x16
        x = self.stage2(x)  # 56x56x24
        x = self.stage3(x)  # 28x28x32
        x = self.stage4(x)  # 14x14x64
        x = self.stage5(x)  # 14x14x96
        x = self.stage6(x)  # 7x7x160
        x = self.stage7(x)  # 7x7x320
        x = self.unit2(x)  # 7x7x1280
        x = self.dropout(x.mean((2, 3)))  # 1280
        return self.fc(x)  # 1000
