"""What the training images say of themselves: mean, deviation, the principal components of their colours.

In: what a reader found. Out: a `Prepare` that has them. Using them is left to `archdsl.train.dataset` and
`archdsl.train.colour`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch

from archdsl.diagnostics import counted
from archdsl.elaborate.recipe_settings import Augment
from archdsl.train.dataset import Examples, Prepare, Read
from archdsl.train.errors import TrainError
from archdsl.train.randomness import order

__all__ = ["with_statistics"]

_BATCH: Final = 1000
_MOST: Final = 20_000
"""Of a set that is not in memory, so many images are read for it."""
_NO_DEVIATION: Final = 1e-6


def with_statistics(found: Read, prepare: Prepare, augment: Augment) -> tuple[Prepare, str]:
    """The same with what `normalize` and `lighting` need, over all pixels of the training images, and a remark on it.

    Raises `TrainError` where a channel has one value everywhere, and for the colours of grey images.
    """
    chosen, remark = torch.arange(len(found.train)), ""
    if not isinstance(found.train, Examples) and len(chosen) > _MOST:
        chosen = order(0, 0, len(chosen))[:_MOST].sort().values
        remark = f"mean and deviation are of {_MOST:,} images"
    channels = found.size[2]
    count, total = 0, torch.zeros(channels, dtype=torch.float64)
    products = torch.zeros(channels, channels, dtype=torch.float64)
    for indices in torch.split(chosen, _BATCH):
        pixels = prepare.floats(found.train.take(indices, None)).double().movedim(1, 0).flatten(1)
        count += pixels.shape[1]
        total, products = total + pixels.sum(1), products + pixels @ pixels.T
    mean = total / count
    covariance = (products - count * torch.outer(mean, mean)) / (count - 1)
    if augment.normalize:
        deviation = covariance.diagonal().clamp(min=0).sqrt()
        if bool((deviation < _NO_DEVIATION).any()):
            raise TrainError(f"{found.name}: a channel has one value everywhere, and cannot be normalised")
        prepare = replace(prepare, mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()))
    if augment.lighting is not None:
        if channels != 3:
            has = counted(channels, "channel")
            raise TrainError(f"`augment lighting` moves red, green and blue, and `{found.name}` has {has}")
        values, vectors = torch.linalg.eigh(covariance)
        prepare = replace(prepare, components=tuple(map(tuple, (vectors * values).tolist())))
    return prepare, remark
