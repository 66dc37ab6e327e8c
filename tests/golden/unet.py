"""unet: Ronneberger, Fischer & Brox, 2015.

Input: 572x572x1, a tensor (N, 1, 572, 572).
Output: 388x388x2, a tensor (N, 2, 388, 388).
31,030,658 trainable parameters.

Written by archdsl from:

    # U-Net: Ronneberger, Fischer & Brox, "U-Net: convolutional networks for biomedical image
    # segmentation", 2015, Figure 1. A level is two convolutions, all that lies below them at half the
    # size, and two convolutions over both. Without padding 572x572 comes out as 388x388, and the skips
    # lose their borders; most implementations pad, as unet_32 does, the U-Net that UNet++ is measured
    # against.
    arch unet<base=64, unit=valid, size=572, channels=1, classes=2> "Ronneberger, Fischer & Brox, 2015"
    input [size, size, channels]

    block valid<c> = (conv 3x3 c -> relu) x2
    block padded<c> = (conv 3x3+1 c -> relu) x2
    block level<c, n> = unit<c> -> if n == 0 then id else below<c, n>
    block below<c, n> {
        maxpool 2 -> level<2*c, n-1> -> deconv 2/2 c @up
        (@in, @up) -> join -> unit<c>
    }
    block join(skip, up) = concat<@skip -> crop [up.h, up.w] | @up>

    level<base, 4> -> conv 1x1 classes

    expect depth 23 "the paper, section 2: 23 convolutional layers"
    variant unet_32 = unet<32, padded, 96, 3, 1> expect params 7.76M depth 23 "Zhou et al., UNet++, 2018"
"""

import torch
from torch import Tensor, nn


class Crop(nn.Module):
    """The middle of each image, `Crop(56)` takes (N, 512, 64, 64) to (N, 512, 56, 56).

    `size` is a number for each spatial axis, or one for all. Where an odd number of
    positions goes, the one more goes at the end.
    """

    def __init__(self, size: int | tuple[int, ...]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        for axis in range(2, x.dim()):
            kept = self.size if isinstance(self.size, int) else self.size[axis - 2]
            x = x.narrow(axis, (x.shape[axis] - kept) // 2, kept)
        return x

    def extra_repr(self) -> str:
        return f"{self.size}"


class Valid(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        return self.relu(self.conv2(x))


class Join(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.crop = Crop(size)

    def forward(self, skip: Tensor, up: Tensor) -> Tensor:
        x = self.crop(skip)
        return torch.cat((x, up), dim=1)


class Below4(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maxpool = nn.MaxPool2d(2)
        self.level = Valid(512, 1024)
        self.up = nn.ConvTranspose2d(1024, 512, 2, stride=2)
        self.join = Join(size=56)
        self.valid = Valid(1024, 512)

    def forward(self, x: Tensor) -> Tensor:
        y = self.maxpool(x)  # 32x32x512
        y = self.level(y)  # 28x28x1024
        y = self.up(y)  # 56x56x512
        x = self.join(x, y)  # 56x56x1024
        return self.valid(x)  # 52x52x512


class Level4(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.valid = Valid(256, 512)
        self.below = Below4()

    def forward(self, x: Tensor) -> Tensor:
        x = self.valid(x)  # 64x64x512
        return self.below(x)  # 52x52x512


class Below3(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maxpool = nn.MaxPool2d(2)
        self.level = Level4()
        self.up = nn.ConvTranspose2d(512, 256, 2, stride=2)
        self.join = Join(size=104)
        self.valid = Valid(512, 256)

    def forward(self, x: Tensor) -> Tensor:
        y = self.maxpool(x)  # 68x68x256
        y = self.level(y)  # 52x52x512
        y = self.up(y)  # 104x104x256
        x = self.join(x, y)  # 104x104x512
        return self.valid(x)  # 100x100x256


class Level3(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.valid = Valid(128, 256)
        self.below = Below3()

    def forward(self, x: Tensor) -> Tensor:
        x = self.valid(x)  # 136x136x256
        return self.below(x)  # 100x100x256


class Below2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maxpool = nn.MaxPool2d(2)
        self.level = Level3()
        self.up = nn.ConvTranspose2d(256, 128, 2, stride=2)
        self.join = Join(size=200)
        self.valid = Valid(256, 128)

    def forward(self, x: Tensor) -> Tensor:
        y = self.maxpool(x)  # 140x140x128
        y = self.level(y)  # 100x100x256
        y = self.up(y)  # 200x200x128
        x = self.join(x, y)  # 200x200x256
        return self.valid(x)  # 196x196x128


class Level2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.valid = Valid(64, 128)
        self.below = Below2()

    def forward(self, x: Tensor) -> Tensor:
        x = self.valid(x)  # 280x280x128
        return self.below(x)  # 196x196x128


class Below(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maxpool = nn.MaxPool2d(2)
        self.level = Level2()
        self.up = nn.ConvTranspose2d(128, 64, 2, stride=2)
        self.join = Join(size=392)
        self.valid = Valid(128, 64)

    def forward(self, x: Tensor) -> Tensor:
        y = self.maxpool(x)  # 284x284x64
        y = self.level(y)  # 196x196x128
        y = self.up(y)  # 392x392x64
        x = self.join(x, y)  # 392x392x128
        return self.valid(x)  # 388x388x64


class Level(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.valid = Valid(1, 64)
        self.below = Below()

    def forward(self, x: Tensor) -> Tensor:
        x = self.valid(x)  # 568x568x64
        return self.below(x)  # 388x388x64


class Unet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.level = Level()
        self.conv = nn.Conv2d(64, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.level(x)  # 388x388x64
        return self.conv(x)  # 388x388x2
