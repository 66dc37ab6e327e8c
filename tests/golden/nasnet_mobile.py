"""nasnet (nasnet_mobile): Zoph, Vasudevan, Shlens & Le, 2017.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
5,289,978 trainable parameters.

Written by archdsl from:

    # NASNet-A: Zoph, Vasudevan, Shlens & Le, "Learning transferable architectures for scalable image
    # recognition", 2017, Figure 4; N @ F names it by the cells of a stage and the filters in front of
    # the classifier. Cells see the two before them. As in the authors' code the padding is
    # TensorFlow's, a previous output of another size is halved twice, the second time moved by one,
    # each half through a 1x1 convolution of its own, the first reduction takes its previous input as it
    # is, and in the large network the cell behind a reduction skips the reduction's input. The
    # auxiliary head and the dropping of paths are left out, as in the implementations that print
    # parameters. timm's mean pools count the padding; TensorFlow's, pytorchcv's and these do not. The
    # authors' first CIFAR cell fits its previous input in each branch; this one does so once. pytorchcv
    # reaches TensorFlow's padding of even sizes by a row and a column more, which it cuts off behind
    # the layer, for the same outputs and more work: nasnet_mobile_wider, nasnet_large_wider.
    arch nasnet<
        n=4, filters=1056, start=halving<32>, size=224, skip=false, wider=false,
        classes=1000> "Zoph, Vasudevan, Shlens & Le, 2017"
    input [size, size, 3]
    default conv bias=false
    default bn eps=1e-3

    block fit<f> = relu -> conv 1x1 f -> bn
    block halve<f> = relu -> concat<
        avgpool 1/2 -> conv 1x1 (f//2)
      | pad [-1, 1, -1, 1] -> avgpool 1/2 -> conv 1x1 (f//2)> -> bn
    block grow<more> = if more then pad [1, 0, 1, 0] else id
    block cut<more> = if more then pad [-1, 0, -1, 0] else id
    block half<k, f, s, more=false> = relu -> grow<more>
        -> conv k/s (in.c) same groups=(in.c) -> conv 1x1 f -> cut<more> -> bn
    block sep<k, f, s=1, more=false> = half<k, f, s, more> -> half<k, f, 1>
    block mean3<s=1> = avgpool 3/s same
    block max3<more> = grow<more> -> maxpool 3/2 same -> cut<more>

    block normal<f>(h, p) {
        @p -> (if p.h == h.h then fit<f> else halve<f>) @y
        @h -> fit<f> @x
        concat<
            @y
          | add<@x -> sep<5, f> | @y -> sep<3, f>>
          | add<@y -> sep<5, f> | @y -> sep<3, f>>
          | add<@x -> mean3 | @y>
          | add<@y -> mean3 | @y -> mean3>
          | add<@x -> sep<3, f> | @x>> @out
        return @out, @h
    }
    block reduction<f, skip=false, raw=false>(h, p) {
        @p -> (if raw then id else if p.h == h.h then fit<f> else halve<f>) @y
        @h -> fit<f> @x
        let more = wider and h.h % 2 == 0
        add<@x -> sep<5, f, 2, more> | @y -> sep<7, f, 2, more>> @a
        add<@x -> max3<more> | @y -> sep<7, f, 2, more>> @b
        add<@x -> grow<more> -> mean3<2> -> cut<more> | @y -> sep<5, f, 2, more>> @c
        concat<@b | @c | add<@a -> mean3 | @b> | add<@a -> sep<3, f, 1, more> | @x -> max3<more>>> @out
        return @out, if skip then @p else @h
    }

    block halving<c> {
        conv 3x3/2 c -> bn @stem
        (@stem, @stem) -> reduction<f//4, raw=true> -> reduction<f//2>
    }
    block keeping<c> {
        conv 3x3 c half -> bn @stem
        (@stem, @stem)
    }
    let f = filters // 24

    start -> normal<f> x(n) -> reduction<2*f, skip> -> normal<2*f> x(n) -> reduction<4*f, skip>
    -> normal<4*f> x(n)
    -> first -> relu -> gap -> dropout 0.5 -> fc classes

    variant nasnet_mobile, nasnet_a_4_1056 = nasnet
        expect params 5_289_978 "pytorchcv" params 5.3M macs 564M top1 74.0 "the paper, Table 3"
    variant nasnet_large, nasnet_a_6_4032 = nasnet<6, 4032, halving<96>, 331, true>
        expect params 88_753_150 "pytorchcv" macs 23.8G top1 82.7 "the paper, Table 2"
    variant nasnet_cifar = nasnet<6, 768, keeping<96>, 32, classes=10> expect params 3.3M "the paper, Table 1"
    variant nasnet_mobile_wider = nasnet<wider=true> expect params 5_289_978 half_ops 584.90M top1 74.32 "pytorchcv"
    variant nasnet_large_wider = nasnet_large<wider=true>
        expect params 88_753_150 half_ops 23_976.44M top1 81.86 "pytorchcv"
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SameAvgPool(nn.Module):
    """The mean of each window, padded unevenly, where the padding does not count, as in
    TensorFlow and Keras.

    `SameAvgPool((3, 3), (2, 2), (0, 1, 0, 1))` takes (N, C, 224, 224) to (N, C, 112,
    112).

    - `kernel`, `stride`: one number for each spatial axis.
    - `sides`: the padding as `F.pad` takes it, last axis first.
    """

    def __init__(
        self, kernel: tuple[int, ...], stride: tuple[int, ...], sides: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.sides = kernel, stride, sides

    def forward(self, x: Tensor) -> Tensor:
        pool = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(self.kernel)]
        inside = F.pad(torch.ones_like(x[:1, :1]), self.sides)
        sums = pool(F.pad(x, self.sides), self.kernel, self.stride)
        return sums / pool(inside, self.kernel, self.stride)

    def extra_repr(self) -> str:
        return f"{self.kernel}, stride={self.stride}, sides={self.sides}"


class Fit(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(self.relu(x)))


class Half(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(
            in_channels,
            in_channels,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            groups=in_channels,
            bias=False,
        )
        self.conv2 = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(self.relu(x))
        return self.bn(self.conv2(x))


class Halve(nn.Module):
    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.avgpool = nn.AvgPool2d(1, stride=2)
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.conv2 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x)
        branch1 = self.avgpool(x)
        branch1 = self.conv1(branch1)
        branch2 = F.pad(x, (-1, 1, -1, 1))
        branch2 = self.avgpool(branch2)
        branch2 = self.conv2(branch2)
        return self.bn(torch.cat((branch1, branch2), dim=1))


class Half2(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(
            channels, channels, 5, stride=2, groups=channels, bias=False
        )
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(F.pad(self.relu(x), (1, 2, 1, 2)))
        return self.bn(self.conv2(x))


class Half3(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(
            channels, channels, 7, stride=2, groups=channels, bias=False
        )
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(F.pad(self.relu(x), (2, 3, 2, 3)))
        return self.bn(self.conv2(x))


class Sep(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.half1 = Half(in_channels, out_channels, kernel_size, stride)
        self.half2 = Half(out_channels, out_channels, kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        x = self.half1(x)
        return self.half2(x)


class Sep2(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.half1 = Half2(channels)
        self.half2 = Half(channels, channels, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.half1(x)
        return self.half2(x)


class Sep3(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.half1 = Half3(channels)
        self.half2 = Half(channels, channels, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.half1(x)
        return self.half2(x)


class Reduction(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.x = Fit(32, 11)
        self.sep1 = Sep(11, 11, 5, stride=2)
        self.sep2 = Sep(32, 11, 7, stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.sep3 = Sep(32, 11, 7, stride=2)
        self.mean31 = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        self.sep4 = Sep(32, 11, 5, stride=2)
        self.mean32 = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.sep5 = Sep(11, 11, 3)

    def forward(self, x: Tensor) -> Tensor:
        x_ = self.x(x)  # 111x111x11
        a = self.sep1(x_) + self.sep2(x)  # 56x56x11
        b = self.maxpool(x_) + self.sep3(x)  # 56x56x11
        c = self.mean31(x_) + self.sep4(x)  # 56x56x11
        branch3 = self.mean32(a) + b
        branch4 = self.sep5(a) + self.maxpool(x_)
        return torch.cat((b, c, branch3, branch4), dim=1)  # 56x56x44


class Reduction2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.y = Halve(32, 11)
        self.x = Fit(44, 22)
        self.sep1 = Sep2(22)
        self.sep2 = Sep3(22)
        self.maxpool = nn.MaxPool2d(3, stride=2)
        self.sep3 = Sep3(22)
        self.mean31 = SameAvgPool((3, 3), (2, 2), (0, 1, 0, 1))
        self.sep4 = Sep2(22)
        self.mean32 = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.sep5 = Sep(22, 22, 3)

    def forward(self, h: Tensor, p: Tensor) -> Tensor:
        y = self.y(p)  # 56x56x22
        x = self.x(h)  # 56x56x22
        a = self.sep1(x) + self.sep2(y)  # 28x28x22
        maxpool = self.maxpool(F.pad(x, (0, 1, 0, 1), value=float("-inf")))  # 28x28x22
        b = maxpool + self.sep3(y)
        c = self.mean31(x) + self.sep4(y)  # 28x28x22
        branch3 = self.mean32(a) + b
        branch1 = self.sep5(a)
        branch2 = self.maxpool(F.pad(x, (0, 1, 0, 1), value=float("-inf")))  # 28x28x22
        branch4 = branch1 + branch2
        return torch.cat((b, c, branch3, branch4), dim=1)  # 28x28x88


class Normal(nn.Module):
    def __init__(self, h_channels: int, p_channels: int, width: int) -> None:
        super().__init__()
        self.y = Halve(p_channels, width)
        self.x = Fit(h_channels, 2 * width)
        self.sep1 = Sep(2 * width, 2 * width, 5)
        self.sep2 = Sep(2 * width, 2 * width, 3)
        self.sep3 = Sep(2 * width, 2 * width, 5)
        self.sep4 = Sep(2 * width, 2 * width, 3)
        self.avgpool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.sep5 = Sep(2 * width, 2 * width, 3)

    def forward(self, h: Tensor, p: Tensor) -> Tensor:
        y = self.y(p)
        x = self.x(h)
        branch2 = self.sep1(x) + self.sep2(y)
        branch3 = self.sep3(y) + self.sep4(y)
        branch4 = self.avgpool(x) + y
        branch5 = self.avgpool(y) + self.avgpool(y)
        branch6 = self.sep5(x) + x
        return torch.cat((y, branch2, branch3, branch4, branch5, branch6), dim=1)


class Normal2(nn.Module):
    def __init__(self, p_channels: int, width: int) -> None:
        super().__init__()
        self.y = Fit(p_channels, width)
        self.x = Fit(6 * width, width)
        self.sep1 = Sep(width, width, 5)
        self.sep2 = Sep(width, width, 3)
        self.sep3 = Sep(width, width, 5)
        self.sep4 = Sep(width, width, 3)
        self.avgpool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.sep5 = Sep(width, width, 3)

    def forward(self, h: Tensor, p: Tensor) -> Tensor:
        y = self.y(p)
        x = self.x(h)
        branch2 = self.sep1(x) + self.sep2(y)
        branch3 = self.sep3(y) + self.sep4(y)
        branch4 = self.avgpool(x) + y
        branch5 = self.avgpool(y) + self.avgpool(y)
        branch6 = self.sep5(x) + x
        return torch.cat((y, branch2, branch3, branch4, branch5, branch6), dim=1)


class Reduction3(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.y = Fit(in_channels, in_channels // 3)
        self.x = Fit(in_channels, in_channels // 3)
        self.sep1 = Sep2(in_channels // 3)
        self.sep2 = Sep3(in_channels // 3)
        self.maxpool = nn.MaxPool2d(3, stride=2)
        self.sep3 = Sep3(in_channels // 3)
        self.mean31 = SameAvgPool((3, 3), (2, 2), (0, 1, 0, 1))
        self.sep4 = Sep2(in_channels // 3)
        self.mean32 = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.sep5 = Sep(in_channels // 3, in_channels // 3, 3)

    def forward(self, h: Tensor, p: Tensor) -> Tensor:
        y = self.y(p)
        x = self.x(h)
        a = self.sep1(x) + self.sep2(y)
        maxpool = self.maxpool(F.pad(x, (0, 1, 0, 1), value=float("-inf")))
        b = maxpool + self.sep3(y)
        c = self.mean31(x) + self.sep4(y)
        branch3 = self.mean32(a) + b
        branch1 = self.sep5(a)
        branch2 = self.maxpool(F.pad(x, (0, 1, 0, 1), value=float("-inf")))
        branch4 = branch1 + branch2
        return torch.cat((b, c, branch3, branch4), dim=1)


class Halving(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, stride=2, bias=False)
        self.stem = nn.BatchNorm2d(32, eps=0.001)
        self.reduction1 = Reduction()
        self.reduction2 = Reduction2()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        stem = self.stem(self.conv(x))  # 111x111x32
        y1 = self.reduction1(stem)  # 56x56x44
        y2 = self.reduction2(y1, stem)  # 28x28x88
        return y1, y2


class NasnetMobile(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.halving = Halving()
        self.normal1_0 = Normal(88, 44, 22)
        self.normal1_1 = Normal2(88, 44)
        self.normal1_2 = Normal2(264, 44)
        self.normal1_3 = Normal2(264, 44)
        self.reduction1 = Reduction3(264)
        self.normal2_0 = Normal(352, 264, 44)
        self.normal2_1 = Normal2(352, 88)
        self.normal2_2 = Normal2(528, 88)
        self.normal2_3 = Normal2(528, 88)
        self.reduction2 = Reduction3(528)
        self.normal3_0 = Normal(704, 528, 88)
        self.normal3_1 = Normal2(704, 176)
        self.normal3_2 = Normal2(1056, 176)
        self.normal3_3 = Normal2(1056, 176)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(1056, 1000)

    def forward(self, x: Tensor) -> Tensor:
        halving_1, halving_2 = self.halving(x)  # 56x56x44 and 28x28x88
        x = self.normal1_0(halving_2, halving_1)  # 28x28x264
        normal1_1 = self.normal1_1(x, halving_2)
        x = self.normal1_2(normal1_1, x)
        normal1_3 = self.normal1_3(x, normal1_1)
        x = self.reduction1(normal1_3, x)  # 14x14x352
        normal2_0 = self.normal2_0(x, normal1_3)  # 14x14x528
        x = self.normal2_1(normal2_0, x)
        normal2_2 = self.normal2_2(x, normal2_0)
        x = self.normal2_3(normal2_2, x)
        reduction2 = self.reduction2(x, normal2_2)  # 7x7x704
        x = self.normal3_0(reduction2, x)  # 7x7x1056
        normal3_1 = self.normal3_1(x, reduction2)
        normal3_2 = self.normal3_2(normal3_1, x)
        x = self.relu(self.normal3_3(normal3_2, normal3_1))
        x = self.dropout(x.mean((2, 3)))  # 1056
        return self.fc(x)  # 1000
