"""resnet_cifar (resnet20): He, Zhang, Ren & Sun, 2015.

Input: 32x32x3, a tensor (N, 3, 32, 32).
Output: 10, a tensor (N, 10).
269,722 trainable parameters.

Written by archdsl from:

    # Residual networks for CIFAR: He, Zhang, Ren & Sun, "Deep residual learning for image recognition", 2015, section
    # 4.2. 6n+2 layers; shortcuts that learn nothing: every second position, and zeros for the new channels (option A).
    # Many implementations project instead (option B), with 2,752 parameters more: the variants `…_projected`.
    arch resnet_cifar<n=3, shortcut=padded, classes=10> "He, Zhang, Ren & Sun, 2015"
    input 32x32x3

    block unit<w, s=1> = basic<w, s, shortcut=shortcut>
    block stage<w, s> = unit<w, s> -> unit<w> x(n-1)

    conv 3x3+1 16 bias=false -> bn -> relu
    -> stage<16, 1> -> stage<32, 2> -> stage<64, 2> -> gap -> fc classes

    variant resnet20 = resnet_cifar<3> expect params 0.27M depth 20 "the paper, Table 6"
    variant resnet32 = resnet_cifar<5> expect params 0.46M depth 32 "the paper, Table 6"
    variant resnet44 = resnet_cifar<7> expect params 0.66M depth 44 "the paper, Table 6"
    variant resnet56 = resnet_cifar<9> expect params 0.85M depth 56 "the paper, Table 6"
    variant resnet110 = resnet_cifar<18> expect params 1.7M depth 110 "the paper, Table 6"
    variant resnet1202 = resnet_cifar<200> expect params 19.4M depth 1202 "the paper, Table 6"
    variant resnet20_projected = resnet_cifar<3, project> expect params 272_474 half_ops 41.29M depth 20 "pytorchcv"
    variant resnet56_projected = resnet_cifar<9, project> expect params 855_770 half_ops 127.06M depth 56 "pytorchcv"
    variant resnet110_projected = resnet_cifar<18, project>
        expect params 1_730_714 half_ops 255.70M depth 110 "pytorchcv"
    variant resnet1202_projected = resnet_cifar<200, project>
        expect params 19_424_026 half_ops 2_857.17M depth 1202 "pytorchcv"
"""

import torch.nn.functional as F
from torch import Tensor, nn


class PadChannels(nn.Module):
    """Channels of zeros behind the others.

    `PadChannels(16)` takes (N, 16, 32, 32) to (N, 32, 32, 32). Sequences (N, L, C) and
    vectors (N, C) have their channels last.

    He et al., "Deep residual learning for image recognition", 2015: option A.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        positions = (0, 0) * (x.dim() - 2) if x.dim() > 3 else ()
        return F.pad(x, (*positions, 0, self.channels))

    def extra_repr(self) -> str:
        return f"{self.channels}"


class Padded(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.avgpool = nn.AvgPool2d(1, stride=2)
        self.pad_channels = PadChannels(in_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(x)
        return self.pad_channels(x)


class Basic(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            in_channels, out_channels, 3, stride, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.padded = (
            Padded(in_channels)
            if stride != 1 or in_channels != out_channels
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y.add_(self.padded(x)))


class Stage(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.unit1 = Basic(in_channels, out_channels, stride)
        self.unit2 = nn.Sequential(
            *[Basic(out_channels, out_channels) for _ in range(2)]
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.unit1(x)
        return self.unit2(x)


class Resnet20(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.stage1 = Stage(16, 16)
        self.stage2 = Stage(16, 32, stride=2)
        self.stage3 = Stage(32, 64, stride=2)
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn(self.conv(x)))  # 32x32x16
        x = self.stage1(x)
        x = self.stage2(x)  # 16x16x32
        x = self.stage3(x)  # 8x8x64
        x = x.mean((2, 3))  # 64
        return self.fc(x)  # 10
