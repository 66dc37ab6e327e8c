"""vit (vit_b_16): Dosovitskiy et al., 2020.

Input: 224x224x3, a tensor (N, 3, 224, 224).
Output: 1000, a tensor (N, 1000).
86,567,656 trainable parameters.

Written by archdsl from:

    # Vision transformer: Dosovitskiy et al., "An image is worth 16x16 words: transformers for image
    # recognition at scale", 2020, Table 1: patches as a sequence, a class token before them, learned
    # positions, pre-norm encoders. The paper prints 86M, 307M and 632M parameters; its Huge model has
    # patches of 14. MACs include the products within attention, which PyTorch's counter leaves out
    # where the kernel is fused.
    arch vit<patch=16, dim=768, depth=12, heads=12, size=224, classes=1000> "Dosovitskiy et al., 2020"
    input [size, size, 3]
    default ln eps=1e-6

    block encoder = residual<ln -> attention heads> -> residual<ln -> fc (4*dim) -> gelu -> fc dim>
    let side = size // patch

    conv patch/patch dim -> reshape [side*side, dim] -> token -> position -> encoder x(depth) -> ln
    -> select 0 -> fc classes

    variant vit_b_16 = vit expect params 86_567_656 macs 17.564G top1 81.072 "torchvision, IMAGENET1K_V1"
    variant vit_b_32 = vit<32> expect params 88_224_232 macs 4.409G top1 75.912 "torchvision, IMAGENET1K_V1"
    variant vit_l_16 = vit<16, 1024, 24, 16> expect params 304_326_632 macs 61.555G top1 79.662 "torchvision, IMAGENET1K_V1"
    variant vit_l_32 = vit<32, 1024, 24, 16> expect params 306_535_400 macs 15.378G top1 76.972 "torchvision, IMAGENET1K_V1"
    variant vit_h_14 = vit<14, 1280, 32, 16>
        expect params 632_045_800 top1 85.708 "torchvision, SWAG_LINEAR"
"""

import torch
from torch import Tensor, nn


class PositionEmbedding(nn.Module):
    """A learned value for every channel of every position, added to the input.

    `PositionEmbedding(197, 768)` takes (N, 197, 768), `PositionEmbedding(96, 56, 56)`
    takes (N, 96, 56, 56). `sizes` is the size in PyTorch's order without the batch. The
    values start from a normal distribution with a deviation of 0.02.

    Devlin et al., "BERT", 2019; Dosovitskiy et al., "An Image is Worth 16x16 Words",
    2021.
    """

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, *sizes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.weight.shape[1:]))


class SelfAttention(nn.MultiheadAttention):
    """Multi-head attention of a sequence to itself.

    `SelfAttention(768, 12, batch_first=True)` takes (N, 197, 768) and keeps its size;
    the weights are those of `nn.MultiheadAttention`.

    Vaswani et al., "Attention Is All You Need", 2017.
    """

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, x, x, need_weights=False)[0]


class Token(nn.Module):
    """Learned positions before the first: `Token(768)` takes (N, 196, 768) to (N, 197,
    768).

    `count` is how many. They start from a normal distribution with a deviation of 0.02.

    Devlin et al., "BERT", 2019; Dosovitskiy et al., "An Image is Worth 16x16 Words",
    2021.
    """

    def __init__(self, channels: int, count: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, count, channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.weight.expand(x.shape[0], -1, -1), x), dim=1)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[2]}, count={self.weight.shape[1]}"


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(768, eps=1e-06)
        self.attention = SelfAttention(768, 12, batch_first=True)
        self.ln2 = nn.LayerNorm(768, eps=1e-06)
        self.fc1 = nn.Linear(768, 3072)
        self.gelu = nn.GELU()
        self.fc2 = nn.Linear(3072, 768)

    def forward(self, x: Tensor) -> Tensor:
        y = self.attention(self.ln1(x))
        x = y + x
        y = self.gelu(self.fc1(self.ln2(x)))  # 197x3072
        return self.fc2(y).add_(x)  # 197x768


class VitB16(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 768, 16, stride=16)
        self.token = Token(768)
        self.position = PositionEmbedding(197, 768)
        self.encoder = nn.Sequential(*[Encoder() for _ in range(12)])
        self.ln = nn.LayerNorm(768, eps=1e-06)
        self.fc = nn.Linear(768, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)  # 14x14x768
        x = x.flatten(2).mT  # 196x768
        x = self.token(x)  # 197x768
        x = self.position(x)
        x = self.ln(self.encoder(x))
        x = x[:, 0]  # 768
        return self.fc(x)  # 1000
