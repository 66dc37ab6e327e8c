"""Random changes to a batch of training images, wherever the batch lies.

In: images (N, C, H, W) as floats of 0 to 1, which examples they are, what the recipe says. Out: images of the size that
the network takes. Every random number is a function of (seed, epoch, example). What is done to test images alike
(padding, normalisation) is left to `archdsl.train.dataset`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_settings import Augment
from archdsl.elaborate.recipe_values import Crop
from archdsl.train.randomness import seed_of, uniforms

__all__ = ["Draws", "augmented"]


@dataclass(frozen=True)
class Draws:
    """The random numbers of some examples in one epoch."""

    seed: int
    epoch: int
    indices: torch.Tensor

    def __call__(self, what: str, columns: int = 1) -> torch.Tensor:
        """Numbers (n, columns) from 0 to below 1 for one purpose, on the CPU, so that devices see the same changes."""
        return uniforms(seed_of(what, self.seed, self.epoch), self.indices, columns)


def augmented(images: torch.Tensor, augment: Augment | None, draws: Draws) -> torch.Tensor:
    """A batch changed at random, before it is normalised."""
    if augment is None:
        return images
    if augment.crop is not None:
        images = _crop(images, augment.crop, draws)
    if augment.flip:
        images = _flip(images, draws)
    return images


def _crop(images: torch.Tensor, crop: Crop, draws: Draws) -> torch.Tensor:
    """A window of each padded image at a place of its own."""
    height, width = crop.size
    padded = functional.pad(images, (crop.padding,) * 4)
    room = torch.tensor([padded.shape[-2] - height + 1, padded.shape[-1] - width + 1])
    places = (draws("crop", 2) * room).long().to(images.device)
    rows = (places[:, 0, None] + torch.arange(height, device=images.device))[:, :, None]
    columns = (places[:, 1, None] + torch.arange(width, device=images.device))[:, None, :]
    every = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[every, :, rows, columns].movedim(-1, 1).contiguous()


def _flip(images: torch.Tensor, draws: Draws) -> torch.Tensor:
    mirrored = (draws("flip")[:, 0] < 0.5).to(images.device)
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)
