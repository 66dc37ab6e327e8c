"""gpt2 (gpt2_small): Radford et al., 2019.

Input: 1024, a tensor (N, 1024).
Output: 1024x50257, a tensor (N, 1024, 50257).
124,439,808 trainable parameters.

Written by archdsl from:

    # GPT-2: Radford, Wu, Child, Luan, Amodei & Sutskever, "Language models are unsupervised multitask learners",
    # 2019, section 2.3: decoders with the norm before each part and one behind the last, 50257 ids, 1024
    # positions. The head is the embedding, read the other way: one matrix, used twice. Table 2 prints 117M, 345M,
    # 762M and 1542M parameters, which the authors corrected: the weights that they published hold 124M, 355M,
    # 774M and 1558M. The products of the head are among the MACs.
    arch gpt2<dim=768, depth=12, heads=12, drop=0.1, vocab=50257, context=1024> "Radford et al., 2019"
    input [context]
    share words = embed vocab dim

    block decoder = residual<ln -> attention heads causal dropout=drop -> dropout drop>
        -> residual<ln -> fc (4*dim) -> gelu approximate=tanh -> fc dim -> dropout drop>

    words -> position -> dropout drop -> decoder x(depth) -> ln -> words

    variant gpt2_small = gpt2 expect params 124_439_808 "KerasHub"
    variant gpt2_medium = gpt2<1024, 24, 16> expect params 354_823_168 "KerasHub"
    variant gpt2_large = gpt2<1280, 36, 20> expect params 774_030_080 "KerasHub"
    variant gpt2_xl = gpt2<1600, 48, 25> expect params 1_557_611_200 "KerasHub"
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CausalAttention(nn.MultiheadAttention):
    """Multi-head attention of each position of a sequence to itself and those before.

    `CausalAttention(768, 12)` takes (N, 1024, 768) and keeps its size; the weights are
    those of `nn.MultiheadAttention`.

    Vaswani et al., "Attention Is All You Need", 2017; Radford et al., "Language Models
    are Unsupervised Multitask Learners", 2019.
    """

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        qkv = qkv.view(*x.shape[:2], 3, self.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        x = F.scaled_dot_product_attention(
            query, key, value, dropout_p=dropout, is_causal=True
        ).transpose(1, 2)
        return F.linear(x.flatten(2), self.out_proj.weight, self.out_proj.bias)


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


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(768)
        self.attention = CausalAttention(768, 12, dropout=0.1)
        self.dropout = nn.Dropout(0.1)
        self.ln2 = nn.LayerNorm(768)
        self.fc1 = nn.Linear(768, 3072)
        self.gelu = nn.GELU(approximate="tanh")
        self.fc2 = nn.Linear(3072, 768)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(self.attention(self.ln1(x)))
        x = y + x
        y = self.gelu(self.fc1(self.ln2(x)))  # 1024x3072
        return self.dropout(self.fc2(y)) + x  # 1024x768


class Gpt2Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words1_embed = nn.Embedding(50257, 768)
        self.position = PositionEmbedding(1024, 768)
        self.dropout = nn.Dropout(0.1)
        self.decoder = nn.Sequential(*[Decoder() for _ in range(12)])
        self.ln = nn.LayerNorm(768)

    def forward(self, x: Tensor) -> Tensor:
        x = self.words1_embed(x)  # 1024x768
        x = self.dropout(self.position(x))
        x = self.ln(self.decoder(x))
        return F.linear(x, self.words1_embed.weight)  # 1024x50257
