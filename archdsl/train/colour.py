"""Colours of training images changed at random.

In: images (N, C, H, W) of 0 to 1, random numbers. Out: images. Where pixels come from is left to
`archdsl.train.geometry`.
"""

from __future__ import annotations

from typing import Final

import torch

__all__ = ["jittered", "lit"]

_GREY: Final = (0.299, 0.587, 0.114)
"""Luma of red, green and blue, ITU-R BT.601."""
_HALF_A_STEP: Final = 2**-25
"""Keeps a number of 0 from being infinitely far from the mean."""


def jittered(images: torch.Tensor, most: float, draws: torch.Tensor) -> torch.Tensor:
    """Brightness, contrast and saturation times 1 - most to 1 + most each, in that order; draws (n, 3).

    Contrast is the distance from the mean of the grey image, saturation that from the grey image itself.
    """
    factors = (1 + most * (2 * draws - 1)).to(images.device, non_blocking=True)
    brightness, contrast, saturation = factors.T[:, :, None, None, None]
    images = (images * brightness).clamp(0, 1)
    middle = _grey(images).mean((1, 2, 3), keepdim=True)
    images = (middle + contrast * (images - middle)).clamp(0, 1)
    grey = _grey(images)
    found: torch.Tensor = (grey + saturation * (images - grey)).clamp(0, 1)
    return found


def _grey(images: torch.Tensor) -> torch.Tensor:
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    grey = torch.tensor(_GREY).to(images.device, non_blocking=True)
    return (images * grey[:, None, None]).sum(1, keepdim=True)


def lit(images: torch.Tensor, strength: float, components: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Colours moved along the principal components of the training set's (Krizhevsky et al., 2012); draws (n, 3).

    `components` (3, 3) has an eigenvector of the covariance of red, green and blue in each column, times its
    eigenvalue; each is added by a normal number of standard deviation `strength`.
    """
    normal: torch.Tensor = torch.special.ndtri(draws.double() + _HALF_A_STEP).float() * strength
    moves = (normal @ components.T).to(images.device, non_blocking=True)
    return images + moves[:, :, None, None]
