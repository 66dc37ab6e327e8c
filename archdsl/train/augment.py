"""Random changes to a batch of training images, wherever the batch lies.

In: images (N, C, H, W) as floats of 0 to 1, which examples they are, what the recipe says. Out: images of the size that
the network takes. Every random number is a function of (seed, epoch, example). What is done to test images alike
(padding, normalisation) is left to `archdsl.train.dataset`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from archdsl.elaborate.recipe_settings import Augment
from archdsl.train.colour import jittered, lit
from archdsl.train.geometry import alternating, cropped, flipped, resized, turned
from archdsl.train.mixing import blanked, mixed, pasted
from archdsl.train.randomness import seed_of, uniforms

__all__ = ["Draws", "Mixed", "augmented", "blended", "mixes"]


@dataclass(frozen=True)
class Draws:
    """The random numbers of some examples in one epoch."""

    seed: int
    epoch: int
    indices: torch.Tensor

    def __call__(self, what: str, columns: int = 1) -> torch.Tensor:
        """Numbers (n, columns) from 0 to below 1 for one purpose, on the CPU, so that devices see the same changes."""
        return uniforms(seed_of(what, self.seed, self.epoch), self.indices, columns)


def augmented(
    images: torch.Tensor, augment: Augment | None, draws: Draws, components: torch.Tensor | None = None
) -> torch.Tensor:
    """A batch changed at random, before it is normalised; `components` (3, 3) are those of the colours."""
    if augment is None:
        return images
    if augment.crop is not None:
        images = cropped(images, augment.crop, draws("crop", 2), reflect=augment.reflect)
    if augment.resized_crop is not None:
        images = resized(images, augment.resized_crop, draws("resized_crop", 4))
    if augment.alternate:
        images = alternating(images, replace(draws, epoch=0)("flip"), draws.epoch)
    elif augment.flip:
        images = flipped(images, draws("flip"))
    if augment.rotate is not None:
        images = turned(images, augment.rotate, draws("rotate"))
    if augment.jitter is not None:
        images = jittered(images, augment.jitter, draws("jitter", 3))
    if augment.lighting is not None:
        assert components is not None
        images = lit(images, augment.lighting, components, draws("lighting", 3))
    return images


@dataclass(frozen=True)
class Mixed:
    """Images, and where they are mixed the share (n,) of each that is its own; the rest is the one behind it."""

    images: torch.Tensor
    shares: torch.Tensor | None = None


def mixes(augment: Augment | None) -> bool:
    """Whether images are mixed with those behind them."""
    return augment is not None and (augment.mixup is not None or augment.cutmix is not None)


def blended(images: torch.Tensor, augment: Augment | None, draws: Draws) -> Mixed:
    """A batch after it is normalised: squares blanked, images mixed.

    Where images are mixed, the last one is only there to be mixed into the one before it.
    """
    if augment is None:
        return Mixed(images)
    if augment.cutout is not None:
        images = blanked(images, augment.cutout, draws("cutout", 2))
    if augment.mixup is not None:
        return Mixed(*mixed(images[:-1], images[1:], augment.mixup, draws("mixup")[:-1]))
    if augment.cutmix is not None:
        return Mixed(*pasted(images[:-1], images[1:], augment.cutmix, draws("cutmix", 3)[:-1]))
    return Mixed(images)
