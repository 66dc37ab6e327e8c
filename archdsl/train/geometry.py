"""Images cut, mirrored, turned: where the pixels of a training image come from.

In: images (N, C, H, W) of 0 to 1, random numbers. Out: images. Colours are left to `archdsl.train.colour`.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_values import Crop
from archdsl.train.cutting import random_windows

__all__ = ["alternating", "cropped", "flipped", "resized", "turned"]


def cropped(images: torch.Tensor, crop: Crop, draws: torch.Tensor, *, reflect: bool = False) -> torch.Tensor:
    """A window of each padded image at a place of its own; draws (n, 2).

    What is around the image is zero, or with `reflect` the image mirrored at its border.
    """
    height, width = crop.size
    padded = functional.pad(images, (crop.padding,) * 4, "reflect" if reflect else "constant")
    room = torch.tensor([padded.shape[-2] - height + 1, padded.shape[-1] - width + 1])
    places = (draws * room).long().to(images.device, non_blocking=True)
    rows = (places[:, 0, None] + torch.arange(height, device=images.device))[:, :, None]
    columns = (places[:, 1, None] + torch.arange(width, device=images.device))[:, None, :]
    every = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[every, :, rows, columns].movedim(-1, 1).contiguous()


def resized(images: torch.Tensor, side: int, draws: torch.Tensor) -> torch.Tensor:
    """A random window of each image, scaled to side x side; draws (n, 4)."""
    height, width = images.shape[-2:]
    top, left, high, wide = random_windows((height, width), draws).unbind(1)
    nothing = torch.zeros_like(top)
    # From -1 to 1 over the output to the window's part of -1 to 1 over the image.
    across = torch.stack([wide / width, nothing, (2 * left + wide) / width - 1], dim=1)
    down = torch.stack([nothing, high / height, (2 * top + high) / height - 1], dim=1)
    return _sampled(images, torch.stack([across, down], dim=1), (side, side), "border")


def flipped(images: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Mirrored left to right where the number is below a half; draws (n, 1)."""
    mirrored = (draws[:, 0] < 0.5).to(images.device, non_blocking=True)
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def alternating(images: torch.Tensor, draws: torch.Tensor, epoch: int) -> torch.Tensor:
    """Mirrored in every other epoch: where the number is below a half in even epochs, else in odd ones; draws (n, 1).

    The draws are to be those of the first epoch. Two epochs see both sides of every image, which a flip at random does
    for half of them (Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024).
    """
    return flipped(images, draws if epoch % 2 == 0 else 1 - draws)


def turned(images: torch.Tensor, most: float, draws: torch.Tensor) -> torch.Tensor:
    """Turned about the middle by up to `most` degrees either way, zeros in the corners; draws (n, 1)."""
    height, width = images.shape[-2:]
    angles = (2 * draws[:, 0] - 1) * math.radians(most)
    cos, sin, nothing = angles.cos(), angles.sin(), torch.zeros_like(angles)
    across = torch.stack([cos, -sin * height / width, nothing], dim=1)
    down = torch.stack([sin * width / height, cos, nothing], dim=1)
    return _sampled(images, torch.stack([across, down], dim=1), (height, width), "zeros")


def _sampled(images: torch.Tensor, maps: torch.Tensor, size: tuple[int, int], outside: str) -> torch.Tensor:
    """Images read at other places, (n, 2, 3) affine maps of -1 to 1, between the pixels as weighted by distance."""
    shape = [len(images), images.shape[1], *size]
    grid = functional.affine_grid(maps.to(images.device, non_blocking=True), shape, align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode=outside, align_corners=False)
