"""shufflenet_v2 (shufflenet_v2_x1_0): Ma, Zhang, Zheng & Sun, 2018.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
2,278,604 trainable parameters.

Written by archdsl from:

    # ShuffleNetV2: Ma, Zhang, Zheng & Sun, "ShuffleNet V2: practical guidelines for efficient CNN
    # architecture design", 2018, Table 5 and Figure 3: half of the channels go past a unit untouched,
    # and a shuffle mixes the halves behind it. torchvision follows the authors' code, which for width 2
    # has 2048 channels in front of the classifier and 1024 elsewhere.
    arch shufflenet_v2<c1=116, c2=232, c3=464, last=1024, classes=1000> "Ma, Zhang, Zheng & Sun, 2018"
    input 224x224x3
    default conv bias=false

    block point<c> = conv 1x1 c -> bn -> relu
    block depth<s> = dwconv<3, s> -> bn
    block branch<c, s=1> = point<c> -> depth<s> -> point<c>
    block down<c> = concat<depth<2> -> point<c//2> | branch<c//2, 2>> -> shuffle 2
    block unit {
        split 2 @past @through
        concat<@past | @through -> branch<in.c//2>> -> shuffle 2
    }

    conv_bn_relu<24, s=2> -> maxpool 3/2+1
    -> (down<c> -> unit x(n-1)) x((c, n) in [(c1, 4), (c2, 8), (c3, 4)]) :: [7, 7, c3]
    -> point<last> -> gap -> fc classes

    variant shufflenet_v2_x0_5 = shufflenet_v2<48, 96, 192>
        expect params 1_366_792 macs 40_476_448 top1 60.552 "torchvision"
    variant shufflenet_v2_x1_0 = shufflenet_v2 expect params 2_278_604 macs 144_907_992 top1 69.362 "torchvision"
    variant shufflenet_v2_x1_5 = shufflenet_v2<176, 352, 704>
        expect params 3_503_624 macs 295_759_392 top1 72.996 "torchvision"
    variant shufflenet_v2_x2_0 = shufflenet_v2<244, 488, 976, 2048>
        expect params 7_393_996 macs 583_253_464 top1 76.230 "torchvision"
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvBnRelu(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(24)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)  # 112x112x24


class Depth(nn.Module):
    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(
            channels, channels, 3, stride, padding=1, groups=channels, bias=False
        )
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.dwconv(x))


class Point(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Branch(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.point1 = Point(in_channels, out_channels)
        self.depth = Depth(out_channels, stride)
        self.point2 = Point(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.point1(x)
        x = self.depth(x)
        return self.point2(x)


class Down(nn.Module):
    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.depth = Depth(in_channels, stride=2)
        self.point = Point(in_channels, width)
        self.branch = Branch(in_channels, width, stride=2)
        self.shuffle = nn.ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.depth(x)
        branch1 = self.point(branch1)
        branch2 = self.branch(x)
        x = torch.cat((branch1, branch2), dim=1)
        return self.shuffle(x)


class Unit(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = Branch(width, width)
        self.shuffle = nn.ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        past, through = x.chunk(2, dim=1)
        x = self.branch(through)
        x = torch.cat((past, x), dim=1)
        return self.shuffle(x)


class ShufflenetV2X1_0(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv_bn_relu = ConvBnRelu()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.group = nn.Sequential(
            nn.Sequential(Down(24, 58), *[Unit(58) for _ in range(3)]),
            nn.Sequential(Down(116, 116), *[Unit(116) for _ in range(7)]),
            nn.Sequential(Down(232, 232), *[Unit(232) for _ in range(3)]),
        )
        self.point = Point(464, 1024)
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_bn_relu(x)  # 112x112x24
        x = self.maxpool(x)  # 56x56x24
        x = self.group(x)  # 7x7x464
        x = self.point(x)  # 7x7x1024
        x = x.mean((2, 3))  # 1024
        return self.fc(x)  # 1000
