"""The few ways in which people count parameters and operations, and which of them a table follows.

In: printed figures beside the parts they may add up. Out: the one convention for the whole table that explains most,
and what explains a figure that it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from archdsl.verify.figures import Reading, reading
from archdsl.verify.subject import Parts
from archdsl.verify.table import Number

__all__ = ["Choice", "Convention", "Figure", "Quantity", "choose", "conventions", "second"]

Quantity = Literal["params", "ops"]


@dataclass(frozen=True, slots=True)
class Convention:
    """A way to count, by the name that a verdict gives it; `heads` counts the training-only outputs' layers as well."""

    name: str
    of: Callable[[Parts], int]
    heads: bool = False

    def value(self, figure: Figure) -> int:
        """The count of a figure's layers."""
        return self.of(figure.parts + figure.heads if self.heads else figure.parts)


@dataclass(frozen=True, slots=True)
class Figure:
    """A printed number and what it may count; `heads` is empty but for figures of the whole network."""

    number: Number
    parts: Parts
    heads: Parts = Parts()  # noqa: RUF009  # frozen


@dataclass(frozen=True, slots=True)
class Choice:
    """A convention with its thousands (1000 or 1024), and how many of the table's figures it explains.

    `usual` says that it is what the header promises, so that a figure that it explains simply holds.
    """

    convention: Convention
    base: int
    usual: bool
    explained: int = 0
    figures: int = 0

    @property
    def name(self) -> str:
        """`weights only, K = 1024`."""
        return f"{self.convention.name}, K = 1024" if self.base == 1024 else self.convention.name

    def read(self, figure: Figure) -> Reading | None:
        """How the figure prints the value, if it does."""
        return reading(figure.number, self.convention.value(figure), self.base)


_PARAMS = (
    Convention("all trained parameters", lambda p: p.weights + p.biases + p.norms),
    Convention("weights only", lambda p: p.weights),
    Convention("without batch norm", lambda p: p.weights + p.biases),
    Convention("without biases", lambda p: p.weights + p.norms),
    Convention("with running statistics", lambda p: p.weights + p.biases + p.norms + p.buffers),
    Convention("channels as printed, groups not divided by", lambda p: p.dense + p.biases),
    Convention("with the auxiliary heads", lambda p: p.weights + p.biases + p.norms, heads=True),
    Convention("weights only, with the auxiliary heads", lambda p: p.weights, heads=True),
)
_MULTIPLY_ADDS = Convention("multiply-adds", lambda p: p.macs)
_FLOPS = Convention("FLOPs, two a multiply-add", lambda p: 2 * p.macs)
_OPS = (
    Convention("every addition and multiplication", lambda p: 2 * p.macs + p.work),
    Convention("multiply-adds and biases, as torchinfo counts", lambda p: p.macs + p.bias_adds + p.norms),
    Convention("multiply-adds of convolutions only", lambda p: p.conv_macs),
    Convention("multiply-adds, groups not divided by", lambda p: p.dense_macs),
    Convention("multiply-adds, with the auxiliary heads", lambda p: p.macs, heads=True),
)


def conventions(quantity: Quantity, *, flops: bool) -> tuple[Convention, ...]:
    """All that are tried, the usual one first; `flops` says that the header speaks of FLOPs."""
    if quantity == "params":
        return _PARAMS
    return (_FLOPS, _MULTIPLY_ADDS, *_OPS) if flops else (_MULTIPLY_ADDS, _FLOPS, *_OPS)


def _all(quantity: Quantity, figures: Sequence[Figure], *, flops: bool) -> list[Choice]:
    bases = (1000, 1024) if any(figure.number.power for figure in figures) else (1000,)
    tried = conventions(quantity, flops=flops)
    return [Choice(one, base, one is tried[0] and base == 1000) for base in bases for one in tried]


def choose(quantity: Quantity, figures: Sequence[Figure], *, flops: bool = False) -> Choice:
    """The choice that explains most figures of a table; between equals the one with fewer cut off, then the usual one.

    >>> choose("params", [Figure(Number("23K", Decimal(23), Decimal(1), 1), Parts(weights=23_232, biases=96))]).name
    'all trained parameters'
    """
    best: Choice | None = None
    most = (-1, -1)
    for choice in _all(quantity, figures, flops=flops):
        found = [choice.read(figure) for figure in figures]
        rank = (sum(one is not None for one in found), sum(one in ("exact", "rounded") for one in found))
        if choice.base == 1024 and rank[0] < 2:
            continue  # one figure alone does not make a K of 1024
        if best is None or rank > most:
            best = Choice(choice.convention, choice.base, choice.usual, rank[0], len(figures))
            most = rank
    assert best is not None
    return best


def second(quantity: Quantity, figures: Sequence[Figure], *, flops: bool = False) -> Choice | None:
    """For figures that the table's choice leaves open: another one that explains at least two of them, or None.

    One figure alone proves nothing: among so many ways to count and round, one fits many a misprint.
    """
    if len(figures) < 2:
        return None
    best = choose(quantity, figures, flops=flops)
    return best if best.explained >= 2 else None


def alone(quantity: Quantity, figure: Figure, *, flops: bool = False) -> Choice | None:
    """A choice that would explain one figure, to be mentioned and not to be believed."""
    return next((one for one in _all(quantity, [figure], flops=flops) if one.read(figure)), None)
