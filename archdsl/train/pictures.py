"""Numbers and images as pictures.

In: tensors. Out: PNG bytes, and the tag that shows them in a page. Which ones is left to `archdsl.train.report` and
`weight_pictures`.
"""

from __future__ import annotations

import base64
import io
import math
from html import escape
from typing import Final

import torch
from torch.nn import functional

__all__ = ["data_url", "diverging", "image_tag", "png", "tiles"]

_LARGEST_SIDE: Final = 64
_GAP: Final = 2
_BELOW: Final = (0x33, 0x66, 0xAA)
_ABOVE: Final = (0xCC, 0x55, 0x22)


def diverging(values: torch.Tensor, largest: float) -> torch.Tensor:
    """Numbers of any shape as colours (…, 3) of 0 to 1: blue below zero, white at it, orange above.

    The full colour is that of `largest`, and of its negative.
    """
    share = (values / largest).clamp(-1, 1)[..., None] if largest > 0 else torch.zeros(*values.shape, 1)
    full = torch.where(share < 0, torch.tensor(_BELOW) / 255, torch.tensor(_ABOVE) / 255)
    return 1 - share.abs() * (1 - full)


def tiles(images: torch.Tensor, columns: int | None = None) -> bytes:
    """Images (n, C, H, W) of 0 to 1 beside each other in one PNG, small ones enlarged pixel by pixel."""
    count, _, height, width = images.shape
    zoom = max(1, _LARGEST_SIDE // max(height, width))
    images = functional.interpolate(images.float(), scale_factor=zoom, mode="nearest") if zoom > 1 else images
    images = functional.pad(images, (_GAP,) * 4, value=1.0)
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    blank = torch.full((rows * columns - count, *images.shape[1:]), 1.0)
    every = torch.cat([images, blank])
    grid = every.reshape(rows, columns, *every.shape[1:]).permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
    return png(grid.movedim(0, -1))


def png(pixels: torch.Tensor) -> bytes:
    """An image (H, W, C) of 0 to 1."""
    from PIL import Image

    array = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).contiguous().numpy()
    made = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(made, "PNG")
    return made.getvalue()


def data_url(image: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def image_tag(image: bytes, alt: str) -> str:
    """A PNG in a page."""
    return f'<img alt="{escape(alt, quote=True)}" src="{data_url(image)}">'
