"""resnet (resnet50): He, Zhang, Ren & Sun, 2015.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
25,557,032 trainable parameters.

Written by archdsl from:

    # Residual networks: He, Zhang, Ren & Sun, "Deep residual learning for image recognition", 2015, Table 1.
    # The paper halves the size in the first 1x1 of a bottleneck; the implementations in use do it in the 3x3 ("v1.5"), at
    # 4.09 instead of 3.86 GMACs for 50 layers, with the same parameters. This file follows them.
    arch resnet<layers=[3, 4, 6, 3], unit=bottleneck, classes=1000> "He, Zhang, Ren & Sun, 2015"
    input 224x224x3
    default conv bias=false

    block basic<w, s=1> = residual<
        conv 3x3/s+1 w -> bn -> relu -> conv 3x3+1 w -> bn
      | project<w, s>> -> relu
    block bottleneck<w, s=1> = residual<
        conv 1x1 w -> bn -> relu -> conv 3x3/s+1 w -> bn -> relu -> conv 1x1 (4*w) -> bn
      | project<4*w, s>> -> relu
    block project<c, s> = if s != 1 or in.c != c then conv 1x1/s c -> bn else id
    block stage<n, w, s> = unit<w, s> -> unit<w> x(n-1)

    conv 7x7/2+3 64 -> bn -> relu -> maxpool 3/2+1
    -> stage<layers[0], 64, 1> -> stage<layers[1], 128, 2>
    -> stage<layers[2], 256, 2> -> stage<layers[3], 512, 2> -> gap -> fc classes

    variant resnet18 = resnet<[2, 2, 2, 2], basic>
        expect params 11_689_512 macs 1_814_073_344 depth 18 top1 69.758 "torchvision" half_ops 1_820.41M "pytorchcv"
    variant resnet34 = resnet<[3, 4, 6, 3], basic>
        expect params 21_797_672 macs 3_663_761_408 depth 34 top1 73.314 "torchvision"
    variant resnet50 = resnet<[3, 4, 6, 3]>
        expect params 25_557_032 macs 4_089_184_256 depth 50 top1 76.130 "torchvision, V1" half_ops 4_110.48M "pytorchcv"
    variant resnet101 = resnet<[3, 4, 23, 3]>
        expect params 44_549_160 macs 7_801_405_440 depth 101 top1 77.374 "torchvision, V1"
    variant resnet152 = resnet<[3, 8, 36, 3]>
        expect params 60_192_808 macs 11_513_626_624 depth 152 top1 78.312 "torchvision, V1"
"""

from torch import Tensor, nn


class Project(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Bottleneck(nn.Module):
    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.project = (
            Project(in_channels, 4 * width, stride)
            if stride != 1 or in_channels != 4 * width
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y.add_(self.project(x)))


class Stage(nn.Module):
    def __init__(
        self, in_channels: int, width: int, count: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.bottleneck1 = Bottleneck(in_channels, width, stride)
        self.bottleneck2 = nn.Sequential(
            *[Bottleneck(4 * width, width) for _ in range(count)]
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.bottleneck1(x)
        return self.bottleneck2(x)


class Resnet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage1 = Stage(64, 64, count=2)
        self.stage2 = Stage(256, 128, count=3, stride=2)
        self.stage3 = Stage(512, 256, count=5, stride=2)
        self.stage4 = Stage(1024, 512, count=2, stride=2)
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn(self.conv(x)))  # 112x112x64
        x = self.maxpool(x)  # 56x56x64
        x = self.stage1(x)  # 56x56x256
        x = self.stage2(x)  # 28x28x512
        x = self.stage3(x)  # 14x14x1024
        x = self.stage4(x)  # 7x7x2048
        x = x.mean((2, 3))  # 2048
        return self.fc(x)  # 1000
