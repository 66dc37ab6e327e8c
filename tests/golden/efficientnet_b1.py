"""efficientnet (efficientnet_b1): Tan & Le, 2019.

Input: 240x240x3, a tensor (N, 3, 240, 240).
Output: 1000, a tensor (N, 1000).
7,794,184 trainable parameters.

Written by archdsl from:

    # EfficientNet: Tan & Le, "EfficientNet: rethinking model scaling for convolutional neural
    # networks", 2019, Table 1: B0, and B1 to B7 by a factor for the widths, rounded to multiples of 8,
    # one for the number of units, rounded up, and the size of the input. This is torchvision's: B2 has
    # 288x288 where the paper's code has 260, B0 to B4 PyTorch's batch norm where it has B5's, and the
    # padding is half the kernel, where TensorFlow's is at the end. Units are dropped in training, later
    # ones more.
    arch efficientnet<width=1, depth=1, size=224, drop=0.2, normal=bn, classes=1000> "Tan & Le, 2019"
    input [size, size, 3]
    default conv bias=false

    block slow_bn = bn eps=1e-3 momentum=0.01
    block unit<c, k=1, s=1, groups=1> = conv k/s c half groups=groups -> normal -> silu
    block gate<c> = mul<
        id
      | adaptive_avgpool 1 -> conv 1x1 c bias=true -> silu -> conv 1x1 (in.c) bias=true -> sigmoid>
    block body<t, k, c, s> {
        let inner = t * in.c
        (if t == 1 then id else unit<inner>) -> unit<inner, k, s, inner> -> gate<in.c//4> -> conv 1x1 c
        -> normal
    }
    block mbconv<t, k, c, s, i> = if s == 1 and in.c == c
        then residual<body<t, k, c, s> -> drop_path (0.2*i/total)>
        else body<t, k, c, s>
    block stage<t, k, c, n, s, i> = mbconv<t, k, c, s, i> -> mbconv<t, k, c, 1, i+1+j> x(j in n-1)

    let n1 = ceil(depth)
    let n2 = ceil(2*depth)
    let n3 = ceil(3*depth)
    let n4 = ceil(4*depth)
    let total = 2 * n1 + 2 * n2 + 2 * n3 + n4

    unit<round_to(32*width, 8), 3, 2>
    -> stage<t, k, round_to(c*width, 8), n, s, i> x((t, k, c, n, s, i) in [
        (1, 3, 16, n1, 1, 0),
        (6, 3, 24, n2, 2, n1),
        (6, 5, 40, n2, 2, n1+n2),
        (6, 3, 80, n3, 2, n1+2*n2),
        (6, 5, 112, n3, 1, n1+2*n2+n3),
        (6, 5, 192, n4, 2, n1+2*n2+2*n3),
        (6, 3, 320, n1, 1, total-n1)
    ])
    -> unit<4*round_to(320*width, 8)> -> gap -> dropout drop -> fc classes

    variant efficientnet_b0 = efficientnet expect params 5_288_548 macs 385_814_752 top1 77.692 "torchvision"
    variant efficientnet_b1 = efficientnet<1.0, 1.1, 240>
        expect params 7_794_184 macs 686_802_832 top1 78.642 "torchvision, IMAGENET1K_V1"
    variant efficientnet_b2 = efficientnet<1.1, 1.2, 288, 0.3>
        expect params 9_109_994 macs 1_087_529_456 top1 80.608 "torchvision"
    variant efficientnet_b3 = efficientnet<1.2, 1.4, 300, 0.3>
        expect params 12_233_232 macs 1_827_141_392 top1 82.008 "torchvision"
    variant efficientnet_b4 = efficientnet<1.4, 1.8, 380, 0.4>
        expect params 19_341_616 macs 4_393_771_024 top1 83.384 "torchvision"
    variant efficientnet_b5 = efficientnet<1.6, 2.2, 456, 0.4, slow_bn>
        expect params 30_389_784 macs 10_266_384_752 top1 83.444 "torchvision"
    variant efficientnet_b6 = efficientnet<1.8, 2.6, 528, 0.5, slow_bn>
        expect params 43_040_704 macs 19_067_593_536 top1 84.008 "torchvision"
    variant efficientnet_b7 = efficientnet<2.0, 3.1, 600, 0.5, slow_bn>
        expect params 66_347_960 macs 37_745_884_192 top1 84.122 "torchvision"
"""

from torch import Tensor, nn


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
        self.silu = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.silu(self.bn(self.conv(x)))


class Gate(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.adaptive_avgpool = nn.AdaptiveAvgPool2d(1)
        self.conv1 = nn.Conv2d(channels, width, 1)
        self.silu = nn.SiLU()
        self.conv2 = nn.Conv2d(width, channels, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = self.adaptive_avgpool(x)
        y = self.silu(self.conv1(y))
        y = self.sigmoid(self.conv2(y))
        return x * y


class Body(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.unit = Unit(in_channels, in_channels, 3, groups=in_channels)
        self.gate = Gate(in_channels, in_channels // 4)
        self.conv = nn.Conv2d(in_channels, 16, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.unit(x)
        x = self.gate(x)
        return self.bn(self.conv(x))


class Body2(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.unit1 = Unit(in_channels, 6 * in_channels, 1)
        self.unit2 = Unit(
            6 * in_channels,
            6 * in_channels,
            kernel_size,
            stride,
            groups=6 * in_channels,
        )
        self.gate = Gate(6 * in_channels, in_channels // 4)
        self.conv = nn.Conv2d(6 * in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.unit1(x)
        x = self.unit2(x)
        x = self.gate(x)
        return self.bn(self.conv(x))


class Mbconv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = Body(16)
        self.drop_path = DropPath(0.2 * 1 / 23)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop_path(self.body(x)) + x


class Mbconv2(nn.Module):
    def __init__(self, channels: int, kernel_size: int, p: float) -> None:
        super().__init__()
        self.body = Body2(channels, channels, kernel_size)
        self.drop_path = DropPath(p)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop_path(self.body(x)) + x


class Stage(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mbconv1 = Body(32)
        self.mbconv2 = nn.Sequential(Mbconv())

    def forward(self, x: Tensor) -> Tensor:
        x = self.mbconv1(x)  # 120x120x16
        return self.mbconv2(x)


class Stage2(nn.Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        count: int,
        first: int,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.mbconv1 = Body2(in_channels, out_channels, kernel_size, stride)
        self.mbconv2 = nn.Sequential(
            *[
                Mbconv2(out_channels, kernel_size, p=0.2 * (first + i) / 23)
                for i in range(count)
            ],
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.mbconv1(x)
        return self.mbconv2(x)


class EfficientnetB1(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unit1 = Unit(3, 32, 3, stride=2)
        self.stage = nn.Sequential(
            Stage(),
            Stage2(16, 24, 3, count=2, first=3, stride=2),
            Stage2(24, 40, 5, count=2, first=6, stride=2),
            Stage2(40, 80, 3, count=3, first=9, stride=2),
            Stage2(80, 112, 5, count=3, first=13),
            Stage2(112, 192, 5, count=4, first=17, stride=2),
            Stage2(192, 320, 3, count=1, first=22),
        )
        self.unit2 = Unit(320, 1280, 1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.unit1(x)  # 120x120x32
        x = self.stage(x)  # 8x8x320
        x = self.unit2(x)  # 8x8x1280
        x = self.dropout(x.mean((2, 3)))  # 1280
        return self.fc(x)  # 1000
