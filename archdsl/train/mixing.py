"""Parts of training images blanked or taken from others, after they are normalised.

In: images (N, C, H, W), those that come behind each in the batch, random numbers. Out: images, and how much of each is
its own. The loss of a mixed image is left to `archdsl.train.objective`.
"""

from __future__ import annotations

import torch

__all__ = ["blanked", "mixed", "pasted"]


def blanked(images: torch.Tensor, side: int, draws: torch.Tensor) -> torch.Tensor:
    """A square of 0, the mean, about a random place of each image; it may hang over the edge (DeVries & Taylor, 2017).

    Draws (n, 2).
    """
    inside = _boxes(images, draws, torch.full((len(images), 2), float(side)))
    return images.masked_fill(inside[:, None], 0.0)


def mixed(
    images: torch.Tensor, others: torch.Tensor, alpha: float, draws: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each image times a share plus the other times the rest, shares from Beta(alpha, alpha) (Zhang et al., 2018).

    Draws (n, 1). The shares are (n,).
    """
    shares = _beta(alpha, draws).to(images.device, non_blocking=True)
    return others + shares[:, None, None, None] * (images - others), shares


def pasted(
    images: torch.Tensor, others: torch.Tensor, alpha: float, draws: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """A box of the other image in each, its area one minus a share from Beta(alpha, alpha) (Yun et al., 2019).

    Draws (n, 3). The shares (n,) are what is left of the image, where the box hangs over the edge more.
    """
    height, width = images.shape[-2:]
    scale = (1 - _beta(alpha, draws[:, 2:])).sqrt()[:, None]
    inside = _boxes(images, draws[:, :2], (scale * torch.tensor([height, width])).floor())
    shares = 1 - inside.float().mean((1, 2))
    return torch.where(inside[:, None], others, images), shares


def _beta(alpha: float, draws: torch.Tensor) -> torch.Tensor:
    """Uniform numbers (n, 1) as numbers (n,) of Beta(alpha, alpha)."""
    from scipy.special import betaincinv

    found: torch.Tensor = torch.from_numpy(betaincinv(alpha, alpha, draws[:, 0].double().numpy())).float()
    return found


def _boxes(images: torch.Tensor, centres: torch.Tensor, sides: torch.Tensor) -> torch.Tensor:
    """Which pixels (n, H, W) lie in a box of `sides` (n, 2) about a pixel that `centres` (n, 2) chooses."""
    height, width = images.shape[-2:]
    size = torch.tensor([height, width])
    first = ((centres * size).floor() - (sides / 2).floor()).to(images.device, non_blocking=True)
    last = first + sides.to(images.device, non_blocking=True)
    rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    within_rows = (rows >= first[:, :1]) & (rows < last[:, :1])
    within_columns = (columns >= first[:, 1:]) & (columns < last[:, 1:])
    return within_rows[:, :, None] & within_columns[:, None, :]
