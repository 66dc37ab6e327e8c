"""Random changes to a batch of training images, wherever the batch lies.

In: images (N, C, H, W), what the recipe says, a generator. Out: images of the same size. What is done to test images
alike (padding, normalisation) is left to `archdsl.train.data`.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_settings import Augment
from archdsl.elaborate.recipe_values import Crop

__all__ = ["augmented"]


def augmented(images: torch.Tensor, augment: Augment | None, generator: torch.Generator) -> torch.Tensor:
    """A batch (N, C, H, W) changed at random; `generator` is on the CPU, so that devices see the same changes."""
    if augment is None:
        return images
    if augment.crop is not None:
        images = _crop(images, augment.crop, generator)
    if augment.flip:
        images = _flip(images, generator)
    return images


def _crop(images: torch.Tensor, crop: Crop, generator: torch.Generator) -> torch.Tensor:
    """A window of each padded image at a place of its own."""
    if crop.padding == 0:
        return images
    count, _, height, width = images.shape
    places = torch.randint(0, 2 * crop.padding + 1, (2, count), generator=generator).to(images.device)
    padded = functional.pad(images, (crop.padding,) * 4)
    rows = (places[0, :, None] + torch.arange(height, device=images.device))[:, :, None]
    columns = (places[1, :, None] + torch.arange(width, device=images.device))[:, None, :]
    every = torch.arange(count, device=images.device)[:, None, None]
    return padded[every, :, rows, columns].movedim(-1, 1).contiguous()


def _flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    mirrored = torch.rand(len(images), generator=generator).to(images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)
