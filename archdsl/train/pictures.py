"""Weights and images as pictures.

In: tensors. Out: PNG bytes. Which ones is left to `archdsl.train.report`.
"""

from __future__ import annotations

import io
import math

import torch
from torch import nn
from torch.nn import functional

from archdsl.ops.base import Shape

__all__ = ["first_weights", "tiles"]

_MOST = 100
_LARGEST_SIDE = 64
_GAP = 2


def first_weights(made: nn.Module, size: Shape) -> torch.Tensor | None:
    """What the first layer looks for, (n, C, H, W) of 0 to 1, each between its own least and largest weight.

    Kernels of a convolution over 1 or 3 channels, or rows of a fully connected layer over a whole image (H, W, C);
    None where the first layer is another. 100 at most.
    """
    layer = next((layer for layer in made.modules() if next(layer.parameters(recurse=False), None) is not None), None)
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, torch.Tensor):
        return None
    height, width, channels = size
    if weight.ndim == 4 and weight.shape[1] in (1, 3) and min(weight.shape[2:]) > 1:
        pictures = weight
    elif weight.ndim == 2 and channels in (1, 3) and weight.shape[1] == height * width * channels:
        pictures = weight.reshape(-1, channels, height, width)
    else:
        return None
    pictures = pictures.detach().float().cpu()[:_MOST]
    low, high = pictures.amin((1, 2, 3), keepdim=True), pictures.amax((1, 2, 3), keepdim=True)
    return (pictures - low) / (high - low).clamp(min=1e-12)


def tiles(images: torch.Tensor, columns: int | None = None) -> bytes:
    """Images (n, C, H, W) of 0 to 1 beside each other in one PNG, small ones enlarged pixel by pixel."""
    from PIL import Image

    count, _, height, width = images.shape
    zoom = max(1, _LARGEST_SIDE // max(height, width))
    images = functional.interpolate(images.float(), scale_factor=zoom, mode="nearest") if zoom > 1 else images
    images = functional.pad(images, (_GAP,) * 4, value=1.0)
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    blank = torch.full((rows * columns - count, *images.shape[1:]), 1.0)
    every = torch.cat([images, blank])
    grid = every.reshape(rows, columns, *every.shape[1:]).permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
    pixels = (grid.clamp(0, 1) * 255).round().to(torch.uint8).movedim(0, -1).numpy()
    made = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(made, "PNG")
    return made.getvalue()
