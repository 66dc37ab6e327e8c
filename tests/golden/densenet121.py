"""densenet (densenet121): Huang, Liu, van der Maaten & Weinberger, 2016.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
7,978,856 trainable parameters.

Written by archdsl from:

    # DenseNet: Huang, Liu, van der Maaten & Weinberger, "Densely connected convolutional networks", 2016, Table 1: each
    # layer sees all before it and adds k channels; a transition halves channels and size.
    arch densenet<layers, k=32, classes=1000> "Huang, Liu, van der Maaten & Weinberger, 2016"
    input 224x224x3
    default conv bias=false

    block transition = bn -> relu -> conv 1x1 (in.c//2) -> avgpool 2

    conv 7x7/2+3 (2*k) -> bn -> relu -> maxpool 3/2+1 -> (dense<layers[i], k> -> transition) x(i in 3)
    -> dense<layers[3], k> -> bn -> relu -> gap -> fc classes

    variant densenet121 = densenet<[6, 12, 24, 16]>
        expect params 7_978_856 macs 2_834_161_664 depth 121 top1 74.434 "torchvision" half_ops 2_872.13M "pytorchcv"
    variant densenet161 = densenet<[6, 12, 36, 24], 48>
        expect params 28_681_000 macs 7_727_907_072 depth 161 top1 77.138 "torchvision"
    variant densenet169 = densenet<[6, 12, 32, 32]>
        expect params 14_149_480 macs 3_359_843_328 depth 169 top1 75.600 "torchvision"
    variant densenet201 = densenet<[6, 12, 48, 32]>
        expect params 20_013_928 macs 4_291_365_888 depth 201 top1 76.896 "torchvision" half_ops 4_347.15M "pytorchcv"
    # The paper calls it 264; its Table 1 has 2*(6 + 12 + 64 + 48) + 3 + 2 = 265 weight layers.
    variant densenet264 = densenet<[6, 12, 64, 48]> expect depth 265 "by hand, above"
"""

import torch
from torch import Tensor, nn


class DenseLayer(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, 128, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(128)
        self.conv2 = nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.relu(self.bn1(x)))
        y = self.conv2(self.relu(self.bn2(y)))
        return torch.cat((x, y), dim=1)


class Transition(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(in_channels, in_channels // 2, 1, bias=False)
        self.avgpool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.relu(self.bn(x)))
        return self.avgpool(x)


class Densenet121(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.group = nn.Sequential(
            nn.Sequential(
                *[DenseLayer(64 + 32 * i) for i in range(6)], Transition(256)
            ),
            nn.Sequential(
                *[DenseLayer(128 + 32 * i) for i in range(12)], Transition(512)
            ),
            nn.Sequential(
                *[DenseLayer(256 + 32 * i) for i in range(24)], Transition(1024)
            ),
        )
        self.dense = nn.Sequential(*[DenseLayer(512 + 32 * i) for i in range(16)])
        self.bn2 = nn.BatchNorm2d(1024)
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv(x)))  # 112x112x64
        x = self.maxpool(x)  # 56x56x64
        x = self.group(x)  # 7x7x512
        x = self.relu(self.bn2(self.dense(x)))  # 7x7x1024
        x = x.mean((2, 3))  # 1024
        return self.fc(x)  # 1000
