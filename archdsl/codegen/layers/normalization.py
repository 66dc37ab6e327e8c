"""Normalisations over the channels of images and volumes, where PyTorch normalises the
last axis.

In: (N, C, H, W) or (N, C, D, H, W). Out: the same size. Sequences and vectors have
their channels last already and take `nn.LayerNorm` and `nn.RMSNorm` as they are.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["ChannelLayerNorm", "ChannelRMSNorm"]


class ChannelLayerNorm(nn.LayerNorm):
    """Layer norm over the channels at each position of an image or a volume.

    `ChannelLayerNorm(96)` takes (N, 96, 56, 56): each of the 56*56 positions has its
    own mean and variance over 96 values.

    Liu et al., "A ConvNet for the 2020s", 2022.
    """

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


class ChannelRMSNorm(nn.RMSNorm):
    """RMS norm over the channels at each position of an image or a volume.

    `ChannelRMSNorm(96, eps=1e-6)` takes (N, 96, 56, 56).

    Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
