"""The 8x8 digits of scikit-learn, which need no file.

In: the size that the network takes. Out: images scaled to it. What is done to batches is left to
`archdsl.train.dataset`.
"""

from __future__ import annotations

from typing import Final

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_settings import Augment
from archdsl.ops.base import Shape, show_shape
from archdsl.train.dataset import Examples, Read
from archdsl.train.errors import TrainError

__all__ = ["read_digits"]

_TEST: Final = 360
_SPLIT_SEED: Final = 0


def read_digits(size: Shape, augment: Augment) -> Read:
    """The digits (Alpaydin & Kaynak, 1998), scaled to `size` (H, W, C) less the padding, or to `resize`.

    Every run has the same 360 for its test.
    """
    from sklearn.datasets import load_digits

    pad = augment.pad or 0
    height, width = size[0] - 2 * pad, size[1] - 2 * pad
    if augment.resize or augment.resized_crop or (augment.crop is not None and augment.crop.size != (height, width)):
        height = width = 8
    if height < 1 or width < 1:
        raise TrainError(f"nothing is left of {show_shape(size)} within {pad} zeros on each side")
    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(bunch.target, dtype=torch.int64)
    if (height, width) != (8, 8):
        images = functional.interpolate(images, size=(height, width), mode="bilinear", antialias=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(_SPLIT_SEED))
    test, train = order[:_TEST], order[_TEST:]
    parts = (Examples(images[train], labels[train]), Examples(images[test], labels[test]))
    remark = "" if (height, width) == (8, 8) else f"8x8 scaled to {height}x{width}"
    return Read("digits", *parts, 10, (height, width, 1), remark, tuple(map(str, range(10))))
