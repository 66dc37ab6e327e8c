"""FCN-32s, 16s and 8s of `specs/`, equal to what the authors' code computes, written out here.

In: the file, its channels made few, which changes no position. Out: the same scores as from `torch.nn.functional` with
the places of the cuts that the authors' code has: 5 and 9 where scores are added, 19, 27 and 31 at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import archdsl
from archdsl.zoo import find

SIDES = (75, 93)
CLASSES = 21


def _small(variant: str) -> nn.Module:
    """The network of few channels; the claims of the file, which are of many, are left out."""
    text = re.sub(" expect .*", "", find(variant).path.read_text(encoding="utf-8"))
    for wide, narrow in (
        ("<64, 2, 100>", "<3, 2, 100>"),
        ("<128,", "<4,"),
        ("<256,", "<5,"),
        ("<512,", "<6,"),
        ("4096", "8"),
    ):
        assert wide in text
        text = text.replace(wide, narrow)
    return archdsl.loads(text, variant=variant, inputs={None: (*SIDES, 3)}).module(seed=0).eval()


def _cut(large: Tensor, at: int, sides: tuple[int, ...]) -> Tensor:
    return large[:, :, at : at + sides[0], at : at + sides[1]]


def _enlarged(scores: Tensor, weight: Tensor, earlier: tuple[tuple[Tensor, Tensor, Tensor, int], ...]) -> Tensor:
    """Scores doubled once for each earlier pool and added to its own."""
    for pool, one, double, at in earlier:
        scores = functional.conv_transpose2d(scores, double, stride=2)
        scores = scores + _cut(functional.conv2d(pool, one), at, scores.shape[2:])
    return functional.conv_transpose2d(scores, weight, stride=weight.shape[-1] // 2)


@pytest.mark.parametrize(("variant", "pools", "at"), [("fcn32s", (), 19), ("fcn16s", (3,), 27), ("fcn8s", (3, 2), 31)])
def test_scores_are_those_of_the_authors_code(variant: str, pools: tuple[int, ...], at: int) -> None:
    module = _small(variant)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name.endswith("bias"):
                weight.zero_()
    weights: Iterator[Tensor] = (weight.detach() for weight in module.parameters() if weight.dim() > 1)
    torch.manual_seed(0)
    image = torch.randn(1, 3, *SIDES)
    x, pooled = image, []
    for stage, layers in enumerate((2, 2, 3, 3, 3)):
        for layer in range(layers):
            x = functional.conv2d(x, next(weights), padding=100 if (stage, layer) == (0, 0) else 1).relu()
        x = functional.max_pool2d(x, 2, ceil_mode=True)
        pooled.append(x)
    for _ in range(2):
        x = functional.conv2d(x, next(weights)).relu()
    scores = functional.conv2d(x, next(weights))
    earlier = []
    for pool, place in zip(pools, (5, 9), strict=False):
        double, one = next(weights), next(weights)
        earlier.append((pooled[pool], one, double, place))
    expected = _cut(_enlarged(scores, next(weights), tuple(earlier)), at, SIDES)
    assert next(weights, None) is None
    with torch.no_grad():
        got = module(image)
    assert got.shape == (1, CLASSES, *SIDES)
    assert expected.abs().max() > 0
    torch.testing.assert_close(got, expected)
