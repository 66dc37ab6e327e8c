"""Rows that give one figure for a whole network: `Number of parameters (millions)`, `FLOPs`, `11 weight layers`.

In: a cell that names the row. Out: what its figures count, and in what thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from archdsl.verify.reading.numbers import COUNTED, Counted, NotANumber, figure
from archdsl.verify.reading.vocabulary import header

__all__ = ["Quantity", "is_total", "quantity"]

_TOTALS = frozenset(
    {"total", "totals", "sum", "overall", "in total", "合计", "总计", "总和", "总", "whole network", "all"}
)
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a row's figures count, and the thousands that they are in."""

    counted: Counted
    power: int = 0


def quantity(text: str) -> Quantity | None:
    """What a row is about that gives a figure for a whole network, or None.

    >>> quantity("Number of parameters (millions)"), quantity("11 weight layers"), quantity("conv1")
    (Quantity(counted='params', power=2), Quantity(counted='depth', power=0), None)
    """
    if len(text) > _LONGEST:
        return None
    named = header(text)
    if named is not None and named.role in COUNTED:
        return Quantity(cast(Counted, named.role), named.power)
    try:
        counted = figure(text).counted
    except NotANumber:
        return None
    return Quantity(counted) if counted else None


def is_total(text: str) -> bool:
    """Whether a row is named as the sum of the others."""
    return text.strip().rstrip(":：").lower() in _TOTALS
