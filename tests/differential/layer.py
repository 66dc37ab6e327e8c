"""What a layer of a random network is: its text, and the PyTorch that a person would write for it.

In: drawn numbers. Out: `Layer`s, whose `build` makes `Made`s once sizes and expressions are known. Nothing of archdsl
is used.

Tensors are (N, C, H, W), (N, C, D, H, W), (N, C), and (N, L, C) for sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from differential.pick import Number, Numbers, Pick
from differential.purpose import refuse_in_general

Shape = tuple[int, ...]
"""A size in the order of papers: (H, W, C), (D, H, W, C), (L, C), (C,)."""


class Values:
    """What the numbers of a text are at one place."""

    def __init__(self, names: Mapping[str, int]) -> None:
        self._names = names

    def __call__(self, number: Number, least: int = 1) -> int:
        value = number.of(self._names)
        refuse_in_general(value < least, "count")
        return value

    def all(self, numbers: Numbers, least: int = 1) -> Any:
        """As PyTorch takes it: one number, or a tuple."""
        found = tuple(self(number, least) for number in numbers)
        return found[0] if len(found) == 1 else found


@dataclass(frozen=True, slots=True)
class Made:
    """A layer that exists: `call` runs it, `modules` hold its weights."""

    call: Callable[..., Any]
    modules: tuple[nn.Module, ...] = ()


Build = Callable[..., Made]
"""Takes `Values` and the tensors that enter."""


@dataclass(frozen=True, slots=True)
class Layer:
    text: str
    build: Build


Draw = Callable[[Pick, Shape], Layer]
"""Draws a layer for an input of some size, most of them such that it fits."""


def rank(x: Tensor) -> int:
    """Spatial axes; a vector counts as an image, so that PyTorch refuses what needs positions."""
    return {2: 2, 3: 1}.get(x.dim(), x.dim() - 2)


def channels(x: Tensor) -> int:
    return x.shape[-1] if x.dim() == 3 else x.shape[1]


def channel_axis(x: Tensor) -> int:
    return 2 if x.dim() == 3 else 1


def sizes(x: Tensor) -> tuple[int, ...]:
    """Positions along each axis."""
    return tuple(x.shape[1:-1] if x.dim() == 3 else x.shape[2:])


def first(call: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A layer that wants the channels of a sequence first."""
    return lambda x: call(x.mT).mT if x.dim() == 3 else call(x)


def last(call: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A layer that wants the channels last."""
    return lambda x: call(x.movedim(1, -1)).movedim(-1, 1) if x.dim() > 3 else call(x)


def plain(text: str, module: Callable[[], nn.Module]) -> Layer:
    """A layer that looks at each value by itself; it is tried on one, since the meta device looks at no arguments."""

    def build(value: Values, x: Tensor) -> Made:
        inner = module()
        inner(torch.zeros(1, 1, device="cpu"))
        return Made(inner, (inner,))

    return Layer(text, build)


def each_axis(value: Any, count: int) -> tuple[int, ...]:
    """One number for all axes or one for each; PyTorch's `expand`, which refuses other counts."""
    if isinstance(value, tuple):
        if len(value) != count:
            raise ValueError(f"{value} for {count} axes")
        return value
    return (value,) * count
