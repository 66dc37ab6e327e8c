"""A first layer that whitens: filters that are the principal components of the images' own patches.

In: a module, the rules of `init`, the training images. Out: the module with those filters, which are held. Other first
weights are left to `archdsl.codegen.initialise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import nn

from archdsl.codegen.initialise import Ruled, ruled
from archdsl.elaborate.recipe_init import Initial, Whiten
from archdsl.graph import Graph
from archdsl.ops.base import show_shape
from archdsl.train.dataset import Dataset
from archdsl.train.errors import TrainError
from archdsl.train.randomness import order

__all__ = ["whiten"]

_IMAGES: Final = 5000
"""Of the training set, so many say what the patches are like; Jordan, 2024, takes as many."""
_AT_ONCE: Final = 500


def whiten(made: nn.Module, graph: Graph, rules: Sequence[Initial], data: Dataset | None) -> list[str]:
    """Give the layers that `whiten` names their filters, and hold them; without data, hold those that they have.

    `init first=whiten` on `conv 2x2 24` over 32x32x3: a patch has 2*2*3 = 12 values, so there are 12 components v of
    variance s, each as v / sqrt(s + eps), and 12 negatives. The bias stays free. Returns a sentence for each. Raises
    `TrainError` for a layer that is no convolution over whole images, or has another number of filters.

    Page, "How to train your ResNet", 2018; Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024.
    """
    said = []
    for given in ruled(made, graph, rules):
        if isinstance(given.distribution, Whiten) and given.name == "weight":
            if data is not None:
                with torch.no_grad():
                    given.weight.copy_(_filters(given, graph, data, given.distribution.eps))
                said.append(f"whitened: `{given.path}`, by {min(_IMAGES, len(data.train)):,} images")
            given.weight.requires_grad_(False)
    return said


def _filters(given: Ruled, graph: Graph, data: Dataset, eps: float) -> torch.Tensor:
    filters, channels, *kernel = given.weight.shape
    entering = given.node.inputs[0].node
    over_images = graph.nodes[entering].op is None and channels == data.size[2]
    if given.node.kind != "conv" or len(kernel) != 2 or not over_images:
        raise TrainError(f"`whiten` is for a convolution over whole images, and `{given.path}` is none")
    values = channels * kernel[0] * kernel[1]
    if filters not in (values, 2 * values):
        raise TrainError(
            f"`{given.path}` has {filters} filters, and a patch of {show_shape((*kernel, channels))} has"
            f" {values} values",
            f"{values} filters, or {2 * values} with the negatives",
        )
    variances, components = torch.linalg.eigh(_covariance(data, (kernel[0], kernel[1])))
    # Sorted from the weakest up; of a component and its negative, the one whose largest value is above zero.
    strongest = components.T.flip(0)
    largest = strongest.gather(1, strongest.abs().argmax(1, keepdim=True))
    scaled = strongest * largest.sign() / torch.sqrt(variances.flip(0).clamp(min=0) + eps)[:, None]
    found = scaled.reshape(values, channels, *kernel)
    return (found if filters == values else torch.cat([found, -found])).to(given.weight)


def _covariance(data: Dataset, kernel: tuple[int, int]) -> torch.Tensor:
    """The mean product (n, n) of the values of a patch, over every patch of some images as they are without changes."""
    chosen = order(0, 0, len(data.train))[:_IMAGES].sort().values
    total, count = torch.zeros(()), 0
    for indices in torch.split(chosen, _AT_ONCE):
        images = data.prepare.normalised(data.prepare.floats(data.train.take(indices, None)))
        patches = nn.functional.unfold(images.double(), kernel).movedim(1, 0).flatten(1)
        total, count = total + patches @ patches.T, count + patches.shape[1]
    return total / count
