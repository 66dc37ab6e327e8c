"""Printed figures and sizes as what would print so.

In: a `Number` or `Size` and the value of the network. Out: how it can be read to be true, or that it cannot. Which
reading is right for a whole table is left to `conventions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from archdsl.ops.base import Shape
from archdsl.verify.table import Number, Size

__all__ = ["Reading", "matches_size", "reading", "show_count", "square"]

Reading = Literal["exact", "rounded", "cut off"]
"""How a printed figure stands for a value: all its digits, or the value rounded or cut to the last of them."""


def reading(number: Number, value: int | Fraction, base: int = 1000) -> Reading | None:
    """How `value` prints as this number, thousands being 1000 or 1024; None where it does not.

    >>> reading(Number("159K", Decimal(159), Decimal(1), power=1), 159_600)
    'cut off'
    """
    scale = Fraction(base**number.power)
    printed, unit = Fraction(number.digits) * scale, Fraction(number.last) * scale
    if value == printed:
        return "exact" if unit == 1 else "rounded"
    if abs(value - printed) * 2 <= unit:
        return "rounded"
    if printed < value < printed + unit:
        return "cut off"
    return None


def show_count(value: int, number: Number, base: int = 1000) -> str:
    """The value as the table would print it, and whole: `163K = 163,328`.

    >>> show_count(163_328, Number("159K", Decimal(159), Decimal(1), power=1))
    '163K = 163,328'
    """
    whole = f"{value:,}"
    if number.power == 0 and number.last <= 1:
        return whole
    steps = Fraction(value, base**number.power) / Fraction(number.last)
    digits = Decimal(int(steps + Fraction(1, 2))) * number.last
    exponent = digits.adjusted() // 3 * 3
    if number.power or exponent < 7:
        return f"{digits:,f}{('', 'K', 'M', 'G', 'T')[number.power]} = {whole}"
    return f"{digits.scaleb(-exponent).normalize():f}x10^{exponent} = {whole}"


def matches_size(size: Size, shape: Shape, symbols: Mapping[str, int]) -> Literal["last", "first"] | None:
    """Whether a printed size is this one, and where its channels stand; letters without a value are anything.

    `55x55x96`, `96@55x55`, `55x55` and `55` are all (55, 55, 96), as far as they go; `1x1x4096` is (4096,).
    """
    parts = [symbols.get(part, part) if isinstance(part, str) else part for part in size.parts]
    if size.order != "first" and _fits(parts, shape):
        return "last"
    if size.order != "last" and len(parts) > 1 and _fits([*parts[1:], parts[0]], shape):
        return "first"
    return None


def _fits(parts: list[int | str], shape: Shape) -> bool:
    if len(shape) == 1 and len(parts) > 1 and all(part == 1 for part in parts):
        return True  # a vector has been made of 1x1xC: `1x1` is what is left of it
    wanted = _without_ones(parts)
    bare = _without_ones(list(shape))
    if len(wanted) == len(bare) and all(
        isinstance(one, str) or one == other for one, other in zip(wanted, bare, strict=True)
    ):
        return True
    spatial = shape[:-1]
    if spatial and len(parts) == len(spatial):
        return all(isinstance(one, str) or one == other for one, other in zip(parts, spatial, strict=True))
    if len(parts) == 1 and spatial and len(set(spatial)) == 1:
        return isinstance(parts[0], str) or parts[0] == spatial[0]
    return False


def _without_ones(parts: list[int] | list[int | str]) -> list[int | str]:
    """Leading ones dropped: a 1x1 image of C channels is a vector of C."""
    left: list[int | str] = list(parts)
    while len(left) > 1 and left[0] == 1:
        left = left[1:]
    return left


def square(extent: tuple[int, ...]) -> tuple[int, ...]:
    """A kernel or stride with one number where all are equal: 3x3 is 3.

    >>> square((3, 3))
    (3,)
    """
    return extent[:1] if len(set(extent)) == 1 else extent
