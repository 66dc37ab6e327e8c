"""One axis of a plot.

In: values and where they may be on the page. Out: the scale, linear or logarithmic, and round numbers along it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Axis", "axis", "near"]

_SPAN: Final = 30
"""From which factor between the smallest and the largest value on an axis is logarithmic."""


@dataclass(frozen=True, slots=True)
class Axis:
    """`low` and `high` are the values at the page's `start` and `end`; `ticks` are round values between them."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Where a value is on the page."""
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def axis(values: Sequence[float], start: float, end: float, *, margin: float) -> Axis:
    """The axis for values of zero or more.

    Logarithmic where the largest is more than 30 times the smallest and none is zero; else linear, from zero.

    - `start`, `end`: where on the page it begins and ends.
    - `margin`: how far from its ends the values keep, on the page.
    """
    small, large = min(values), max(values)
    room = margin / abs(end - start)
    if small > 0 and large > _SPAN * small:
        # The margin on both sides, as a share of the whole, in factors.
        stretch = (large / small) ** (room / (1 - 2 * room))
        low, high = small / stretch, large * stretch
        return Axis(low, high, start, end, True, _decades(low, high))
    high = (large or 1) / (1 - room)
    return Axis(0, high, start, end, False, _steps(0, high))


def near(values: Sequence[float], start: float, end: float, *, margin: float) -> Axis:
    """The axis for values whose differences matter and not their distance from zero, such as percentages.

    Linear from below the smallest to above the largest; values that are equal stand in the middle of one unit.
    """
    small, large = min(values), max(values)
    room = margin / abs(end - start)
    stretch = max(large - small, 1.0) / (1 - 2 * room)
    low = (small + large - stretch) / 2
    return Axis(low, low + stretch, start, end, False, _steps(low, low + stretch))


def _decades(low: float, high: float) -> tuple[float, ...]:
    """Powers of ten, with 2 and 5 of each where there are few."""
    parts = (1, 2, 5) if high / low < 3_000 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return tuple(part * 10.0**power for power in powers for part in parts if low <= part * 10.0**power <= high)


def _steps(low: float, high: float) -> tuple[float, ...]:
    """From four to ten steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = max(part * power for part in (1, 2, 5) if part * power <= (high - low) / 4)
    return tuple(step * count for count in range(math.ceil(low / step), math.floor(high / step) + 1))
