"""lenet5: LeCun, Bottou, Bengio & Haffner, 1998.

Input: 32x32x1, a tensor (N, 1, 32, 32).
Output: 10, a tensor (N, 10).
61,706 trainable parameters.

Written by archdsl from:

    # LeNet-5 as it is built today: full connections in C3, plain average pools, a linear output. LeCun,
    # Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE,
    # 1998. The paper's own has trained subsampling, a connection table in C3 and radial basis functions
    # at the end: 60,000 trainable parameters.
    arch lenet5<classes=10> "LeCun, Bottou, Bengio & Haffner, 1998"
    input 32x32x1

    conv 5x5 6 -> tanh -> avgpool 2     :: 14x14x6
    -> conv 5x5 16 -> tanh -> avgpool 2 :: 5x5x16
    -> conv 5x5 120 -> tanh             :: 1x1x120
    -> fc 84 -> tanh -> fc classes

    expect params 61_706 depth 5 "Elgendy, Deep Learning for Vision Systems, 5.2"

    train {
        data digits
        augment crop=32+2
        batch 32 epochs 15
        optimizer sgd lr=0.05 momentum=0.9 nesterov
        schedule cosine
        loss cross_entropy
    }
"""

from torch import Tensor, nn


class Lenet5(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.tanh = nn.Tanh()
        self.avgpool = nn.AvgPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.conv3 = nn.Conv2d(16, 120, 5)
        self.fc1 = nn.Linear(120, 84)
        self.fc2 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.tanh(self.conv1(x))  # 28x28x6
        x = self.avgpool(x)  # 14x14x6
        x = self.tanh(self.conv2(x))  # 10x10x16
        x = self.avgpool(x)  # 5x5x16
        x = self.tanh(self.conv3(x))  # 1x1x120
        x = self.tanh(self.fc1(x.flatten(1)))  # 84
        return self.fc2(x)  # 10
