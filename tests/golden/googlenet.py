"""googlenet: Szegedy et al., 2014.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
In training also: aux1 1000, aux2 1000.
13,378,280 trainable parameters.

Written by archdsl from:

    # GoogLeNet: Szegedy et al., "Going deeper with convolutions", 2014, Table 1, with both auxiliary heads. The
    # pools round up, as Caffe's do: 112 to 56, 56 to 28. torchvision's network has batch norm, no response
    # normalisation, 3x3 where the paper has 5x5, a 2x2 last pool, and heads on an adaptive 4x4 pool. Elgendy's 13
    # million parameters are those with both heads; CS231n's 5 million, "no FC layers", are 6,998,552 less the
    # classifier's 1,025,000, cut off.
    arch googlenet<
        unit=plain, five=5, normal=lrn, last=3, shrink=(avgpool 5/3), drop=0.4,
        classes=1000> "Szegedy et al., 2014"
    input 224x224x3

    block plain<k, w, s=1> = conv k/s w half -> relu
    block normed<k, w, s=1> = conv k/s w half bias=false -> bn eps=1e-3 -> relu
    block inception<n1, r3, n3, r5, n5, pp> = concat<
        unit<1, n1>
      | unit<1, r3> -> unit<3, n3>
      | unit<1, r5> -> unit<five, n5>
      | maxpool 3/1+1 -> unit<1, pp>>
    block head = shrink -> unit<1, 128> -> fc 1024 -> relu -> dropout 0.7 -> fc classes

    unit<7, 64, 2> -> maxpool 3/2 ceil -> normal
    -> unit<1, 64> -> unit<3, 192> -> normal -> maxpool 3/2 ceil          :: 28x28x192
    -> inception<64, 96, 128, 16, 32, 32> @i3a
    -> inception<128, 128, 192, 32, 96, 64> @i3b -> maxpool 3/2 ceil      :: 14x14x480
    -> inception<192, 96, 208, 16, 48, 64> @i4a
    -> inception<160, 112, 224, 24, 64, 64> @i4b
    -> inception<128, 128, 256, 24, 64, 64> @i4c
    -> inception<112, 144, 288, 32, 64, 64> @i4d
    -> inception<256, 160, 320, 32, 128, 128> @i4e -> maxpool last/2 ceil :: 7x7x832
    -> inception<256, 160, 320, 32, 128, 128> @i5a
    -> inception<384, 192, 384, 48, 128, 128> @i5b -> gap -> dropout drop -> fc classes

    output aux1 training = @i4a -> head
    output aux2 training = @i4d -> head

    expect params 6_998_552 top1 68.7 "Caffe's bvlc_googlenet"
    expect depth 22 "the paper, section 5" training_params 13M "Elgendy, 5.5"
    variant googlenet_torchvision = googlenet<normed, 3, id, 2, (adaptive_avgpool 4), 0.2>
        expect params 6_624_904 training_params 13_004_888 macs 1_498_376_192 top1 69.778 "torchvision"
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Plain(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x), inplace=True)


class Inception(nn.Module):
    def __init__(
        self, in_channels: int, n1: int, r3: int, n3: int, r5: int, n5: int, pp: int
    ) -> None:
        super().__init__()
        self.plain1 = Plain(in_channels, n1, 1)
        self.plain2 = Plain(in_channels, r3, 1)
        self.plain3 = Plain(r3, n3, 3)
        self.plain4 = Plain(in_channels, r5, 1)
        self.plain5 = Plain(r5, n5, 5)
        self.maxpool = nn.MaxPool2d(3, stride=1, padding=1)
        self.plain6 = Plain(in_channels, pp, 1)

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.plain1(x)
        branch2 = self.plain3(self.plain2(x))
        branch3 = self.plain5(self.plain4(x))
        branch4 = self.plain6(self.maxpool(x))
        return torch.cat((branch1, branch2, branch3, branch4), dim=1)


class Head(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.avgpool = nn.AvgPool2d(5, stride=3)
        self.plain = Plain(in_channels, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(x)
        x = self.plain(x)  # 4x4x128
        x = self.dropout(self.relu(self.fc1(x.flatten(1))))  # 1024
        return self.fc2(x)  # 1000


class GooglenetOutput(NamedTuple):
    output: Tensor
    aux1: Tensor
    aux2: Tensor


class Googlenet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.plain1 = Plain(3, 64, 7, stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.lrn = nn.LocalResponseNorm(5)
        self.plain2 = Plain(64, 64, 1)
        self.plain3 = Plain(64, 192, 3)
        self.i3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.i3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.i4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.i4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.i4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.i4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.i4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.i5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.i5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(1024, 1000)
        self.head1 = Head(512)
        self.head2 = Head(528)

    def forward(self, x: Tensor) -> GooglenetOutput | Tensor:
        x = self.plain1(x)  # 112x112x64
        x = self.lrn(self.maxpool(x))  # 56x56x64
        x = self.plain2(x)
        x = self.lrn(self.plain3(x))  # 56x56x192
        x = self.maxpool(x)  # 28x28x192
        x = self.i3a(x)  # 28x28x256
        x = self.i3b(x)  # 28x28x480
        x = self.maxpool(x)  # 14x14x480
        i4a = self.i4a(x)  # 14x14x512
        x = self.i4b(i4a)
        x = self.i4c(x)
        i4d = self.i4d(x)  # 14x14x528
        x = self.i4e(i4d)  # 14x14x832
        x = self.maxpool(x)  # 7x7x832
        x = self.i5a(x)
        x = self.i5b(x)  # 7x7x1024
        x = self.dropout(x.mean((2, 3)))  # 1024
        x = self.fc(x)  # 1000
        if not self.training:
            return x
        aux1 = self.head1(i4a)  # 1000
        aux2 = self.head2(i4d)  # 1000
        return GooglenetOutput(x, aux1, aux2)
