"""Learned tensors of transformers: tokens, position embeddings, gains; and attention of
a sequence to itself.

In: sequences as (N, L, C), images as (N, C, H, W). Out: the same, or a longer sequence.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["CausalAttention", "PositionEmbedding", "Scale", "SelfAttention", "Token"]


class SelfAttention(nn.MultiheadAttention):
    """Multi-head attention of a sequence to itself.

    `SelfAttention(768, 12, batch_first=True)` takes (N, 197, 768) and keeps its size;
    the weights are those of `nn.MultiheadAttention`.

    Vaswani et al., "Attention Is All You Need", 2017.
    """

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, x, x, need_weights=False)[0]


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


class Scale(nn.Module):
    """A learned gain for each channel, or one for all with `channels=1`.

    `Scale(96, init=1e-6, positions=2)` takes (N, 96, 56, 56): `positions` counts the
    axes behind the channels. Sequences (N, L, C) and vectors (N, C) have none.

    Touvron et al., "Going deeper with Image Transformers", 2021: LayerScale.
    """

    def __init__(self, channels: int, init: float = 1.0, positions: int = 0) -> None:
        super().__init__()
        self.init = init
        self.positions = positions
        self.weight = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.constant_(self.weight, self.init)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.view(-1, *[1] * self.positions)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, init={self.init}, positions={self.positions}"
