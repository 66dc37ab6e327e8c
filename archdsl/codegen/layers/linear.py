"""Layers over all features that PyTorch lacks: LeNet-5's distances to codes.

In: (N, features) or (N, L, features). Out: (N, codes) or (N, L, codes).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["EuclideanRBF"]


class EuclideanRBF(nn.Module):
    """Squared distances to codes, y_i = sum_j (x_j - w_ij)^2.

    `EuclideanRBF(84, 10)` takes (N, 84) to (N, 10), the smaller the nearer. The codes
    are random values of -1 and +1, kept fixed in a buffer, or with `trained` a
    parameter that begins there.

    LeCun et al., "Gradient-based learning applied to document recognition", 1998,
    section II.B.
    """

    def __init__(self, in_features: int, units: int, trained: bool = False) -> None:
        super().__init__()
        self.trained = trained
        codes = torch.empty(units, in_features)
        if trained:
            self.weight: Tensor = nn.Parameter(codes)
        else:
            self.register_buffer("weight", codes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.weight.bernoulli_(0.5).mul_(2).sub_(1)

    def forward(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(-2) - self.weight).square().sum(-1)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, trained={self.trained}"
