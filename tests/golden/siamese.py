"""siamese: Koch, Zemel & Salakhutdinov, 2015.

Input left: 105x105x1, a tensor (N, 1, 105, 105).
Input right: 105x105x1, a tensor (N, 1, 105, 105).
Output: 1, a tensor (N, 1).
38,951,745 trainable parameters.

Written by archdsl from:

    # A Siamese network: Koch, Zemel & Salakhutdinov, "Siamese neural networks for one-shot image
    # recognition", 2015, Figure 4: two letters of Omniglot go through one tower, the same weights for
    # both, and a weighted distance of the two vectors says whether they are the same letter.
    arch siamese "Koch, Zemel & Salakhutdinov, 2015"
    input left 105x105x1
    input right 105x105x1

    share tower = conv 10x10 64 -> relu -> maxpool 2 -> conv 7x7 128 -> relu -> maxpool 2
        -> conv 4x4 128 -> relu -> maxpool 2 -> conv 4x4 256 -> relu :: 6x6x256
        -> fc 4096 -> sigmoid

    sub<@left -> tower | @right -> tower> -> abs -> fc 1 -> sigmoid

    # 6_464 + 401_536 + 262_272 + 524_544 + 37_752_832 of the tower, once, and 4_097.
    expect params 38_951_745 depth 6 "the sum above"
"""

from torch import Tensor, nn


class Tower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 10)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(64, 128, 7)
        self.conv3 = nn.Conv2d(128, 128, 4)
        self.conv4 = nn.Conv2d(128, 256, 4)
        self.fc = nn.Linear(9216, 4096)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))  # 96x96x64
        x = self.maxpool(x)  # 48x48x64
        x = self.relu(self.conv2(x))  # 42x42x128
        x = self.maxpool(x)  # 21x21x128
        x = self.relu(self.conv3(x))  # 18x18x128
        x = self.maxpool(x)  # 9x9x128
        x = self.relu(self.conv4(x))  # 6x6x256
        return self.sigmoid(self.fc(x.flatten(1)))  # 4096


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tower = Tower()
        self.fc = nn.Linear(4096, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        x = (self.tower(left) - self.tower(right)).abs()  # 4096
        return self.sigmoid(self.fc(x))  # 1
